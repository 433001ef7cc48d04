#include "dynakv/base/error_code.h"

namespace dynakv {
namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
  std::string_view python;
  bool retryable;
};

constexpr Row kRows[] = {
#define DYNAKV_ERROR_ROW(name, number, python, retryable) \
  {ErrorCode::name, #name, python, retryable},
    DYNAKV_ERROR_TABLE(DYNAKV_ERROR_ROW)
#undef DYNAKV_ERROR_ROW
};

const Row& row_of(ErrorCode code) {
  for (const Row& row : kRows) {
    if (row.code == code) return row;
  }
  static constexpr Row kUnknown{ErrorCode::internal, "unknown", "InternalError", false};
  return kUnknown;
}

}  // namespace

std::string_view error_name(ErrorCode code) { return row_of(code).name; }

std::string_view error_python_class(ErrorCode code) { return row_of(code).python; }

bool error_is_retryable(ErrorCode code) { return row_of(code).retryable; }

std::optional<ErrorCode> error_code_from_number(std::uint16_t number) {
  for (const Row& row : kRows) {
    if (static_cast<std::uint16_t>(row.code) == number) return row.code;
  }
  return std::nullopt;
}

}  // namespace dynakv

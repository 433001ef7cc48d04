// Result<T>: a value or an Error, never ignored by accident.
//
// Expected failures (a quorum not met, a corrupt frame) travel as results; broken invariants go
// through DYNAKV_CHECK; bad arguments are refused at the edge by validate(). This file is the only
// one that names tl::expected: std::expected needs C++23, and tl::expected 1.0 can be ignored
// silently, hence the [[nodiscard]] struct around it. Style: early return, no and_then chains.
#pragma once

#include <string>
#include <utility>
#include <tl/expected.hpp>

#include "dynakv/base/error_code.h"

namespace dynakv {

/// What went wrong and what to do about it. `message` is one sentence for a person.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;

  bool operator==(const Error&) const = default;
};

template <typename T>
struct [[nodiscard]] Result : tl::expected<T, Error> {
  using tl::expected<T, Error>::expected;
};

using Status = Result<void>;

/// `return fail(ErrorCode::timeout, "...")` in a function that returns any Result.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace dynakv

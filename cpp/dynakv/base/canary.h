// Planted bugs, to test the tests: each one removes a rule of the design, and the simulator's tests
// fail when they do not catch it (INVARIANTS §3.1, the bug zoo).
//
// A layer names its own in a table (DYNAKV_DEFINE_CANARIES), and its code asks canary(Table::x)
// where the bug would be. They exist only in programs compiled with DYNAKV_CANARIES; everywhere
// else canary() is the constant false, and no trace of them is left in the code.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dynakv {

struct CanaryRow {
  std::string_view name;
  /// What it breaks.
  std::string_view breaks;
};

#define DYNAKV_CANARY_ENUMERATOR(name, breaks) name,

#ifdef DYNAKV_CANARIES

#define DYNAKV_CANARY_ROW(name, breaks) CanaryRow{#name, breaks},
/// Defines the enum `Bug` of the bugs in TABLE, whose rows are X(name, what it breaks), the array
/// `rows`, and which row a bug is.
#define DYNAKV_DEFINE_CANARIES(Bug, rows, TABLE)                     \
  enum class Bug : std::uint8_t { TABLE(DYNAKV_CANARY_ENUMERATOR) }; \
  inline constexpr std::array rows = {TABLE(DYNAKV_CANARY_ROW)};     \
  inline const CanaryRow& row_of(Bug bug) { return rows[static_cast<std::size_t>(bug)]; }

/// Null: none. It points into a table.
inline const CanaryRow* planted_canary = nullptr;

template <typename Bug>
bool canary(Bug bug) {
  return planted_canary == &row_of(bug);
}

#else

#define DYNAKV_DEFINE_CANARIES(Bug, rows, TABLE) \
  enum class Bug : std::uint8_t { TABLE(DYNAKV_CANARY_ENUMERATOR) };

template <typename Bug>
constexpr bool canary(Bug) {
  return false;
}

#endif

}  // namespace dynakv

// Rare situations that a long simulation must meet, by name: tests that never meet the hard cases
// prove nothing (INVARIANTS §3.1; FoundationDB's CODE_PROBE, Antithesis's Sometimes).
//
// A layer names its points in a table of its own (DYNAKV_DEFINE_SOMETIMES), and its code says
// sometimes(Point::x) where x happens. `./dev sim` counts the seeds in which that was so, and fails
// when a long run missed a point. A point adds one to a counter of its thread and decides nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dynakv {

struct SometimesRow {
  std::string_view name;
  /// What happened.
  std::string_view happened;
};

#define DYNAKV_SOMETIMES_ENUMERATOR(name, happened) name,
#define DYNAKV_SOMETIMES_ROW(name, happened) SometimesRow{#name, happened},
/// Defines the enum `Point` of the points in TABLE, whose rows are X(name, what happened), and the
/// array `rows`.
#define DYNAKV_DEFINE_SOMETIMES(Point, rows, TABLE)                              \
  enum class Point : std::uint8_t { TABLE(DYNAKV_SOMETIMES_ENUMERATOR) count_ }; \
  inline constexpr std::array rows = {TABLE(DYNAKV_SOMETIMES_ROW)}

template <typename Point>
inline constexpr std::size_t kSometimesCount = static_cast<std::size_t>(Point::count_);

/// How often this thread has reached each point of a table, in its order.
template <typename Point>
inline constinit thread_local std::array<std::uint64_t, kSometimesCount<Point>> sometimes_counts{};

/// Counts the point if `reached`.
template <typename Point>
void sometimes(Point point, bool reached = true) {
  sometimes_counts<Point>[static_cast<std::size_t>(point)] += reached ? 1u : 0u;
}

}  // namespace dynakv

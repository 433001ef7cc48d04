// Points and spans of time as plain values. There is no clock here: the driver of a machine says
// what time it is (DESIGN §3), so a simulator can do so too.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace dynakv {

/// A span of time in nanoseconds; may be negative.
struct Duration {
  std::int64_t nanoseconds = 0;

  auto operator<=>(const Duration&) const = default;
  constexpr std::int64_t milliseconds() const { return nanoseconds / 1'000'000; }
};

constexpr Duration microseconds(std::int64_t n) { return {n * 1'000}; }
constexpr Duration milliseconds(std::int64_t n) { return {n * 1'000'000}; }
constexpr Duration seconds(std::int64_t n) { return {n * 1'000'000'000}; }

/// A point on a monotonic clock, in nanoseconds since an arbitrary origin.
struct Instant {
  std::int64_t nanoseconds = 0;

  auto operator<=>(const Instant&) const = default;
  static constexpr Instant far_future() { return {std::numeric_limits<std::int64_t>::max()}; }
};

constexpr Duration operator+(Duration a, Duration b) { return {a.nanoseconds + b.nanoseconds}; }
constexpr Duration operator-(Duration a, Duration b) { return {a.nanoseconds - b.nanoseconds}; }
constexpr Duration operator*(Duration a, std::int64_t n) { return {a.nanoseconds * n}; }
constexpr Duration operator/(Duration a, std::int64_t n) { return {a.nanoseconds / n}; }
constexpr Instant operator+(Instant at, Duration span) {
  return {at.nanoseconds + span.nanoseconds};
}
constexpr Instant operator-(Instant at, Duration span) {
  return {at.nanoseconds - span.nanoseconds};
}
constexpr Duration operator-(Instant a, Instant b) { return {a.nanoseconds - b.nanoseconds}; }

/// Milliseconds since 1970 by the machine's calendar clock, which may jump and be wrong. Only
/// timestamps of values use it (DESIGN I25), never a timeout.
struct WallTime {
  std::int64_t milliseconds = 0;

  auto operator<=>(const WallTime&) const = default;
};

/// What a driver tells a machine about time at the start of each input.
struct Now {
  Instant steady;
  WallTime wall;
};

}  // namespace dynakv

// Hybrid logical time: calendar milliseconds with a logical counter behind them, so that one node's
// stamps always grow, even when its calendar clock stands still or steps back.
//
// Timestamps order values only in `lww` buckets and are shown to people; no other rule uses them
// (DESIGN I25). A coordinator refuses a stamp that is too far ahead instead of adopting it: one
// wrong clock must not carry the whole cluster into the future.
// Source: Kulkarni et al., Logical Physical Clocks (2014); the bound as in DESIGN §4.
#pragma once

#include <compare>
#include <cstdint>

#include "dynakv/base/result.h"
#include "dynakv/base/time.h"

namespace dynakv {

/// 48 bits of milliseconds since 1970, then 16 bits of logical counter.
struct HybridTime {
  std::uint64_t packed = 0;

  auto operator<=>(const HybridTime&) const = default;
  std::int64_t milliseconds() const { return static_cast<std::int64_t>(packed >> 16); }
  static HybridTime from_wall(WallTime wall);
};

/// How far ahead of this node's calendar clock a stamp may be when coordinating.
inline constexpr std::int64_t kClockAheadMsMax = 500;

class HybridClock {
 public:
  /// The next stamp: later than every stamp given before, and later than `after`.
  /// Errors: clock_skew when `after`, or the last stamp, is more than kClockAheadMsMax ahead of
  /// `wall`: the clocks are wrong, or this one stepped back.
  Result<HybridTime> next(WallTime wall, HybridTime after = {});

 private:
  HybridTime last_;
};

}  // namespace dynakv

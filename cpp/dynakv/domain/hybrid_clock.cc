#include "dynakv/domain/hybrid_clock.h"

#include <algorithm>
#include <string>

namespace dynakv {

HybridTime HybridTime::from_wall(WallTime wall) {
  return {static_cast<std::uint64_t>(std::max<std::int64_t>(wall.milliseconds, 0)) << 16};
}

Result<HybridTime> HybridClock::next(WallTime wall, HybridTime after) {
  // This node's own last stamp counts too: its clock may have stepped back since.
  after = std::max(after, last_);
  const std::int64_t ahead_ms = after.milliseconds() - wall.milliseconds;
  if (after.packed != 0 && ahead_ms > kClockAheadMsMax) {
    return fail(ErrorCode::clock_skew,
                "the newest timestamp is " + std::to_string(ahead_ms) +
                    " ms ahead of this node's clock, so a new write would lose against it; "
                    "set the clocks right (NTP) or wait");
  }
  last_.packed = std::max(HybridTime::from_wall(wall).packed, after.packed + 1);
  return last_;
}

}  // namespace dynakv

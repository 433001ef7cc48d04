// The clocks of one simulated host: what they say at a point of virtual time.
//
// Both run fast or slow together, as on a machine with a bad oscillator. The calendar clock may
// also be set wrong, and jump. The steady clock never goes back.
#pragma once

#include <cstdint>

#include "dynakv/base/check.h"
#include "dynakv/base/time.h"

namespace dynakv {

class HostClock {
 public:
  /// Half as fast, or half as fast again: worse than any machine's clock.
  static constexpr std::int64_t kDriftPpmMax = 500'000;

  Now read(Instant now) const {
    const Instant steady = steady_at(now);
    return {steady, {kWallOriginMs + steady.nanoseconds / 1'000'000 + wall_offset_ms_}};
  }

  /// The first virtual time at which the steady clock says `steady` or more, if it goes on as it
  /// does.
  Instant when(Instant steady) const {
    if (steady == Instant::far_future()) return steady;
    const __int128 left = __int128{(steady - steady_since_).nanoseconds} * kMillion;
    const std::int64_t rate = kMillion + drift_ppm_;
    const auto span = static_cast<std::int64_t>((left + rate - 1) / rate);
    return since_ + Duration{span};
  }

  /// Microseconds that the clocks gain each second from `now` on; 0 is right.
  void set_drift(Instant now, std::int64_t ppm) {
    DYNAKV_CHECK(ppm >= -kDriftPpmMax && ppm <= kDriftPpmMax);
    steady_since_ = steady_at(now);
    since_ = now;
    drift_ppm_ = ppm;
  }
  void set_wall_offset(std::int64_t milliseconds) { wall_offset_ms_ = milliseconds; }

 private:
  static constexpr std::int64_t kMillion = 1'000'000;
  // 2026-01-01T00:00:00Z: any date would do; it is the same in every run.
  static constexpr std::int64_t kWallOriginMs = 1'767'225'600'000;

  Instant steady_at(Instant now) const {
    const std::int64_t span = (now - since_).nanoseconds;
    const auto gained = static_cast<std::int64_t>(__int128{span} * drift_ppm_ / kMillion);
    return steady_since_ + Duration{span + gained};
  }

  /// The current drift began at `since_`, when the steady clock said `steady_since_`.
  Instant since_;
  Instant steady_since_;
  std::int64_t drift_ppm_ = 0;
  std::int64_t wall_offset_ms_ = 0;
};

}  // namespace dynakv

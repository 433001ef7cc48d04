// Clocks that run wrong: a timer is never late by rounding, and the steady clock never goes back.
#include "dynakv/sim/host_clock.h"

#include <gtest/gtest.h>

#include "dynakv/base/random.h"
#include "tests/cpp/support/seeds.h"

namespace dynakv {
namespace {

TEST(HostClock, WhenIsTheFirstTimeAtWhichTheClockSaysSo) {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    Random random(test::seed_from_environment().value_or(seed));
    SCOPED_TRACE(test::replay_command(seed, "build/dev/bin/dynakv_sim_tests"));
    HostClock clock;
    Instant now;
    Instant steady;
    for (int i = 0; i < 20; ++i) {
      now = now + Duration{random.between(0, 3'000'000'000)};
      ASSERT_GE(clock.read(now).steady, steady);
      steady = clock.read(now).steady;
      clock.set_drift(now, random.between(-500'000, 500'000));
      ASSERT_EQ(clock.read(now).steady, steady) << "a change of speed is no jump";
      const Instant wanted = steady + Duration{random.between(1, 10'000'000'000)};
      const Instant when = clock.when(wanted);
      ASSERT_GT(when, now);
      ASSERT_GE(clock.read(when).steady, wanted);
      ASSERT_LE(clock.read(when - Duration{2}).steady, wanted);
    }
  }
}

TEST(HostClock, DriftAndOffsetsAreWhatTheySay) {
  HostClock clock;
  const WallTime begin = clock.read(Instant{}).wall;
  clock.set_drift(Instant{}, -50'000);
  const Instant later = Instant{} + seconds(100);
  EXPECT_EQ(clock.read(later).steady, Instant{} + seconds(95));
  EXPECT_EQ(clock.read(later).wall.milliseconds - begin.milliseconds, 95'000);
  clock.set_wall_offset(-600'000);
  EXPECT_EQ(clock.read(later).wall.milliseconds - begin.milliseconds, -505'000);
  EXPECT_EQ(clock.read(later).steady, Instant{} + seconds(95)) << "only the calendar jumps";
  clock.set_drift(later, 0);
  EXPECT_EQ(clock.read(later + seconds(1)).steady, Instant{} + seconds(96));
  EXPECT_EQ(clock.when(Instant::far_future()), Instant::far_future());
}

}  // namespace
}  // namespace dynakv

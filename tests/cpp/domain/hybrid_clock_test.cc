#include "dynakv/domain/hybrid_clock.h"

#include <gtest/gtest.h>

#include <string>

#include "dynakv/base/random.h"

namespace dynakv {
namespace {

TEST(HybridTime, MillisecondsAreTheUpperPart) {
  EXPECT_EQ(HybridTime::from_wall({1'700'000'000'123}).milliseconds(), 1'700'000'000'123);
  EXPECT_EQ(HybridTime::from_wall({-5}).packed, 0u) << "before 1970 is 1970";
}

TEST(HybridClock, GrowsWhenTheWallStandsStillOrStepsBack) {
  HybridClock clock;
  HybridTime last;
  for (const std::int64_t wall : {1'000, 1'000, 1'000, 700, 501, 1'001, 1'000}) {
    const Result<HybridTime> next = clock.next({wall});
    ASSERT_TRUE(next);
    EXPECT_GT(*next, last);
    last = *next;
  }
  EXPECT_EQ(clock.next({5'000})->milliseconds(), 5'000) << "it follows the wall again";
}

// Its stamps would be ahead of every other node's clock, which would then refuse to write over
// them.
TEST(HybridClock, RefusesAfterALargeStepBackOfItsOwnWall) {
  HybridClock clock;
  ASSERT_TRUE(clock.next({10'000}));
  const Result<HybridTime> refused = clock.next({9'000});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::clock_skew);
  EXPECT_TRUE(clock.next({9'600}));
}

TEST(HybridClock, LogicalCounterCarriesIntoTheMilliseconds) {
  HybridClock clock;
  HybridTime last = *clock.next({10});
  for (int i = 0; i < 70'000; ++i) {
    const HybridTime next = *clock.next({10});
    ASSERT_GT(next, last);
    last = next;
  }
  EXPECT_EQ(last.milliseconds(), 11);
}

TEST(HybridClock, IsLaterThanWhatItReplaces) {
  HybridClock clock;
  const HybridTime stored = HybridTime::from_wall({1'300});
  const Result<HybridTime> next = clock.next({1'000}, stored);
  ASSERT_TRUE(next);
  EXPECT_GT(*next, stored);
}

TEST(HybridClock, RefusesMoreThanHalfASecondAheadAndDoesNotAdoptI25) {
  HybridClock clock;
  EXPECT_TRUE(clock.next({1'000}, HybridTime::from_wall({1'000 + kClockAheadMsMax})));
  HybridClock other;
  const Result<HybridTime> refused =
      other.next({1'000}, HybridTime::from_wall({1'001 + kClockAheadMsMax}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::clock_skew);
  EXPECT_NE(refused.error().message.find("501 ms"), std::string::npos);
  EXPECT_NE(refused.error().message.find("set the clocks right"), std::string::npos);
  EXPECT_EQ(other.next({1'000})->milliseconds(), 1'000);
}

TEST(HybridClock, AHostileStampNeitherWrapsNorPoisons) {
  HybridClock clock;
  EXPECT_FALSE(clock.next({1'000}, {~0ULL}));
  EXPECT_EQ(clock.next({1'000})->milliseconds(), 1'000);
}

TEST(HybridClock, RandomWallsNeverGoBackAndNeverRunAway) {
  Random random(1);
  for (int run = 0; run < 200; ++run) {
    HybridClock clock;
    HybridTime last;
    std::int64_t wall = 1'000'000;
    std::int64_t wall_max = wall;
    for (int i = 0; i < 500; ++i) {
      wall += random.between(-400, 500);
      wall_max = std::max(wall_max, wall);
      const HybridTime after{HybridTime::from_wall({wall + random.between(-800, 800)}).packed};
      const Result<HybridTime> next = clock.next({wall}, after);
      const std::int64_t newest_ms = std::max(after, last).milliseconds();
      ASSERT_EQ(next.has_value(), newest_ms - wall <= kClockAheadMsMax);
      if (!next) continue;
      ASSERT_GT(*next, last);
      ASSERT_GT(*next, after);
      ASSERT_LE(next->milliseconds(), wall_max + kClockAheadMsMax + 1);
      last = *next;
    }
  }
}

}  // namespace
}  // namespace dynakv

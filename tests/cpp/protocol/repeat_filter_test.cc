// Requests that arrive twice are done once (B10, B35), within stated bounds.
#include "dynakv/protocol/repeat_filter.h"

#include <gtest/gtest.h>

#include <set>

#include "dynakv/base/random.h"

namespace dynakv::testing {
namespace {

constexpr NodeId kClient{0, 1};
constexpr NodeId kOther{0, 2};
constexpr std::uint64_t kWindow = RepeatFilter::kWindow;

RequestId number(std::uint64_t n) { return static_cast<RequestId>(n); }

TEST(RepeatFilter, B35ARequestIsRepeatedTheSecondTime) {
  RepeatFilter filter;
  EXPECT_FALSE(filter.is_repeated(kClient, number(7)));
  EXPECT_TRUE(filter.is_repeated(kClient, number(7)));
  EXPECT_TRUE(filter.is_repeated(kClient, number(7)));
}

TEST(RepeatFilter, EachSenderHasNumbersOfItsOwn) {
  RepeatFilter filter;
  EXPECT_FALSE(filter.is_repeated(kClient, number(7)));
  EXPECT_FALSE(filter.is_repeated(kOther, number(7)));
}

TEST(RepeatFilter, ALateRequestIsNewAndItsRepeatIsNot) {
  RepeatFilter filter;
  EXPECT_FALSE(filter.is_repeated(kClient, number(10)));
  EXPECT_FALSE(filter.is_repeated(kClient, number(4)));
  EXPECT_TRUE(filter.is_repeated(kClient, number(4)));
  EXPECT_TRUE(filter.is_repeated(kClient, number(10)));
}

// Numbers that share a bit of the window are told apart.
TEST(RepeatFilter, ANumberOneWindowLaterIsAnotherOne) {
  RepeatFilter filter;
  EXPECT_FALSE(filter.is_repeated(kClient, number(5)));
  EXPECT_FALSE(filter.is_repeated(kClient, number(5 + kWindow)));
  EXPECT_TRUE(filter.is_repeated(kClient, number(5 + kWindow)));
}

TEST(RepeatFilter, TheOldestNumberOfTheWindowIsStillKnown) {
  RepeatFilter filter;
  EXPECT_FALSE(filter.is_repeated(kClient, number(1)));
  EXPECT_FALSE(filter.is_repeated(kClient, number(kWindow)));
  EXPECT_TRUE(filter.is_repeated(kClient, number(1)));
}

// Better to do old work again than to leave a new request without an answer.
TEST(RepeatFilter, ANumberBelowTheWindowIsTakenForNew) {
  RepeatFilter filter;
  EXPECT_FALSE(filter.is_repeated(kClient, number(1)));
  EXPECT_FALSE(filter.is_repeated(kClient, number(1 + kWindow)));
  EXPECT_FALSE(filter.is_repeated(kClient, number(1)));
  EXPECT_TRUE(filter.is_repeated(kClient, number(1 + kWindow))) << "it changed nothing";
}

TEST(RepeatFilter, AJumpBeyondTheWindowForgetsAllOfIt) {
  RepeatFilter filter;
  for (std::uint64_t n = 1; n <= 100; ++n) filter.is_repeated(kClient, number(n));
  const std::uint64_t far = std::uint64_t{1} << 40;
  EXPECT_FALSE(filter.is_repeated(kClient, number(far)));
  for (std::uint64_t back = 1; back < kWindow; ++back) {
    ASSERT_FALSE(filter.is_repeated(kClient, number(far - back))) << back;
  }
}

// RequestIds of nodes grow in steps of eight.
TEST(RepeatFilter, NumbersInStepsOfEightAreKept) {
  RepeatFilter filter;
  for (std::uint64_t n = 8; n < 8 + kWindow; n += 8) filter.is_repeated(kClient, number(n));
  for (std::uint64_t n = 8; n < 8 + kWindow; n += 8) {
    ASSERT_TRUE(filter.is_repeated(kClient, number(n))) << n;
  }
}

TEST(RepeatFilter, I23TheSenderThatWasSilentLongestIsForgotten) {
  RepeatFilter filter;
  const auto sender = [](std::uint64_t n) { return NodeId{1, n}; };
  for (std::uint64_t n = 0; n < RepeatFilter::kSenderCountMax; ++n) {
    ASSERT_FALSE(filter.is_repeated(sender(n), number(1)));
  }
  // Who speaks again is no longer the one that was silent longest.
  EXPECT_TRUE(filter.is_repeated(sender(0), number(1)));
  EXPECT_FALSE(filter.is_repeated(sender(RepeatFilter::kSenderCountMax), number(1)));
  EXPECT_TRUE(filter.is_repeated(sender(0), number(1)));
  EXPECT_TRUE(filter.is_repeated(sender(2), number(1)));
  EXPECT_FALSE(filter.is_repeated(sender(1), number(1))) << "it was forgotten";
}

// Against a dumb twin: the set of all numbers, of which those below the window are not asked for.
TEST(RepeatFilter, AgreesWithASetOfAllNumbers) {
  Random random(20);
  RepeatFilter filter;
  std::set<std::uint64_t> seen;
  std::uint64_t newest = 1;
  for (int i = 0; i < 50'000; ++i) {
    if (random.chance(1, 50)) newest += random.below(2 * kWindow);
    const std::uint64_t lowest = newest >= kWindow ? newest - kWindow + 1 : 1;
    const std::uint64_t n = lowest + random.below(newest - lowest + 3);
    const bool was_seen = !seen.insert(n).second;
    ASSERT_EQ(filter.is_repeated(kClient, number(n)), was_seen) << n;
    newest = std::max(newest, n);
  }
}

}  // namespace
}  // namespace dynakv::testing

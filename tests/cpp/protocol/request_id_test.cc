// That a reply finds its machine, and none of another start.
#include "dynakv/protocol/request_id.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace dynakv::testing {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

std::uint64_t first_id(Progress run) {
  RequestIds ids(Waiter::get_coordinator);
  return to_number(ids.next(run));
}

TEST(RequestIds, EveryKindOfWaiterIsFoundAgainWhateverTheRun) {
  for (const std::uint64_t run : {std::uint64_t{0}, kMost}) {
    for (unsigned kind = 0; kind < 256; ++kind) {
      RequestIds ids(static_cast<Waiter>(kind));
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(RequestIds::waiter_of(ids.next({kMost, run, 1})), static_cast<Waiter>(kind));
      }
    }
  }
}

TEST(RequestIds, TheyGrowOneByOneWithinAStart) {
  RequestIds ids(Waiter::forwarder);
  const std::uint64_t first = to_number(ids.next({3, 1234567, 1}));
  EXPECT_EQ(to_number(ids.next({3, 1234567, 2})), first + 1);
}

TEST(RequestIds, I9TheyGrowThroughStartsWhateverIsDrawn) {
  for (std::uint64_t incarnation = 1; incarnation < 65'535; incarnation += 97) {
    EXPECT_LT(first_id({incarnation, kMost, 0}), first_id({incarnation + 1, 0, 0}));
  }
  // With all the requests that one start has room for.
  EXPECT_GE(first_id({2, 0, 0}) - first_id({1, kMost, 0}), std::uint64_t{1} << 39);
}

TEST(RequestIds, B6AnIncarnationThatComesAgainBeginsElsewhere) {
  EXPECT_NE(first_id({5, 1'000'000, 0}), first_id({5, 2'000'000, 0}));
  EXPECT_NE(first_id({5, 0, 0}), first_id({5, std::uint64_t{1} << 38, 0})) << "39 bits are drawn";
}

}  // namespace
}  // namespace dynakv::testing

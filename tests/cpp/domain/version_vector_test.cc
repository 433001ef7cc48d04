#include "dynakv/domain/version_vector.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/cpp/support/event_set.h"
#include "tests/cpp/support/samples.h"

namespace dynakv::test {
namespace {

/// All vectors over 3 actors with counters up to 3.
std::vector<VersionVector> all_small_vectors() {
  std::vector<VersionVector> vectors;
  for (std::uint64_t i = 0; i < 64; ++i) {
    VersionVector vector;
    // Not in the order of actors, because sorting is the vector's own work.
    vector.advance(dot(3, i / 16));
    vector.advance(dot(1, i % 4));
    vector.advance(dot(2, i / 4 % 4));
    vectors.push_back(vector);
  }
  return vectors;
}

TEST(VersionVector, CountsAndCovers) {
  VersionVector vector;
  EXPECT_TRUE(vector.empty());
  vector.advance(dot(5, 0));
  EXPECT_TRUE(vector.empty()) << "counter 0 names no event";
  vector.advance(dot(5, 3));
  vector.advance(dot(5, 2));
  EXPECT_EQ(vector.counter_of(static_cast<ActorId>(5)), 3u);
  EXPECT_EQ(vector.counter_of(static_cast<ActorId>(4)), 0u);
  EXPECT_TRUE(vector.covers(dot(5, 3)));
  EXPECT_FALSE(vector.covers(dot(5, 4)));
  EXPECT_FALSE(vector.covers(dot(4, 1)));
}

TEST(VersionVector, RelationsAgreeWithSetsOfEventsOnAllSmallVectors) {
  const std::vector<VersionVector> vectors = all_small_vectors();
  for (const VersionVector& a : vectors) {
    for (const VersionVector& b : vectors) {
      const EventSet set_a = events_of(a);
      const EventSet set_b = events_of(b);
      ASSERT_EQ(a.descends(b), includes(set_a, set_b));
      ASSERT_EQ(a == b, set_a == set_b) << "equal sets have one representation";
      VersionVector joined = a;
      joined.join(b);
      ASSERT_EQ(events_of(joined), united(set_a, set_b));
      VersionVector reversed = b;
      reversed.join(a);
      ASSERT_EQ(joined, reversed);
    }
  }
}

TEST(VersionVector, JoinIsIdempotentAlsoWithItself) {
  for (VersionVector vector : all_small_vectors()) {
    const VersionVector before = vector;
    vector.join(vector);
    EXPECT_EQ(vector, before);
  }
}

TEST(VersionVector, HighestActorAndCounterAreOrdinary) {
  VersionVector vector;
  vector.advance(dot(~0ULL, ~0ULL));
  vector.advance(dot(0, 1));
  EXPECT_TRUE(vector.covers(dot(~0ULL, ~0ULL)));
  EXPECT_EQ(vector.entries().front(), dot(0, 1));
}

TEST(Dot, TextForPeople) {
  EXPECT_EQ(to_string(dot(0x123456789abcdef0, 42)), "12345678:42");
  EXPECT_EQ(to_string(dot(~0ULL, ~0ULL)), "ffffffff:18446744073709551615");
}

}  // namespace
}  // namespace dynakv::test

// Contexts against their dumb twin, the set of events.
#include "dynakv/domain/context.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/cpp/support/event_set.h"
#include "tests/cpp/support/samples.h"

namespace dynakv::test {
namespace {

/// The three invariants in the header of the type.
void expect_canonical(const Context& context) {
  const std::vector<Dot>& isolated = context.isolated();
  EXPECT_TRUE(std::is_sorted(isolated.begin(), isolated.end()));
  EXPECT_EQ(std::adjacent_find(isolated.begin(), isolated.end()), isolated.end());
  for (const Dot& each : isolated) {
    EXPECT_GT(each.counter, context.vector().counter_of(each.actor) + 1);
  }
}

TEST(Context, IsolatedDotSaysNothingAboutThoseBefore) {
  const Context context = isolated_context({dot(1, 3)});
  EXPECT_TRUE(context.covers(dot(1, 3)));
  EXPECT_FALSE(context.covers(dot(1, 2)));
  EXPECT_TRUE(vector_context({dot(1, 3)}).covers(dot(1, 2)));
}

TEST(Context, VectorTakesInTheRunThatContinuesIt) {
  Context context = isolated_context({dot(1, 4), dot(1, 2), dot(2, 9)});
  context.add_isolated(dot(1, 1));
  EXPECT_EQ(context.vector().counter_of(static_cast<ActorId>(1)), 2u);
  context.add_isolated(dot(1, 3));
  EXPECT_EQ(context.vector().counter_of(static_cast<ActorId>(1)), 4u);
  EXPECT_EQ(context.isolated(), (std::vector<Dot>{dot(2, 9)}));
  context.advance(dot(2, 8));
  EXPECT_TRUE(context.isolated().empty());
}

TEST(Context, RandomOperationsAgreeWithTheTwin) {
  Random random(1);
  for (int run = 0; run < 20'000; ++run) {
    Context context;
    EventSet twin;
    for (std::uint64_t i = 1 + random.below(12); i > 0; --i) {
      const Dot one = dot(1 + random.below(3), random.below(8));
      switch (random.below(3)) {
        case 0:
          context.advance(one);
          for (std::uint64_t n = 1; n <= one.counter; ++n) twin.insert({one.actor, n});
          break;
        case 1:
          context.add_isolated(one);
          if (one.counter > 0) twin.insert(one);
          break;
        default: {
          const Context other = random_context(random);
          context.join(other);
          twin = united(twin, events_of(other));
        }
      }
    }
    expect_canonical(context);
    ASSERT_EQ(events_of(context), twin);
    ASSERT_EQ(context, context_of(twin)) << "equal sets have one representation";
    ASSERT_EQ(context.empty(), twin.empty());
    for (std::uint64_t actor = 1; actor <= 3; ++actor) {
      std::uint64_t highest = 0;
      for (std::uint64_t n = 0; n <= 9; ++n) {
        const bool held = twin.count(dot(actor, n)) != 0;
        ASSERT_EQ(context.covers(dot(actor, n)), held || n == 0) << "0 is before every event";
        if (held) highest = n;
      }
      ASSERT_EQ(context.highest_counter_of(static_cast<ActorId>(actor)), highest);
    }
  }
}

/// All subsets of (1,1) … (1,4) and (2,1) … (2,3).
std::vector<EventSet> all_small_sets() {
  std::vector<EventSet> sets;
  for (unsigned bits = 0; bits < 128; ++bits) {
    EventSet set;
    for (unsigned i = 0; i < 7; ++i) {
      if ((bits >> i & 1) != 0) set.insert(i < 4 ? dot(1, i + 1) : dot(2, i - 3));
    }
    sets.push_back(set);
  }
  return sets;
}

TEST(Context, RelationsAgreeWithTheTwinOnAllPairsOfSmallSets) {
  const std::vector<EventSet> sets = all_small_sets();
  for (const EventSet& a : sets) {
    for (const EventSet& b : sets) {
      const Context left = context_of(a);
      const Context right = context_of(b);
      ASSERT_EQ(left == right, a == b);
      ASSERT_EQ(left.descends(right), includes(a, b));
      ASSERT_EQ(left.dominates(right), includes(a, b) && a != b);
      ASSERT_EQ(left.concurrent(right), !includes(a, b) && !includes(b, a));
      Context joined = left;
      joined.join(right);
      ASSERT_EQ(joined, context_of(united(a, b)));
    }
  }
}

TEST(Context, JoinLawsI6) {
  Random random(2);
  for (int run = 0; run < 20'000; ++run) {
    const Context a = random_context(random);
    const Context b = random_context(random);
    const Context c = random_context(random);
    const auto join = [](Context x, const Context& y) {
      x.join(y);
      return x;
    };
    ASSERT_EQ(join(a, b), join(b, a));
    ASSERT_EQ(join(join(a, b), c), join(a, join(b, c)));
    ASSERT_EQ(join(a, a), a);
    ASSERT_TRUE(join(a, b).descends(a));
    Context self = a;
    self.join(self);
    ASSERT_EQ(self, a);
  }
}

TEST(Context, HighestCountersDoNotWrapAround) {
  Context context = vector_context({dot(1, ~0ULL)});
  context.add_isolated(dot(1, 1));
  context.add_isolated(dot(2, ~0ULL));
  EXPECT_EQ(context.isolated(), (std::vector<Dot>{dot(2, ~0ULL)}));
  EXPECT_EQ(context.highest_counter_of(static_cast<ActorId>(2)), ~0ULL);
  context.advance(dot(2, ~0ULL - 1));
  EXPECT_TRUE(context.isolated().empty()) << "it was the vector's next";
  EXPECT_TRUE(context.covers(dot(2, ~0ULL)));
}

}  // namespace
}  // namespace dynakv::test

// Planted bugs of hint records: what they take, a lost past at a node that coordinated as a
// fallback, or an owner that is away for hours, is too rare in seeds (DESIGN §4, B25).
#include <gtest/gtest.h>

#include "dynakv/adapters/memory_store.h"
#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/hint_table.h"

namespace dynakv {
namespace {

Dot write_as_fallback(HintTable& hints, MemoryStore& store) {
  const Now now{Instant{1'000'000'000}, WallTime{1'700'000'000'000}};
  auto draft = hints.open(now, NodeId{1, 1}, {"default", "k"}, ObjectKind::siblings).value();
  const Dot dot = hints.next_dot(draft, {});
  draft.object.put({}, dot, Payload{"v", "", {}, 0, 0});
  hints.save(std::move(draft));
  EXPECT_TRUE(store.write_step().has_value());
  return dot;
}

/// Whether a node that came back on an old image gives out a dot that it gave out before.
bool a_restored_node_repeats_a_dot() {
  const HintOptions options;
  MemoryStore store;
  HintTable first(store, Random(1), options);
  EXPECT_TRUE(first.load(1, true).has_value());
  write_as_fallback(first, store);
  MemoryStore backup = store;
  const Dot lost = write_as_fallback(first, store);
  HintTable second(backup, Random(2), options);
  EXPECT_TRUE(second.load(2, false).has_value());
  return write_as_fallback(second, backup) == lost;
}

TEST(HintCanary, I4AHintActorThatOutlivesALostPastRepeatsItsDots) {
  EXPECT_FALSE(a_restored_node_repeats_a_dot());
  planted_canary = &row_of(Canary::hint_actor_outlives_loss);
  EXPECT_TRUE(a_restored_node_repeats_a_dot()) << "the planted bug is not caught";
  planted_canary = nullptr;
}

/// Whether a dot is given out again after the hint that it was counted for came home.
bool a_new_record_repeats_a_dot() {
  const HintOptions options;
  MemoryStore store;
  HintTable hints(store, Random(1), options);
  EXPECT_TRUE(hints.load(1, true).has_value());
  const Dot first = write_as_fallback(hints, store);
  const auto held = hints.page(NodeId{1, 1}, {}, 10);
  for (const Hint& hint : held.value()) hints.erase_if_unchanged(NodeId{1, 1}, hint);
  return write_as_fallback(hints, store) == first;
}

TEST(HintCanary, I4AHintActorDiesWithItsRecord) {
  EXPECT_FALSE(a_new_record_repeats_a_dot());
  planted_canary = &row_of(Canary::hint_actor_outlives_record);
  EXPECT_TRUE(a_new_record_repeats_a_dot()) << "the planted bug is not caught";
  planted_canary = nullptr;
}

/// Whether hints are still accepted for an owner that has been away for longer than they may be
/// kept, because its key was written again and again (I23).
bool hints_are_accepted_for_ever() {
  const HintOptions options;
  MemoryStore store;
  HintTable hints(store, Random(1), options);
  EXPECT_TRUE(hints.load(1, true).has_value());
  const std::int64_t begin = 1'700'000'000'000;
  const std::int64_t age_max = options.age_max.milliseconds();
  std::uint64_t counter = 0;
  bool accepted = true;
  for (std::int64_t age = 0; age < 2 * age_max; age += age_max / 4) {
    Object object;
    object.put({}, Dot{ActorId{7}, ++counter}, Payload{"v", "", {}, 0, 0});
    const Now now{Instant{1 + age * 1'000'000}, WallTime{begin + age}};
    accepted = hints.keep(now, NodeId{1, 1}, {"default", "k"}, object).has_value();
    EXPECT_TRUE(store.write_step().has_value());
  }
  return accepted;
}

TEST(HintCanary, B25TheAgeOfAHintIsThatOfItsFirstWrite) {
  EXPECT_FALSE(hints_are_accepted_for_ever());
  planted_canary = &row_of(Canary::hint_age_restarts);
  EXPECT_TRUE(hints_are_accepted_for_ever()) << "the planted bug is not caught";
  planted_canary = nullptr;
}

}  // namespace
}  // namespace dynakv

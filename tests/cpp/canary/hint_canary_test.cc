// The planted bug of hint records, which takes a lost past at a node that coordinated as a
// fallback: too rare in seeds, so it is planted in a test of its own (DESIGN §4).
#include <gtest/gtest.h>

#include "dynakv/adapters/memory_store.h"
#include "dynakv/base/canary.h"
#include "dynakv/protocol/hint_table.h"

namespace dynakv {
namespace {

Dot write_as_fallback(HintTable& hints, MemoryStore& store) {
  const Now now{Instant{1'000'000'000}, WallTime{1'700'000'000'000}};
  auto draft = hints.open(now, NodeId{1, 1}, "default", "k", ObjectKind::siblings).value();
  const Dot dot = hints.next_dot(draft, {});
  draft.object.put({}, dot, Payload{"v", "", {}, 0, 0});
  hints.save(std::move(draft));
  EXPECT_TRUE(store.write_step().has_value());
  return dot;
}

/// Whether a node that came back on an old image gives out a dot that it gave out before.
bool a_restored_node_repeats_a_dot() {
  const ProtocolOptions options;
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
  planted_canary = Canary::hint_actor_outlives_loss;
  EXPECT_TRUE(a_restored_node_repeats_a_dot()) << "the planted bug is not caught";
  planted_canary = Canary::none;
}

}  // namespace
}  // namespace dynakv

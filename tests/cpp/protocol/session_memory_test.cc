// What flows remember, against a plain map, and what goes first at the bound.
#include "dynakv/protocol/session_memory.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "dynakv/base/random.h"

namespace dynakv {
namespace {

Context context_of(std::uint64_t number) {
  Context context;
  context.advance({static_cast<ActorId>(7), number});
  return context;
}

constexpr FlowId kFlow{1};

TEST(SessionMemory, RemembersReplacesAndForgets) {
  SessionMemory memory(10);
  EXPECT_EQ(memory.find(kFlow, 5), nullptr);
  memory.set(kFlow, 5, context_of(1));
  memory.set(kFlow, 5, context_of(2));
  memory.set(FlowId{2}, 5, context_of(3));
  ASSERT_NE(memory.find(kFlow, 5), nullptr);
  EXPECT_EQ(*memory.find(kFlow, 5), context_of(2));
  memory.set(kFlow, 5, {});
  EXPECT_EQ(memory.find(kFlow, 5), nullptr);
  EXPECT_EQ(*memory.find(FlowId{2}, 5), context_of(3));
  memory.set(FlowId{}, 5, context_of(4));
  EXPECT_EQ(memory.find(FlowId{}, 5), nullptr) << "no flow remembers nothing";
}

TEST(SessionMemory, AtTheBoundWhatIsUsedStays) {
  SessionMemory memory(4);
  for (std::uint64_t scope = 0; scope < 4; ++scope) memory.set(kFlow, scope, context_of(1));
  for (std::uint64_t scope = 4; scope < 100; ++scope) {
    ASSERT_NE(memory.find(kFlow, 2), nullptr) << scope;
    memory.set(kFlow, scope, context_of(1));
    EXPECT_EQ(memory.size(), 4u);
  }
  EXPECT_EQ(memory.find(kFlow, 0), nullptr);
  EXPECT_NE(memory.find(kFlow, 99), nullptr);
}

TEST(SessionMemory, AtTheBoundTheNewestStay) {
  SessionMemory memory(10);
  for (std::uint64_t scope = 0; scope < 100; ++scope) {
    memory.set(kFlow, scope, context_of(1));
    for (std::uint64_t recent = scope < 5 ? 0 : scope - 4; recent <= scope; ++recent) {
      EXPECT_NE(memory.find(kFlow, recent), nullptr) << recent << " of " << scope;
    }
  }
}

TEST(SessionMemory, NeverSaysWhatItWasNotTold) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    SessionMemory memory(1 + random.below(40));
    std::map<std::pair<FlowId, std::uint64_t>, Context> truth;
    for (int i = 0; i < 5000; ++i) {
      const auto flow = static_cast<FlowId>(1 + random.below(5));
      const std::uint64_t scope = random.below(30);
      if (random.chance(1, 50)) {
        memory.forget(flow);
        std::erase_if(truth, [&](const auto& entry) { return entry.first.first == flow; });
      } else if (random.chance(1, 2)) {
        const Context context = random.chance(1, 5) ? Context{} : context_of(1 + random.below(9));
        memory.set(flow, scope, context);
        truth[{flow, scope}] = context;
      }
      const Context* found = memory.find(flow, scope);
      if (found == nullptr) continue;
      ASSERT_EQ(*found, (truth[{flow, scope}])) << "seed " << seed;
    }
    for (std::uint64_t flow = 1; flow <= 5; ++flow) memory.forget(static_cast<FlowId>(flow));
    EXPECT_EQ(memory.size(), 0u);
  }
}

}  // namespace
}  // namespace dynakv

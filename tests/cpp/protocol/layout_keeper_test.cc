// Which layouts a node adopts, and that it keeps them.
#include "dynakv/protocol/layout_keeper.h"

#include "tests/cpp/support/machine_state.h"

namespace dynakv::testing {
namespace {

class LayoutKeeperTest : public ::testing::Test {
 protected:
  Layout next_of(Layout layout) {
    layout.version = static_cast<LayoutVersion>(to_number(layout.version) + 1);
    return layout;
  }

  MachineState state_;
  static LayoutKeeper::Needs needs_of(MachineState& state) {
    return {state.options, state.identity, *state.store, state.view, state.membership};
  }
  LayoutKeeper keeper_{needs_of(state_)};
};

TEST_F(LayoutKeeperTest, TheFirstLayoutIsAdoptedOnceAndThereAfterARestart) {
  const Layout layout = state_.layout_of(3);
  ASSERT_TRUE(keeper_.adopt(layout).has_value());
  EXPECT_TRUE(keeper_.take_adopted());
  EXPECT_FALSE(keeper_.take_adopted());
  EXPECT_TRUE(keeper_.adopt(layout).has_value());
  EXPECT_FALSE(keeper_.take_adopted()) << "the same layout again changes nothing";
  state_.end_step();

  MachineState again(state_.store);
  LayoutKeeper restarted(needs_of(again));
  Outbox out;
  ASSERT_TRUE(restarted.start(again.now, out).has_value());
  ASSERT_TRUE(again.view.has_layout());
  EXPECT_EQ(again.view.layout(), layout);
  EXPECT_FALSE(restarted.take_adopted()) << "a start adopts nothing new";
}

TEST_F(LayoutKeeperTest, AnotherFirstLayoutAndOneWithoutThisNodeAreRefused) {
  Layout foreign = state_.layout_of(3);
  foreign.members[0].id = {5, 5};
  foreign.members[1].id = {5, 6};
  foreign.members[2].id = {5, 7};
  EXPECT_EQ(keeper_.adopt(foreign).error().code, ErrorCode::invalid_argument);
  EXPECT_FALSE(state_.view.has_layout());
  ASSERT_TRUE(keeper_.adopt(state_.layout_of(3)).has_value());
  EXPECT_EQ(keeper_.adopt(state_.layout_of(4)).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(state_.view.layout().members.size(), 3u);
}

TEST_F(LayoutKeeperTest, ANewerLayoutOfTheClusterIsLearnedAndNoOther) {
  const Layout first = state_.layout_of(3);
  ASSERT_TRUE(keeper_.adopt(first).has_value());
  EXPECT_FALSE(keeper_.learn(encode_layout(first))) << "not newer";
  Layout alien = next_of(first);
  alien.cluster = {4, 4};
  EXPECT_FALSE(keeper_.learn(encode_layout(alien)));
  EXPECT_FALSE(keeper_.learn("no layout"));
  Layout renamed = next_of(first);
  for (Member& member : renamed.members) {
    if (member.name == "n0") member.id = {5, 5};
  }
  EXPECT_FALSE(keeper_.learn(encode_layout(renamed))) << "this node's name has another id";
  EXPECT_TRUE(keeper_.learn(encode_layout(next_of(first))));
  EXPECT_EQ(state_.view.version(), next_of(first).version);
  Counters counters;
  keeper_.add_to(counters);
  EXPECT_EQ(counters, (Counters{{"layouts_learned", 1}}));
}

TEST_F(LayoutKeeperTest, NobodyJoinsWithoutBeingToldTo) {
  Layout others = state_.layout_of(3);
  std::erase_if(others.members, [](const Member& member) { return member.name == "n0"; });
  EXPECT_FALSE(keeper_.learn(encode_layout(others)));
  state_.options.contact_points = {"n1:1"};
  EXPECT_TRUE(keeper_.learn(encode_layout(others)));
}

TEST_F(LayoutKeeperTest, WhoAsksIsToldWhereTheMembersAreNow) {
  ASSERT_TRUE(keeper_.adopt(state_.layout_of(2)).has_value());
  MemberState moved;
  moved.at = {.id = MachineState::other(1), .incarnation = 1, .version = 1, .changed = 1};
  moved.name = "n1";
  moved.address = "elsewhere:1";
  state_.membership.merge({moved});
  Outbox out;
  keeper_.handle_message(state_.now, MachineState::other(1),
                         {static_cast<RequestId>(3), LayoutRequest{}}, out);
  const auto& reply = std::get<Send>(out.effects().at(0)).message;
  EXPECT_EQ(reply.id, static_cast<RequestId>(3));
  const Layout told = decode_layout(std::get<LayoutReply>(reply.body).layout).value();
  EXPECT_EQ(told.find_by_name("n0")->address, "n0:1");
  EXPECT_EQ(told.find_by_name("n1")->address, "elsewhere:1");
}

}  // namespace
}  // namespace dynakv::testing

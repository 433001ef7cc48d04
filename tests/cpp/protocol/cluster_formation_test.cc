// How the first members come to one layout.
#include "dynakv/protocol/cluster_formation.h"

#include "tests/cpp/support/machine_state.h"

namespace dynakv::testing {
namespace {

std::vector<Member> first_members(int count) {
  std::vector<Member> members;
  for (int i = 0; i < count; ++i) members.push_back({.name = "n" + std::to_string(i)});
  return members;
}

class ClusterFormationTest : public ::testing::Test {
 protected:
  Status begin(int count, int n = 1) {
    return state_.formation.begin({first_members(count), copies(n), {}});
  }
  void greet(const Hello& hello) {
    Outbox out;
    state_.formation.handle_peer_up(state_.now, hello, out);
    EXPECT_TRUE(out.empty());
  }

  MachineState state_;
};

TEST_F(ClusterFormationTest, TheLayoutComesWithTheLastMembersIdAndOnce) {
  ASSERT_TRUE(begin(3).has_value());
  EXPECT_FALSE(state_.formation.take_layout().has_value());
  greet(state_.hello_of(2));
  EXPECT_FALSE(state_.formation.take_layout().has_value());
  greet(state_.hello_of(1));
  const auto formed = state_.formation.take_layout();
  ASSERT_TRUE(formed && *formed);
  EXPECT_EQ(**formed, state_.layout_of(3));
  EXPECT_FALSE(state_.formation.take_layout().has_value());
  EXPECT_TRUE(state_.formation.members().empty());
}

TEST_F(ClusterFormationTest, ANodeAloneFormsAtOnce) {
  ASSERT_TRUE(begin(1).has_value());
  EXPECT_TRUE(state_.formation.take_layout().has_value());
}

TEST_F(ClusterFormationTest, WhatTheLayoutWillRefuseIsRefusedAtOnce) {
  EXPECT_FALSE(begin(3, 4).has_value()) << "N of more than there are";
  EXPECT_TRUE(state_.formation.members().empty());
  const std::vector<Member> strangers{{.name = "n1"}, {.name = "n2"}};
  const Status begun = state_.formation.begin({strangers, copies(1), {}});
  EXPECT_EQ(begun.error().code, ErrorCode::invalid_argument) << "this node is not in the list";
}

TEST_F(ClusterFormationTest, WhoHasALayoutFormsNone) {
  state_.view.adopt(state_.layout_of(3));
  EXPECT_TRUE(begin(3).has_value()) << "the same names: it goes on with what it has";
  EXPECT_TRUE(state_.formation.members().empty());
  EXPECT_EQ(begin(4).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(begin(2).error().code, ErrorCode::invalid_argument) << "fewer are others, too";
}

TEST_F(ClusterFormationTest, TwoNodesOfOneIdFormNothing) {
  ASSERT_TRUE(begin(3).has_value());
  greet(state_.hello_of(1));
  Hello copy = state_.hello_of(2);
  copy.sender = MachineState::other(1);
  greet(copy);
  const auto formed = state_.formation.take_layout();
  ASSERT_TRUE(formed.has_value());
  EXPECT_FALSE(formed->has_value());
}

TEST_F(ClusterFormationTest, WhoGivesUpIsToldWhomItKnew) {
  ASSERT_TRUE(begin(3).has_value());
  EXPECT_EQ(state_.formation.give_up().size(), 3u);
  greet(state_.hello_of(1));
  greet(state_.hello_of(2));
  EXPECT_FALSE(state_.formation.take_layout().has_value());
}

}  // namespace
}  // namespace dynakv::testing

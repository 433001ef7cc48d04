// Whom a node lets in, what it tells those whom it refuses, and to whom it connects.
#include "dynakv/protocol/node_greeter.h"

#include "tests/cpp/support/machine_state.h"

namespace dynakv::testing {
namespace {

class NodeGreeterTest : public ::testing::Test {
 protected:
  void adopt(int count) {
    state_.view.adopt(state_.layout_of(count));
    state_.membership.set_layout(state_.view.layout());
  }
  /// n1 is known in its third life.
  void know_member() {
    MemberState known;
    known.at = {.id = MachineState::other(1), .incarnation = 3, .version = 1, .changed = 1};
    known.name = "n1";
    known.address = "n1:1";
    known.directory = MachineState::other(1);
    state_.membership.merge({known});
  }
  ErrorCode refusal_of(const Hello& hello) const {
    const Status checked = handshake_.check(hello);
    return checked ? ErrorCode::internal : checked.error().code;
  }
  bool is_let_in(const Hello& hello) const { return handshake_.check(hello).has_value(); }

  MachineState state_;
  NodeGreeter handshake_{state_.known()};
};

TEST_F(NodeGreeterTest, WithoutALayoutEverybodyIsLetInUntilFirstMembersAreNamed) {
  EXPECT_TRUE(is_let_in(state_.hello_of(7)));
  ASSERT_TRUE(
      state_.formation.begin({{{.name = "n0"}, {.name = "n1"}}, copies(1), {}}).has_value());
  EXPECT_TRUE(is_let_in(state_.hello_of(1)));
  EXPECT_EQ(refusal_of(state_.hello_of(7)), ErrorCode::auth);
  Hello client = state_.hello_of(7);
  client.role = Role::client;
  EXPECT_TRUE(is_let_in(client));
}

TEST_F(NodeGreeterTest, StrangersAreWelcomeUnlessTheyClaimWhatBelongsToOthers) {
  adopt(2);
  EXPECT_TRUE(is_let_in(state_.hello_of(1)));
  EXPECT_TRUE(is_let_in(state_.hello_of(7))) << "owns nothing, and claims nothing";
  Hello hello = state_.hello_of(7);
  hello.cluster = {4, 4};
  EXPECT_EQ(refusal_of(hello), ErrorCode::auth) << "another cluster";
  hello = state_.hello_of(7);
  hello.sender = state_.identity.id();
  EXPECT_EQ(refusal_of(hello), ErrorCode::auth) << "this node's own id";
  hello = state_.hello_of(7);
  hello.name = "n1";
  EXPECT_EQ(refusal_of(hello), ErrorCode::auth) << "a member's name with another id";
  hello = state_.hello_of(1);
  hello.name = "n7";
  EXPECT_EQ(refusal_of(hello), ErrorCode::auth) << "a member's id with another name";
}

TEST_F(NodeGreeterTest, AnotherDirectoryGoesOnForAMemberOnlyInALaterLifeAndWhenItIsGone) {
  adopt(2);
  know_member();
  Hello hello = state_.hello_of(1);
  hello.progress = {4, 11, 1};
  EXPECT_TRUE(is_let_in(hello));
  hello.directory = {6, 6};
  EXPECT_TRUE(is_let_in(hello));
  hello.progress.incarnation = 3;
  EXPECT_EQ(refusal_of(hello), ErrorCode::auth) << "an earlier life";
  hello.progress.incarnation = 4;
  state_.view.set_up(hello.sender);
  EXPECT_EQ(refusal_of(hello), ErrorCode::auth) << "it is alive";
}

TEST_F(NodeGreeterTest, ARemovedIdStaysOut) {
  adopt(2);
  state_.membership.mark_left(MachineState::other(7));
  EXPECT_EQ(refusal_of(state_.hello_of(7)), ErrorCode::auth);
}

TEST_F(NodeGreeterTest, ARefusalSaysWhomTheNameBelongsToAndWhetherThatOneIsGone) {
  adopt(2);
  know_member();
  Hello fresh = state_.hello_of(7);
  fresh.name = "n1";
  const Error error{ErrorCode::auth, "no"};
  IdentityClaim claim = handshake_.refusal_for(fresh, error).claim;
  EXPECT_EQ(claim.by, state_.identity.id());
  EXPECT_EQ(claim.node, MachineState::other(1));
  EXPECT_EQ(claim.incarnation, 3u);
  EXPECT_EQ(claim.member_count, 2u);
  EXPECT_FALSE(claim.is_free);
  state_.view.set_suspect(MachineState::other(1), true);
  EXPECT_TRUE(handshake_.refusal_for(fresh, error).claim.is_free);
  fresh.cluster = state_.view.layout().cluster;
  EXPECT_TRUE(handshake_.refusal_for(fresh, error).claim.by.is_nil()) << "it has a past of its own";
}

TEST_F(NodeGreeterTest, ContactsAreTheOthersWhereGossipHasThemAndContactPointsWhileAlone) {
  adopt(2);
  know_member();
  state_.options.contact_points = {"n0:1", "n5:1"};
  std::vector<Member> contacts = contacts_of(state_.known());
  ASSERT_EQ(contacts.size(), 2u);
  EXPECT_EQ(contacts[0].address, "n1:1");
  EXPECT_EQ(contacts[1].address, "n5:1");
  state_.view.set_up(MachineState::other(1));
  EXPECT_EQ(contacts_of(state_.known()).size(), 1u);
  state_.membership.mark_left(MachineState::other(1));
  EXPECT_TRUE(contacts_of(state_.known()).empty());
}

}  // namespace
}  // namespace dynakv::testing

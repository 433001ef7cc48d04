// The handshake: what may be said first, who is let in, and who is told why not (I16, I26).
#include "dynakv/protocol/handshake.h"

#include <gtest/gtest.h>

namespace dynakv {
namespace {

using Verdict = Handshake::Verdict;

const NodeId kSelf{1, 1};
const NodeId kPeer{2, 2};
const NodeId kStranger{3, 3};

/// Lets everybody in but the stranger.
class FakeGreeter final : public Greeter {
 public:
  NodeId own_id() const override { return kSelf; }
  Hello hello_for(const NodeId&) const override { return {.sender = kSelf}; }
  Status check_hello(const Hello& hello) const override {
    if (hello.sender != kStranger) return {};
    return fail(ErrorCode::auth, "a stranger");
  }
  Refusal refusal_for(const Hello& hello, const Error& error) const override {
    return {error, {.by = kSelf, .node = hello.sender}};
  }
};

Hello hello_of(const NodeId& sender, Role role = Role::node) {
  return {.role = role, .sender = sender};
}

class HandshakeTest : public ::testing::Test {
 protected:
  /// What the first message of the other side leads to; empty = it is let in.
  std::string refusal_of(Handshake handshake, const Body& body) {
    const auto outcome = handshake.handle_message(self_, body);
    EXPECT_EQ(handshake.is_ready(), outcome.verdict == Verdict::ready);
    EXPECT_NE(outcome.verdict, Verdict::pass);
    if (outcome.verdict == Verdict::ready) return {};
    EXPECT_EQ(outcome.verdict, Verdict::refuse);
    return std::string(outcome.refusal.error.message);
  }

  FakeGreeter self_;
};

TEST_F(HandshakeTest, AHelloOpensTheConnectionInBothDirections) {
  for (Handshake handshake : {Handshake::dialled(kPeer), Handshake::accepted()}) {
    EXPECT_EQ(handshake.handle_message(self_, hello_of(kPeer)).verdict, Verdict::ready);
    EXPECT_EQ(handshake.peer(), kPeer);
    EXPECT_EQ(handshake.handle_message(self_, GetRequest{}).verdict, Verdict::pass);
  }
}

TEST_F(HandshakeTest, NothingPassesBeforeHelloAndNoHelloAfterIt) {  // I26
  EXPECT_NE(refusal_of(Handshake::accepted(), GetRequest{}), "");
  EXPECT_NE(refusal_of(Handshake::dialled(), GossipDigest{}), "");
  Handshake handshake = Handshake::accepted();
  ASSERT_EQ(handshake.handle_message(self_, hello_of(kPeer)).verdict, Verdict::ready);
  const auto again = handshake.handle_message(self_, hello_of(kPeer));
  EXPECT_EQ(again.verdict, Verdict::refuse);
  EXPECT_EQ(again.refusal.error.code, ErrorCode::protocol);
}

TEST_F(HandshakeTest, WhoIsNotLetInIsToldWhyAndStaysOut) {
  Handshake handshake = Handshake::accepted();
  const auto outcome = handshake.handle_message(self_, hello_of(kStranger));
  EXPECT_EQ(outcome.verdict, Verdict::refuse);
  EXPECT_EQ(outcome.refusal.error.message, "a stranger");
  EXPECT_EQ(outcome.refusal.claim.node, kStranger);
  EXPECT_FALSE(handshake.is_ready());
  EXPECT_EQ(handshake.handle_message(self_, GetRequest{}).verdict, Verdict::refuse);
}

TEST_F(HandshakeTest, NobodyConnectsToItselfOrWithoutAnId) {  // I16
  EXPECT_NE(refusal_of(Handshake::accepted(), hello_of(kSelf)), "");
  EXPECT_NE(refusal_of(Handshake::dialled(), hello_of(NodeId{})), "");
}

TEST_F(HandshakeTest, OnlyTheNodeThatWasDialledMayAnswer) {  // I16
  EXPECT_NE(refusal_of(Handshake::dialled(NodeId{4, 4}), hello_of(kPeer)), "");
  EXPECT_EQ(refusal_of(Handshake::dialled(), hello_of(kPeer)), "");
}

TEST_F(HandshakeTest, AClientDialsAndIsNotDialled) {
  EXPECT_EQ(refusal_of(Handshake::accepted(), hello_of(kPeer, Role::client)), "");
  EXPECT_NE(refusal_of(Handshake::dialled(), hello_of(kPeer, Role::client)), "");
}

TEST_F(HandshakeTest, ARefusalEndsTheConnectionAtAnyTime) {
  const Refusal said{{ErrorCode::auth, "another cluster"}, {.by = kPeer}};
  Handshake before = Handshake::dialled();
  Handshake after = Handshake::dialled();
  ASSERT_EQ(after.handle_message(self_, hello_of(kPeer)).verdict, Verdict::ready);
  for (Handshake* handshake : {&before, &after}) {
    const auto outcome = handshake->handle_message(self_, said);
    EXPECT_EQ(outcome.verdict, Verdict::refused);
    EXPECT_EQ(outcome.refusal.claim.by, kPeer);
  }
}

}  // namespace
}  // namespace dynakv

// What a restarted node waits for before it goes on under its actors, and how a rollback is found.
#include "dynakv/protocol/past_check.h"

#include <optional>

#include "dynakv/protocol/rollback_detector.h"
#include "tests/cpp/support/machine_state.h"

namespace dynakv::testing {
namespace {

constexpr TimerId kTimer{TimerKind::identity_check, 0};

/// A node that was killed and started again, with a layout of three.
class PastCheckTest : public ::testing::Test {
 protected:
  PastCheckTest() { state_.view.adopt(state_.layout_of(3)); }

  void greet(int i, Outbox& out) { check_.handle_peer_up(state_.now, state_.hello_of(i), out); }
  static bool is_cancelled(const Outbox& out) {
    for (const Effect& effect : out.effects()) {
      const auto* cancel = std::get_if<CancelTimer>(&effect);
      if (cancel != nullptr && cancel->timer == kTimer) return true;
    }
    return false;
  }

  MachineState first_;
  MachineState state_{first_.store};
  PastCheck check_{state_.identity,
                   {state_.actors, state_.hints},
                   state_.view,
                   state_.options.protocol.past_check};
  RollbackDetector rollbacks_{state_.identity, {state_.actors, state_.hints}};
};

TEST_F(PastCheckTest, ThePastIsProvenWhenTheLastMemberWasHeard) {
  Outbox out;
  ASSERT_TRUE(check_.start(state_.now, out).has_value());
  const auto& set = std::get<SetTimer>(out.effects().at(0));
  EXPECT_EQ(set.timer, kTimer);
  EXPECT_EQ(set.at, state_.now.steady + state_.options.protocol.past_check.timeout);
  greet(1, out);
  EXPECT_FALSE(state_.identity.is_past_proven());
  EXPECT_FALSE(is_cancelled(out));
  greet(2, out);
  EXPECT_TRUE(state_.identity.is_past_proven());
  EXPECT_TRUE(state_.identity.is_past_checked());
  EXPECT_TRUE(is_cancelled(out));
}

TEST_F(PastCheckTest, WhoStaysAwayIsNotWaitedForAndActorsAreRetired) {
  Outbox out;
  ASSERT_TRUE(check_.start(state_.now, out).has_value());
  greet(1, out);
  const auto slot = static_cast<Slot>(5);
  const ActorId before = state_.actors.next_dot(slot).actor;
  check_.handle_timer(state_.now, kTimer, out);
  EXPECT_TRUE(state_.identity.is_past_proven());
  EXPECT_TRUE(state_.identity.is_past_checked());
  EXPECT_NE(state_.actors.next_dot(slot).actor, before);
}

TEST_F(PastCheckTest, ANewDirectoryHasNoPastToCheck) {
  MachineState fresh;
  PastCheck check(fresh.identity, {fresh.actors, fresh.hints}, fresh.view,
                  fresh.options.protocol.past_check);
  Outbox out;
  ASSERT_TRUE(check.start(fresh.now, out).has_value());
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(fresh.identity.may_make_events());
}

TEST_F(PastCheckTest, B6AHelloThatKnowsMoreProvesARollback) {
  Outbox out;
  Hello hello = state_.hello_of(1);
  hello.progress_seen = {state_.identity.progress()};
  rollbacks_.handle_peer_up(state_.now, hello, out);
  EXPECT_FALSE(rollbacks_.take_amnesia());
  EXPECT_FALSE(state_.identity.is_amnesic());
  hello.progress_seen.push_back({state_.identity.incarnation() + 3, 77, 1});
  rollbacks_.handle_peer_up(state_.now, hello, out);
  EXPECT_TRUE(rollbacks_.take_amnesia());
  EXPECT_FALSE(rollbacks_.take_amnesia());
  EXPECT_TRUE(state_.identity.is_amnesic());
  EXPECT_TRUE(state_.identity.is_past_proven()) << "it goes on, under new actors";
  Counters counters;
  rollbacks_.add_to(counters);
  EXPECT_EQ(counters.at("rollbacks_found"), 1u);
}

TEST_F(PastCheckTest, B6ALaterLifeThatOthersKnowIsGoneBeyond) {
  rollbacks_.note_lost_incarnation(40);
  EXPECT_EQ(state_.identity.incarnation(), 41u);
  EXPECT_TRUE(rollbacks_.take_amnesia());
}

TEST_F(PastCheckTest, WhatAPeerSaysOfItselfIsRemembered) {
  Outbox out;
  const Hello hello = state_.hello_of(1);
  rollbacks_.handle_peer_up(state_.now, hello, out);
  EXPECT_EQ(state_.identity.peers().of(hello.sender), (std::vector<Progress>{hello.progress}));
}

}  // namespace
}  // namespace dynakv::testing

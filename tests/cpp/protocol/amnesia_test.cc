// Nodes that forgot what they had acknowledged: recognised, kept out of R, and repaired (I15, B31,
// B36).
#include "dynakv/domain/ring.h"
#include "tests/cpp/support/core_cluster.h"

namespace dynakv::testing {
namespace {

using Values = std::multiset<Bytes>;

OperationOptions quorum_of(QuorumSize size) {
  OperationOptions options;
  options.quorum = size;
  options.timeout = milliseconds(400);
  return options;
}

BucketProperties strict() {
  BucketProperties defaults;
  defaults.mode = QuorumMode::strict;
  return defaults;
}

/// Three nodes that all own everything; n0 is the one that forgets.
class Amnesia : public ::testing::Test {
 protected:
  Amnesia() : cluster_(3, strict()) {
    id_ = cluster_.id(0);
    for (int i = 0; i < 20; ++i) cluster_.put(0, key(i), "v" + std::to_string(i));
  }

  static Bytes key(int i) { return "k" + std::to_string(i); }
  std::uint64_t counter(int i, const std::string& name) {
    return cluster_.core(i).counters().at(name);
  }

  /// n0 comes back with another store, and nobody has greeted it yet.
  void come_back(const MemoryStore& store, std::uint64_t seed = 7) {
    if (cluster_.node(0).core) cluster_.crash(0);
    *cluster_.node(0).store = store;
    cluster_.start(0, seed);
  }
  void come_back_wiped() {
    cluster_.node(0).contact_points = {"n1:1", "n2:1"};
    come_back(MemoryStore());
  }
  /// Time passes until the others give n0 up.
  void wait_for_suspicion() {
    for (int i = 0; i < 60; ++i) cluster_.advance(milliseconds(100));
    ASSERT_TRUE(cluster_.core(1).is_suspect(id_));
    ASSERT_TRUE(cluster_.core(2).is_suspect(id_));
  }
  /// n0 says Hello to `j`, which refuses it and says why.
  Refusal be_refused_by(int j) {
    const Hello hello = cluster_.core(0).hello_for(cluster_.id(j));
    const Status checked = cluster_.core(j).check_hello(hello);
    EXPECT_FALSE(checked.has_value());
    if (checked) return {};
    const Refusal refusal = cluster_.core(j).refusal_for(hello, checked.error());
    Outbox out;
    cluster_.core(0).handle_refusal(cluster_.now, refusal, out);
    cluster_.end_step(0, out);
    return refusal;
  }
  void rejoin() {
    come_back_wiped();
    wait_for_suspicion();
    be_refused_by(1);
    ASSERT_EQ(cluster_.id(0), id_);
    cluster_.connect(0);
    cluster_.run();
  }

  CoreCluster cluster_;
  NodeId id_;
};

TEST_F(Amnesia, B36AWipedNodeTakesItsIdentityOverAndRecoversAll) {
  const std::uint64_t life = cluster_.core(0).incarnation();
  rejoin();
  EXPECT_GT(cluster_.core(0).incarnation(), life);
  EXPECT_EQ(counter(0, "rejoins"), 1u);
  EXPECT_EQ(counter(0, "recoveries"), 1u);
  EXPECT_FALSE(cluster_.core(0).is_recovering());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(CoreCluster::values_of(cluster_.get(1, key(i), quorum_of(QuorumSize::all()))),
              Values{"v" + std::to_string(i)});
  }
  EXPECT_EQ(counter(1, "read_repairs") + counter(2, "read_repairs"), 0u);
}

TEST_F(Amnesia, ANameWhoseNodeMayBeAliveIsNotTakenOver) {
  come_back_wiped();
  const NodeId fresh = cluster_.id(0);
  const Refusal refusal = be_refused_by(1);
  EXPECT_EQ(refusal.claim.node, id_);
  EXPECT_FALSE(refusal.claim.is_free);
  EXPECT_EQ(cluster_.id(0), fresh);
  EXPECT_FALSE(cluster_.core(0).is_ready());
}

TEST_F(Amnesia, ASecondEmptyDirectoryIsRefusedWhileTheFirstIsAlive) {
  come_back_wiped();
  be_refused_by(2);
  wait_for_suspicion();
  be_refused_by(2);
  EXPECT_EQ(cluster_.id(0), id_);
  // A second empty directory comes while the first one is alive.
  cluster_.connect(0);
  cluster_.run();
  TestNode other;
  other.core = std::make_unique<NodeCore>(
      NodeCoreOptions{.name = "n0", .address = "x:1", .contact_points = {"n1:1"}}, *other.store,
      Random(99));
  Outbox out;
  ASSERT_TRUE(other.core->start(cluster_.now, {"boot-9", "place-9"}, out).has_value());
  const Hello hello = other.core->hello_for({});
  for (const int j : {1, 2}) {
    const Status checked = cluster_.core(j).check_hello(hello);
    ASSERT_FALSE(checked.has_value());
    other.core->handle_refusal(cluster_.now, cluster_.core(j).refusal_for(hello, checked.error()),
                               out);
  }
  EXPECT_NE(other.core->id(), id_);
}

TEST_F(Amnesia, ADirectoryWithALayoutIsToldNothing) {
  cluster_.crash(0);
  wait_for_suspicion();
  Hello hello{.sender = {1, 2}, .name = "n0", .cluster = cluster_.layout.cluster};
  ASSERT_FALSE(cluster_.core(1).check_hello(hello).has_value());
  EXPECT_TRUE(cluster_.core(1).refusal_for(hello, {}).claim.by.is_nil());
  hello.cluster = {};
  EXPECT_TRUE(cluster_.core(1).refusal_for(hello, {}).claim.is_free);
}

TEST_F(Amnesia, AnAmnesicCopyIsJoinedAndCountsForNothing) {
  cluster_.filter = [](const NodeId&, const NodeId&, const Message& message) {
    return !std::holds_alternative<RecoveryPage>(message.body);
  };
  rejoin();
  ASSERT_TRUE(cluster_.core(0).is_recovering());
  EXPECT_TRUE(cluster_.core(0).is_ready());
  const Reply all = cluster_.get(1, key(3), quorum_of(QuorumSize::all()));
  EXPECT_TRUE(CoreCluster::error_of(all).has_value());
  const Reply two = cluster_.get(1, key(3), quorum_of(QuorumSize::count(2)));
  EXPECT_EQ(CoreCluster::values_of(two), Values{"v3"});
  for (const NodeId& owner : std::get<GetReply>(two.outcome).answered) EXPECT_NE(owner, id_);
  // It counts in W, and what it has is shown.
  const Reply written = cluster_.put(1, "new", "w", quorum_of(QuorumSize::all()));
  EXPECT_FALSE(CoreCluster::error_of(written).has_value());
  const Bytes joined = "only there";
  cluster_.crash(1);
  cluster_.crash(2);
  EXPECT_FALSE(CoreCluster::error_of(cluster_.put(1, joined, "x", quorum_of(QuorumSize::count(1))))
                   .has_value());
  cluster_.start(1, 1);
  cluster_.start(2, 1);
  cluster_.connect(1);
  cluster_.connect(2);
  cluster_.run();
  const Reply shown = cluster_.get(2, joined, quorum_of(QuorumSize::count(2)));
  EXPECT_EQ(CoreCluster::values_of(shown), Values{"x"});
}

// B31: one copy alone may have missed what the quorum acknowledged.
TEST_F(Amnesia, B31ARecoveryWaitsForEnoughOwners) {
  come_back_wiped();
  wait_for_suspicion();
  cluster_.crash(2);
  be_refused_by(1);
  ASSERT_EQ(cluster_.id(0), id_);
  cluster_.connect(0);
  for (int i = 0; i < 30; ++i) cluster_.advance(milliseconds(100));
  EXPECT_GT(counter(0, "recovered_records"), 0u);
  EXPECT_TRUE(cluster_.core(0).is_recovering());
  cluster_.start(2, 1);
  cluster_.connect(2);
  cluster_.run();
  EXPECT_FALSE(cluster_.core(0).is_recovering());
}

TEST_F(Amnesia, ARestartDoesNotEndIt) {
  cluster_.filter = [](const NodeId&, const NodeId&, const Message& message) {
    return !std::holds_alternative<RecoveryPage>(message.body);
  };
  rejoin();
  cluster_.crash(0);
  cluster_.start(0, 9);
  EXPECT_EQ(cluster_.id(0), id_);
  EXPECT_TRUE(cluster_.core(0).is_recovering());
  cluster_.filter = nullptr;
  cluster_.connect(0);
  cluster_.run();
  EXPECT_FALSE(cluster_.core(0).is_recovering());
}

TEST_F(Amnesia, ThePastOfTheOldDirectoryIsRefusedAndEnds) {
  const MemoryStore old = *cluster_.node(0).store;
  rejoin();
  MemoryStore store = old;
  NodeCore stale(NodeCoreOptions{.name = "n0", .address = "n0:1"}, store, Random(5));
  Outbox out;
  ASSERT_TRUE(stale.start(cluster_.now, {"boot-1", "place-1"}, out).has_value());
  const Hello hello = stale.hello_for(cluster_.id(1));
  const Status checked = cluster_.core(1).check_hello(hello);
  ASSERT_FALSE(checked.has_value());
  EXPECT_FALSE(stale.failure().has_value());
  stale.handle_refusal(cluster_.now, cluster_.core(1).refusal_for(hello, checked.error()), out);
  ASSERT_TRUE(stale.failure().has_value());
  EXPECT_EQ(stale.failure()->code, ErrorCode::auth);
  EXPECT_FALSE(stale.is_ready());
}

// The replica only acknowledged: nobody but the coordinator that counted it can know.
TEST_F(Amnesia, B6ARollbackOfAcknowledgementsAloneIsRecognised) {
  const MemoryStore backup = *cluster_.node(0).store;
  for (int i = 0; i < 60; ++i) cluster_.put(0, key(i), "later");
  come_back(backup);
  cluster_.filter = [](const NodeId&, const NodeId&, const Message& message) {
    return !std::holds_alternative<RecoveryPage>(message.body);
  };
  cluster_.connect(0);
  cluster_.run();
  EXPECT_TRUE(cluster_.core(0).is_recovering());
  EXPECT_EQ(counter(0, "rollbacks_found"), 1u);
}

TEST_F(Amnesia, ALossOfPowerWithoutSyncsIsAmnesiaAndNodesThatForgotTogetherRecover) {
  CoreCluster cluster(3);
  cluster.put(0, "k", "v");
  for (int i = 0; i < 3; ++i) cluster.crash(i);
  cluster.effects_wait_for_sync = false;
  for (int i = 0; i < 3; ++i) cluster.start(i, 1);
  EXPECT_FALSE(cluster.core(0).is_recovering());
  for (int i = 0; i < 3; ++i) cluster.crash(i);
  for (int i = 0; i < 3; ++i) cluster.node(i).evidence.boot_id = "boot-2";
  for (int i = 0; i < 3; ++i) cluster.start(i, 2);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(cluster.core(i).is_recovering());
  for (int i = 0; i < 3; ++i) cluster.connect(i, false);
  cluster.run();
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(cluster.core(i).is_recovering()) << i;
}

// A copy that could not yet hear what others know of it may be an old one.
TEST_F(Amnesia, AFreshStartDoesNotCountBeforeItHeardTheOthers) {
  cluster_.crash(0);
  cluster_.start(0, 3);
  Outbox out;
  cluster_.core(0).handle_message(
      cluster_.now, cluster_.id(1),
      {RequestId{8}, ReplicaGet{{"default", key(1), {cluster_.layout.version}}, false}}, out);
  const std::vector<Effect> effects = out.take();
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_TRUE(std::get<ReplicaGetReply>(std::get<Send>(effects[0]).message.body).is_incomplete);
  cluster_.connect(0);
  cluster_.core(0).handle_message(
      cluster_.now, cluster_.id(1),
      {RequestId{16}, ReplicaGet{{"default", key(1), {cluster_.layout.version}}, false}}, out);
  const std::vector<Effect> later = out.take();
  ASSERT_EQ(later.size(), 1u);
  EXPECT_FALSE(std::get<ReplicaGetReply>(std::get<Send>(later[0]).message.body).is_incomplete);
}

TEST_F(Amnesia, RejoinCanBeSwitchedOff) {
  cluster_.crash(0);
  wait_for_suspicion();
  TestNode other;
  NodeCoreOptions options{.name = "n0", .address = "n0:1", .contact_points = {"n1:1"}};
  options.rejoin = false;
  other.core = std::make_unique<NodeCore>(options, *other.store, Random(99));
  Outbox out;
  ASSERT_TRUE(other.core->start(cluster_.now, {"boot-9", "place-9"}, out).has_value());
  const Hello hello = other.core->hello_for({});
  const Status checked = cluster_.core(1).check_hello(hello);
  ASSERT_FALSE(checked.has_value());
  const Refusal refusal = cluster_.core(1).refusal_for(hello, checked.error());
  EXPECT_TRUE(refusal.claim.is_free);
  other.core->handle_refusal(cluster_.now, refusal, out);
  EXPECT_NE(other.core->id(), id_);
}

}  // namespace
}  // namespace dynakv::testing

// Gossip between NodeCores, step by step: what is learned, stored, suspected, joined and refused.
#include "dynakv/protocol/store_keys.h"
#include "tests/cpp/support/core_cluster.h"

namespace dynakv::testing {
namespace {

std::uint64_t counter(CoreCluster& cluster, int i, const std::string& name) {
  return cluster.core(i).counters().at(name);
}

void pass_seconds(CoreCluster& cluster, int count) {
  for (int i = 0; i < count * 10; ++i) cluster.advance(milliseconds(100));
}

const MemberState* state_at(CoreCluster& cluster, int at, const NodeId& id) {
  return cluster.core(at).membership().find(id);
}

PeerStatus status_at(CoreCluster& cluster, int at, const NodeId& id) {
  for (const PeerStatus& peer : cluster.core(at).peer_statuses(cluster.now)) {
    if (peer.node == id) return peer;
  }
  ADD_FAILURE() << "node " << at << " does not know " << to_string(id);
  return {};
}

std::string address_in_peers(CoreCluster& cluster, int at, const NodeId& id) {
  for (const Member& peer : cluster.core(at).peers()) {
    if (peer.id == id) return peer.address;
  }
  return {};
}

/// A node that knows only how to reach the cluster, connected with all.
int add_joiner(CoreCluster& cluster, const std::string& name) {
  const int i = static_cast<int>(cluster.nodes.size());
  cluster.nodes.push_back(std::make_unique<TestNode>());
  cluster.node(i).name = name;
  cluster.node(i).contact_points = {"n0:1"};
  cluster.start(i);
  return i;
}

TEST(Gossip, EveryoneLearnsOfEveryonesState) {
  CoreCluster cluster(5);
  pass_seconds(cluster, 4);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(cluster.core(i).membership().states().size(), 5u);
    for (int j = 0; j < 5; ++j) {
      const MemberState* state = state_at(cluster, i, cluster.id(j));
      ASSERT_NE(state, nullptr);
      EXPECT_EQ(state->name, "n" + std::to_string(j));
      EXPECT_EQ(state->address, "n" + std::to_string(j) + ":1");
      EXPECT_TRUE(state->ready);
      EXPECT_GE(state->at.version, 2u);
      EXPECT_EQ(state->layout, cluster.layout.version);
    }
  }
}

TEST(Gossip, HeartbeatsAloneWriteNothing) {
  CoreCluster cluster(3);
  pass_seconds(cluster, 5);
  const Progress before = cluster.core(0).progress();
  const std::uint64_t version = state_at(cluster, 0, cluster.id(1))->at.version;
  pass_seconds(cluster, 5);
  EXPECT_GT(state_at(cluster, 0, cluster.id(1))->at.version, version);
  EXPECT_EQ(cluster.core(0).progress(), before);
}

TEST(Gossip, AMemberIsKnownAfterARestartBeforeItIsHeard) {
  CoreCluster cluster(3);
  pass_seconds(cluster, 4);
  const NodeId other = cluster.id(1);
  cluster.crash(0);
  cluster.start(0, 1);
  ASSERT_NE(state_at(cluster, 0, other), nullptr);
  EXPECT_EQ(address_in_peers(cluster, 0, other), "n1:1");
}

TEST(Gossip, AChangedAddressIsANonEvent) {
  CoreCluster cluster(3);
  pass_seconds(cluster, 4);
  const NodeId moved = cluster.id(2);
  cluster.crash(2);
  cluster.node(2).address = "elsewhere:9";
  cluster.start(2, 1);
  // The member dials the others; they hear of its address only by gossip.
  cluster.connect(2, false);
  pass_seconds(cluster, 3);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(address_in_peers(cluster, i, moved), "elsewhere:9");
    EXPECT_EQ(status_at(cluster, i, moved).incarnation, 2u);
    EXPECT_EQ(cluster.core(i).layout()->version, cluster.layout.version);
  }
}

TEST(Gossip, ASilentNodeIsSuspectedAndRoutedAround) {
  CoreCluster cluster(5);
  pass_seconds(cluster, 5);
  const NodeId silent = cluster.id(4);
  cluster.filter = [&](const NodeId& from, const NodeId& to, const Message&) {
    return from != silent && to != silent;
  };
  pass_seconds(cluster, 5);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(cluster.core(i).is_suspect(silent)) << i;
    EXPECT_EQ(status_at(cluster, i, silent).state, PeerState::suspect);
    EXPECT_GE(counter(cluster, i, "suspicions"), 1u);
    EXPECT_FALSE(cluster.core(i).is_suspect(cluster.id((i + 1) % 4)));
  }
  EXPECT_TRUE(cluster.core(0).layout()->find(silent) != nullptr) << "I17: routing only";
  cluster.filter = nullptr;
  pass_seconds(cluster, 2);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(cluster.core(i).is_suspect(silent)) << i;
}

TEST(Gossip, AGoneNodeIsDeadAfterAWhile) {
  CoreCluster cluster(3);
  pass_seconds(cluster, 3);
  const NodeId gone = cluster.id(2);
  cluster.crash(2);
  pass_seconds(cluster, 5);
  EXPECT_EQ(status_at(cluster, 0, gone).state, PeerState::suspect);
  pass_seconds(cluster, 15);
  EXPECT_EQ(status_at(cluster, 0, gone).state, PeerState::dead);
  EXPECT_FALSE(status_at(cluster, 0, gone).connected);
}

TEST(Gossip, InAPartitionOfOneDirectionTheDeafOneSuspects) {
  CoreCluster cluster(5);
  pass_seconds(cluster, 5);
  const NodeId mute = cluster.id(0);
  const NodeId deaf = cluster.id(1);
  cluster.filter = [&](const NodeId& from, const NodeId& to, const Message&) {
    return from != mute || to != deaf;
  };
  pass_seconds(cluster, 6);
  EXPECT_TRUE(cluster.core(1).is_suspect(mute));
  EXPECT_FALSE(cluster.core(0).is_suspect(deaf)) << "it hears the other's digests";
  EXPECT_FALSE(cluster.core(2).is_suspect(mute));
  // Heartbeats still come through others, so only the questions without answer tell.
  EXPECT_GT(state_at(cluster, 1, mute)->at.version, 8u);
}

TEST(Gossip, APausedNodeAccusesNobodyWhenItGoesOn) {
  CoreCluster cluster(3);
  pass_seconds(cluster, 5);
  const auto timers = std::exchange(cluster.node(0).timers, {});
  cluster.filter = [&](const NodeId&, const NodeId& to, const Message&) {
    return to != cluster.id(0);
  };
  pass_seconds(cluster, 30);
  cluster.node(0).timers = timers;
  cluster.advance(milliseconds(100));
  EXPECT_FALSE(cluster.core(0).is_suspect(cluster.id(1)));
  EXPECT_FALSE(cluster.core(0).is_suspect(cluster.id(2)));
}

TEST(Gossip, AJoinerLearnsTheLayoutForwardsAndOwnsNothing) {
  CoreCluster cluster(3);
  pass_seconds(cluster, 2);
  const int joiner = add_joiner(cluster, "n3");
  EXPECT_EQ(cluster.core(joiner).peers().front().address, "n0:1");
  EXPECT_TRUE(cluster.core(joiner).peers().front().id.is_nil());
  cluster.greet(joiner, 0);
  cluster.run();
  ASSERT_NE(cluster.core(joiner).layout(), nullptr);
  EXPECT_EQ(digest_of(*cluster.core(joiner).layout()), digest_of(cluster.layout));
  EXPECT_TRUE(cluster.core(joiner).is_ready());
  EXPECT_EQ(cluster.core(joiner).peers().size(), 3u);
  pass_seconds(cluster, 3);
  // The members know it, as a non-member, and where it is.
  const PeerStatus seen = status_at(cluster, 1, cluster.id(joiner));
  EXPECT_EQ(seen.name, "n3");
  EXPECT_FALSE(seen.in_layout);
  EXPECT_TRUE(status_at(cluster, 1, cluster.id(0)).in_layout);
  EXPECT_EQ(address_in_peers(cluster, 1, cluster.id(joiner)), "n3:1");
  cluster.connect(joiner);

  GetRequest get;
  get.head = {"default", "k", cluster.layout.version, seconds(1), false};
  Outbox out;
  cluster.core(joiner).handle_message(cluster.now, cluster.client(0).id(), {RequestId{77}, get},
                                      out);
  cluster.end_step(joiner, out);
  EXPECT_EQ(counter(cluster, joiner, "forwarded"), 1u);
  EXPECT_EQ(counter(cluster, joiner, "gets"), 0u);
}

TEST(Gossip, AJoinerKeepsItsLayoutOverARestart) {
  CoreCluster cluster(3);
  const int joiner = add_joiner(cluster, "n3");
  cluster.greet(joiner, 0);
  cluster.run();
  const NodeId id = cluster.id(joiner);
  cluster.crash(joiner);
  cluster.node(joiner).contact_points.clear();
  cluster.start(joiner, 1);
  ASSERT_TRUE(cluster.start_status.has_value()) << cluster.start_status.error().message;
  EXPECT_EQ(cluster.id(joiner), id);
  EXPECT_NE(cluster.core(joiner).layout(), nullptr);
}

TEST(Gossip, AKnownNameWithAnotherIdIsRefusedAndARemovedIdStaysRemoved) {
  CoreCluster cluster(3);
  const int thief = add_joiner(cluster, "n1");
  const Status refused = cluster.core(0).check_hello(cluster.core(thief).hello_for({}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::auth);
  EXPECT_NE(refused.error().message.find("belongs to a node with another id"), std::string::npos);
  // A non-member's name is its own, too.
  const int first = add_joiner(cluster, "n8");
  cluster.greet(first, 0);
  cluster.greet(0, first);
  cluster.run();
  const int second = add_joiner(cluster, "n8");
  EXPECT_FALSE(cluster.core(0).check_hello(cluster.core(second).hello_for({})).has_value());
  EXPECT_TRUE(cluster.core(0).check_hello(cluster.core(first).hello_for({})).has_value());

  GossipDelta removal;
  removal.head = {cluster.layout.cluster, cluster.layout.version, digest_of(cluster.layout)};
  removal.delta.states.push_back({{.id = cluster.id(first), .incarnation = kLeftIncarnation}});
  Outbox out;
  cluster.core(0).handle_message(cluster.now, cluster.id(1), {RequestId{1}, removal}, out);
  cluster.end_step(0, out);
  EXPECT_EQ(status_at(cluster, 0, cluster.id(first)).state, PeerState::left);
  const Status gone = cluster.core(0).check_hello(cluster.core(first).hello_for({}));
  ASSERT_FALSE(gone.has_value());
  EXPECT_NE(gone.error().message.find("was removed"), std::string::npos);
  EXPECT_EQ(address_in_peers(cluster, 0, cluster.id(first)), "");
  // Also after a restart, and whatever the removed node still says.
  cluster.crash(0);
  cluster.start(0, 1);
  EXPECT_FALSE(cluster.core(0).check_hello(cluster.core(first).hello_for({})).has_value());
}

TEST(Gossip, AnotherClustersGossipIsIgnored) {
  CoreCluster cluster(3);
  GossipDelta foreign;
  foreign.head = {{1, 2}, static_cast<LayoutVersion>(9), {}};
  foreign.delta.states.push_back({{.id = {0, 5}, .incarnation = 1, .version = 1}, "x", "x:1"});
  Outbox out;
  cluster.core(0).handle_message(cluster.now, cluster.id(1), {RequestId{1}, foreign}, out);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(state_at(cluster, 0, {0, 5}), nullptr);
}

TEST(Gossip, ANewerLayoutOfTheClusterIsFetchedAndStored) {
  CoreCluster cluster(3);
  Layout next = cluster.layout;
  next.version = static_cast<LayoutVersion>(2);
  next.parent = digest_of(cluster.layout);
  GossipDelta news;
  news.head = {next.cluster, next.version, digest_of(next)};
  Outbox out;
  cluster.core(0).handle_message(cluster.now, cluster.id(1), {RequestId{1}, news}, out);
  ASSERT_EQ(out.effects().size(), 1u);
  const Message asked = std::get<Send>(out.effects().front()).message;
  ASSERT_TRUE(std::holds_alternative<LayoutRequest>(asked.body));
  cluster.core(0).handle_message(cluster.now, cluster.id(1),
                                 {asked.id, LayoutReply{encode_layout(next)}}, out);
  cluster.end_step(0, out);
  EXPECT_EQ(cluster.core(0).layout()->version, next.version);
  cluster.run();
  pass_seconds(cluster, 4);
  for (int i = 1; i < 3; ++i) EXPECT_EQ(cluster.core(i).layout()->version, next.version) << i;
  cluster.crash(0);
  cluster.start(0, 1);
  EXPECT_EQ(cluster.core(0).layout()->version, next.version);
  // Nobody goes back, nor to another cluster's.
  for (Layout other : {cluster.layout, next}) {
    if (other == next) other.cluster = {9, 9};
    other.version = other == cluster.layout ? other.version : static_cast<LayoutVersion>(7);
    Outbox ignored;
    cluster.core(1).handle_message(cluster.now, cluster.id(2),
                                   {asked.id, LayoutReply{encode_layout(other)}}, ignored);
    EXPECT_EQ(cluster.core(1).layout()->version, next.version);
  }
}

TEST(Gossip, B6WhoIsKnownInALaterLifeWasRolledBack) {
  CoreCluster cluster(3);
  pass_seconds(cluster, 3);
  const MemoryStore backup = *cluster.node(0).store;
  cluster.crash(0);
  cluster.start(0, 1);
  cluster.connect(0);
  pass_seconds(cluster, 3);
  cluster.crash(0);
  cluster.start(0, 2);
  cluster.connect(0);
  pass_seconds(cluster, 3);
  EXPECT_EQ(cluster.core(0).incarnation(), 3u);
  cluster.crash(0);
  *cluster.node(0).store = backup;
  cluster.start(0, 3);
  EXPECT_EQ(cluster.core(0).incarnation(), 2u);
  cluster.connect(0);
  pass_seconds(cluster, 3);
  EXPECT_GE(counter(cluster, 0, "rollbacks_found"), 1u);
  EXPECT_GT(cluster.core(0).incarnation(), 3u);
  EXPECT_EQ(status_at(cluster, 1, cluster.id(0)).incarnation, cluster.core(0).incarnation());
}

}  // namespace
}  // namespace dynakv::testing

// Who counts: actors across restarts, power loss, copies, restored backups and damaged data
// (DESIGN §4, Identity). Each case is one way in which other stores lost acknowledged writes.
#include "dynakv/domain/ring.h"
#include "dynakv/protocol/actor_table.h"
#include "dynakv/protocol/peer_runs.h"
#include "dynakv/protocol/store_keys.h"
#include "tests/cpp/support/core_cluster.h"

namespace dynakv::testing {
namespace {

using Values = std::multiset<Bytes>;

std::uint64_t counter(CoreCluster& cluster, int i, const std::string& name) {
  return cluster.core(i).counters().at(name);
}

OperationOptions all_owners() {
  OperationOptions options;
  options.quorum = QuorumSize::all();
  return options;
}

/// The node that coordinates writes of the key for a client that knows the layout.
int coordinator_of(CoreCluster& cluster, BytesView key) {
  const Ring ring = Ring::build(cluster.layout);
  return cluster.index_of(ring.preference_list(slot_of(token_of_key(key)), 1).front());
}

Dot dot_of(const Reply& reply) { return std::get<WriteReply>(reply.outcome).dot; }

TEST(Identity, AKilledNodeGoesOnUnderItsActors) {
  CoreCluster cluster(3);
  const int i = coordinator_of(cluster, "k");
  const Dot first = dot_of(cluster.put(0, "k", "1"));
  cluster.crash(i);
  cluster.start(i, 1);
  EXPECT_FALSE(cluster.core(i).is_ready());
  cluster.connect(i);
  EXPECT_TRUE(cluster.core(i).is_ready());
  const Dot second = dot_of(cluster.put(0, "k", "2"));
  EXPECT_EQ(second.actor, first.actor);
  EXPECT_EQ(second.counter, first.counter + 1);
  EXPECT_EQ(counter(cluster, i, "actors_retired"), 0u);
  EXPECT_EQ(cluster.core(i).incarnation(), 2u);
}

TEST(Identity, I4PowerLossMintsNewActors) {
  CoreCluster cluster(3);
  const int i = coordinator_of(cluster, "k");
  const Dot first = dot_of(cluster.put(0, "k", "1"));
  cluster.crash(i);
  cluster.node(i).evidence.boot_id = "boot-2";
  cluster.start(i, 1);
  cluster.connect(i);
  EXPECT_NE(dot_of(cluster.put(0, "k", "2")).actor, first.actor);
  EXPECT_EQ(CoreCluster::values_of(cluster.get(1, "k", all_owners())), (Values{"1", "2"}));
}

TEST(Identity, ACleanStopKeepsActorsOverAReboot) {
  CoreCluster cluster(3);
  const int i = coordinator_of(cluster, "k");
  const Dot first = dot_of(cluster.put(0, "k", "1"));
  Outbox out;
  cluster.core(i).stop(cluster.now, out);
  cluster.end_step(i, out);
  cluster.crash(i);
  cluster.node(i).evidence.boot_id = "boot-2";
  cluster.start(i, 1);
  cluster.connect(i);
  EXPECT_EQ(dot_of(cluster.put(0, "k", "2")).actor, first.actor);
  // The mark of a clean stop is gone with the next start.
  cluster.crash(i);
  cluster.node(i).evidence.boot_id = "boot-3";
  cluster.start(i, 2);
  cluster.connect(i);
  EXPECT_NE(dot_of(cluster.put(0, "k", "3")).actor, first.actor);
}

TEST(Identity, I4ACopiedDirectoryMintsNewActors) {
  CoreCluster cluster(3);
  const int i = coordinator_of(cluster, "k");
  const Dot first = dot_of(cluster.put(0, "k", "1"));
  cluster.crash(i);
  cluster.node(i).evidence.place = "another machine";
  cluster.start(i, 1);
  cluster.connect(i);
  EXPECT_NE(dot_of(cluster.put(0, "k", "2")).actor, first.actor);
}

// B6: a restored backup rewinds counters; without the peers' word the next write would take the dot
// of one that was acknowledged, and destroy it.
TEST(Identity, B6ARestoredBackupLosesNoAcknowledgedWrite) {
  CoreCluster cluster(3);
  const int i = coordinator_of(cluster, "k");
  cluster.put(0, "k", "1");
  const MemoryStore backup = *cluster.node(i).store;
  const Dot lost = dot_of(cluster.put(1, "k", "2"));
  cluster.crash(i);
  *cluster.node(i).store = backup;
  cluster.start(i, 1);
  cluster.connect(i);
  EXPECT_EQ(counter(cluster, i, "rollbacks_found"), 1u);
  const Dot next = dot_of(cluster.put(2, "k", "3"));
  EXPECT_NE(next.actor, lost.actor);
  EXPECT_EQ(CoreCluster::values_of(cluster.get(0, "k", all_owners())), (Values{"1", "2", "3"}));
}

// B6: each of two nodes dials the other. The witness may hear of the new life before it is asked
// about the old one, and even be acknowledged a write by it (simulator seed 2030843).
TEST(Identity, B6AWitnessThatHeardOfTheNewLifeStillTellsOfTheOldOne) {
  CoreCluster cluster(3);
  const int i = coordinator_of(cluster, "k");
  const int witness = (i + 1) % 3;
  cluster.put(0, "k", "1");
  const MemoryStore backup = *cluster.node(i).store;
  const Dot lost = dot_of(cluster.put(1, "k", "2"));
  cluster.crash((i + 2) % 3);
  cluster.crash(i);
  for (std::uint64_t life = 1; life < kPeerRunCountMax; ++life) {
    *cluster.node(i).store = backup;
    cluster.start(i, life);
    cluster.greet(witness, i);
    cluster.put(witness, "k", "to be acknowledged in life " + std::to_string(life));
    if (life + 1 < kPeerRunCountMax) cluster.crash(i);
  }
  cluster.greet(i, witness);
  EXPECT_EQ(counter(cluster, i, "rollbacks_found"), 1u);
  cluster.advance(cluster.protocol.past_check.timeout);
  EXPECT_NE(dot_of(cluster.put(i, "k", "3")).actor, lost.actor);
}

// A run that goes on under a later incarnation stays one that the node remembers.
TEST(Identity, WhatPeersSawOfALifeBeforeItsRollbackWasFoundIsNoNews) {
  CoreCluster cluster(3);
  const int i = coordinator_of(cluster, "k");
  const MemoryStore backup = *cluster.node(i).store;
  cluster.crash(i);
  cluster.start(i, 1);
  cluster.connect(i);
  cluster.put(0, "k", "1");
  cluster.crash(i);
  *cluster.node(i).store = backup;
  cluster.start(i, 2);
  // The first peer hears of the new life before that knows what it lost.
  cluster.greet((i + 1) % 3, i);
  cluster.greet(i, (i + 2) % 3);
  EXPECT_EQ(counter(cluster, i, "rollbacks_found"), 1u);
  cluster.greet((i + 1) % 3, i);
  cluster.greet(i, (i + 1) % 3);
  EXPECT_EQ(counter(cluster, i, "rollbacks_found"), 1u);
}

TEST(Identity, ARollbackIsFoundOnce) {
  CoreCluster cluster(3);
  const int i = coordinator_of(cluster, "k");
  cluster.put(0, "k", "1");
  const MemoryStore backup = *cluster.node(i).store;
  for (int round = 0; round < 20; ++round) cluster.put(0, "k", "x" + std::to_string(round));
  cluster.crash(i);
  *cluster.node(i).store = backup;
  cluster.start(i, 1);
  cluster.connect(i);
  EXPECT_EQ(counter(cluster, i, "rollbacks_found"), 1u);
  cluster.put(0, "k", "after");
  cluster.crash(i);
  cluster.start(i, 2);
  cluster.connect(i);
  EXPECT_EQ(counter(cluster, i, "rollbacks_found"), 0u);
}

TEST(Identity, ARestartedNodeWritesUnderNewActorsWhenAMemberStaysSilent) {
  CoreCluster cluster(3);
  const int i = coordinator_of(cluster, "k");
  const Dot first = dot_of(cluster.put(0, "k", "1"));
  cluster.crash((i + 1) % 3);
  cluster.crash(i);
  cluster.start(i, 1);
  cluster.connect(i);
  EXPECT_FALSE(cluster.core(i).is_ready());
  // Meanwhile the other owner takes the write.
  EXPECT_NE(dot_of(cluster.put(0, "k", "2")).actor, first.actor);
  cluster.advance(cluster.protocol.past_check.timeout);
  EXPECT_TRUE(cluster.core(i).is_ready());
  EXPECT_GT(counter(cluster, i, "actors_retired"), 0u);
}

TEST(Identity, ANodeThatChecksItsPastPassesWritesOn) {
  CoreCluster cluster(3);
  cluster.client_options.attempts_max = 1;
  const int i = coordinator_of(cluster, "k");
  cluster.crash((i + 1) % 3);
  cluster.crash(i);
  cluster.start(i, 1);
  cluster.connect(i);
  ASSERT_FALSE(cluster.core(i).is_ready());
  EXPECT_EQ(CoreCluster::error_of(cluster.put(0, "k", "1")), std::nullopt);
  EXPECT_EQ(counter(cluster, i, "forwarded"), 1u);
  // Where it is the only owner left, it says so.
  cluster.crash((i + 2) % 3);
  EXPECT_EQ(CoreCluster::error_of(cluster.put(0, "k", "2")), ErrorCode::not_ready);
}

// B1: a damaged copy must not read as "not found", or the next write takes a used dot.
TEST(Identity, B1ADamagedCopyIsAnErrorAndEndsItsActor) {
  CoreCluster cluster(3);
  const int i = coordinator_of(cluster, "k");
  const Dot first = dot_of(cluster.put(0, "k", "1"));
  MemoryStore& store = *cluster.node(i).store;
  store.put(Space::objects, object_key({"default", "k"}), "garbage");
  ASSERT_TRUE(store.write_step().has_value());
  cluster.crash(i);
  cluster.start(i, 1);
  cluster.connect(i);
  // The damaged owner neither coordinates nor answers; the two others carry on.
  const Reply put = cluster.put(0, "k", "2");
  ASSERT_TRUE(std::holds_alternative<WriteReply>(put.outcome));
  EXPECT_NE(dot_of(put).actor, first.actor);
  EXPECT_EQ(CoreCluster::values_of(cluster.get(1, "k")), (Values{"1", "2"}));
  EXPECT_GT(counter(cluster, i, "actors_retired"), 0u);
}

// B3: knowledge of a lost past may also come with a write that another node coordinates.
TEST(Identity, B3AnObjectThatKnowsMoreOfThisNodeEndsItsActor) {
  CoreCluster cluster(3);
  const int i = coordinator_of(cluster, "k");
  cluster.put(0, "k", "1");
  const MemoryStore backup = *cluster.node(i).store;
  cluster.put(0, "k", "2");
  // The node forgets its last write while it runs, behind every check at the start.
  cluster.crash(i);
  *cluster.node(i).store = backup;
  cluster.start(i, 1);
  cluster.advance(cluster.protocol.past_check.timeout);
  cluster.connect(i);
  const Dot next = dot_of(cluster.put(2, "k", "3"));
  EXPECT_EQ(CoreCluster::values_of(cluster.get(0, "k", all_owners())), (Values{"1", "2", "3"}))
      << to_string(next);
}

TEST(Identity, TheDirectoryOfAnotherNodeIsRefusedWithARemedy) {
  CoreCluster cluster(1, {.n = 1, .r = QuorumSize::count(1), .w = QuorumSize::count(1)});
  cluster.crash(0);
  cluster.node(0).name = "other";
  cluster.start(0, 1);
  ASSERT_FALSE(cluster.start_status.has_value());
  EXPECT_EQ(cluster.start_status.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(cluster.start_status.error().message.find("belongs to node 'n0'"), std::string::npos);
}

TEST(Identity, B36ANameWithAnotherIdIsRefused) {
  CoreCluster cluster(3);
  Hello hello = cluster.core(1).hello_for(cluster.id(0));
  EXPECT_TRUE(cluster.core(0).check_hello(hello).has_value());
  hello.sender.low ^= 1;
  const Status wiped = cluster.core(0).check_hello(hello);
  ASSERT_FALSE(wiped.has_value());
  EXPECT_EQ(wiped.error().code, ErrorCode::auth);
  hello = cluster.core(1).hello_for(cluster.id(0));
  hello.cluster.low ^= 1;
  EXPECT_FALSE(cluster.core(0).check_hello(hello).has_value());
}

// B7: the journal of counters goes round many times, and each start finds the newest of each slot.
TEST(Identity, B7TheJournalOfCountersRemembersEverySlot) {
  MemoryStore store;
  std::map<Slot, Dot> last;
  Random random(5);
  for (int start = 0; start < 4; ++start) {
    ActorTable actors(store, random.stream("actors", static_cast<unsigned>(start)));
    ASSERT_TRUE(actors.load().has_value());
    for (const auto& [slot, dot] : last) ASSERT_EQ(actors.actor_of(slot), dot.actor);
    for (int step = 0; step < 700; ++step) {
      for (std::uint64_t i = random.below(4); i > 0; --i) {
        const auto slot = static_cast<Slot>(random.below(300));
        if (random.chance(1, 50)) {
          actors.retire(slot);
          last.erase(slot);
          continue;
        }
        const Dot dot = actors.next_dot(slot);
        const auto before = last.find(slot);
        if (before != last.end()) {
          ASSERT_EQ(dot.actor, before->second.actor);
          ASSERT_EQ(dot.counter, before->second.counter + 1) << "a counter was forgotten";
        }
        last[slot] = dot;
      }
      actors.end_step();
      ASSERT_TRUE(store.write_step().has_value());
    }
  }
}

TEST(Identity, FirstMembersThatKnowOnlyNamesComputeOneLayout) {
  std::vector<std::unique_ptr<MemoryStore>> stores;
  std::vector<std::unique_ptr<NodeCore>> cores;
  std::vector<Member> members(3);
  const Now now{};
  for (std::size_t i = 0; i < 3; ++i) members[i].name = "n" + std::to_string(i);
  for (int i = 0; i < 3; ++i) {
    stores.push_back(std::make_unique<MemoryStore>());
    NodeCoreOptions options;
    options.name = members[static_cast<std::size_t>(i)].name;
    cores.push_back(
        std::make_unique<NodeCore>(options, *stores.back(), Random(static_cast<unsigned>(i))));
    Outbox out;
    ASSERT_TRUE(cores.back()->start(now, {}, out).has_value());
    ASSERT_TRUE(cores.back()->form_cluster(now, {members, {}, {}}, out).has_value());
    EXPECT_EQ(cores.back()->peers().size(), 2u);
  }
  for (auto& to : cores) {
    for (auto& from : cores) {
      if (to == from) continue;
      EXPECT_EQ(to->layout(), nullptr);
      Outbox out;
      ASSERT_TRUE(to->check_hello(from->hello_for({})).has_value());
      to->handle_peer_up(now, from->hello_for({}), out);
    }
    ASSERT_NE(to->layout(), nullptr);
    EXPECT_EQ(digest_of(*to->layout()), digest_of(*cores.front()->layout()));
  }
  // A restart with the same list goes on; another list is refused.
  Outbox out;
  EXPECT_TRUE(cores[0]->form_cluster(now, {members, {}, {}}, out).has_value());
  members[1].name = "stranger";
  EXPECT_FALSE(cores[0]->form_cluster(now, {members, {}, {}}, out).has_value());
}

TEST(Identity, ReplicaRequestsFromStrangersAreRefused) {
  CoreCluster cluster(3);
  const NodeId stranger{1, 2};
  Outbox out;
  cluster.core(0).handle_message(
      cluster.now, stranger,
      Message{RequestId{7}, ReplicaGet{{"default", "k", {cluster.layout.version}}, false}}, out);
  const auto& send = std::get<Send>(out.effects().front());
  EXPECT_EQ(std::get<ReplicaError>(send.message.body).error.code, ErrorCode::auth);
}

}  // namespace
}  // namespace dynakv::testing

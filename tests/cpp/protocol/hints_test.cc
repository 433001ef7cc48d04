// Sloppy quorums and hinted handoff through whole NodeCores (Dynamo §4.6, DESIGN §6 and §7).
#include "dynakv/domain/object_format.h"
#include "dynakv/domain/ring.h"
#include "dynakv/protocol/store_keys.h"
#include "tests/cpp/support/core_cluster.h"

namespace dynakv::testing {
namespace {

using Values = std::multiset<Bytes>;

class Hints : public ::testing::Test {
 protected:
  explicit Hints(int nodes = 5, BucketProperties defaults = {}) : cluster(nodes, defaults) {}

  /// Node numbers in the order of the key's walk: owners, then fallbacks.
  std::vector<int> walk(const Bytes& key) {
    std::vector<int> numbers;
    const Ring ring = Ring::build(cluster.layout);
    for (const NodeId& node : ring.preference_list(slot_of(token_of_key(key)), 16)) {
      numbers.push_back(number_of(node));
    }
    return numbers;
  }
  int number_of(const NodeId& node) {
    for (const Member& member : cluster.layout.members) {
      if (member.id == node) return member.name[1] - '0';
    }
    return -1;
  }
  std::uint64_t counter(int node, const std::string& name) {
    return cluster.core(node).counters().at(name);
  }
  void back(int node) {
    cluster.start(node, 1);
    cluster.connect(node);
    cluster.run();
  }
  WriteReply put(const Bytes& key, const Bytes& value, OperationOptions options = {}) {
    const Reply reply = cluster.put(0, key, value, options);
    const auto* written = std::get_if<WriteReply>(&reply.outcome);
    EXPECT_NE(written, nullptr) << std::get<ErrorReply>(reply.outcome).error.message;
    return written != nullptr ? *written : WriteReply{};
  }
  /// What a node's own copy of the key says.
  Values copy_of(int node, const Bytes& key) {
    const auto stored = cluster.node(node).store->get(Space::objects, object_key({"default", key}));
    Values values;
    if (!stored->has_value()) return values;
    const Object object = decode_object(**stored).value();
    for (const Sibling& sibling : object.siblings()) values.insert(sibling.payload.value);
    return values;
  }

  CoreCluster cluster;
};

OperationOptions quorum(int size) {
  OperationOptions options;
  options.quorum = QuorumSize::count(static_cast<std::int16_t>(size));
  return options;
}

OperationOptions strict(int size) {
  OperationOptions options = quorum(size);
  options.mode = QuorumMode::strict;
  return options;
}

TEST_F(Hints, AFallbackStandsInForADownOwnerAndTheHintComesHome) {
  const std::vector<int> nodes = walk("k");
  cluster.crash(nodes[1]);
  const WriteReply written = put("k", "v", quorum(3));
  EXPECT_EQ(written.acked.size(), 2u);
  ASSERT_EQ(written.hinted.size(), 1u);
  EXPECT_EQ(number_of(written.hinted[0].node), nodes[3]);
  EXPECT_EQ(number_of(written.hinted[0].owner), nodes[1]);
  EXPECT_FALSE(written.is_strict);
  EXPECT_EQ(counter(nodes[3], "hints_pending"), 1u);
  EXPECT_EQ(copy_of(nodes[3], "k"), Values{}) << "a hint is no copy of the fallback's own";

  back(nodes[1]);
  EXPECT_EQ(copy_of(nodes[1], "k"), Values{"v"});
  EXPECT_EQ(counter(nodes[3], "hints_pending"), 0u);
  EXPECT_EQ(counter(nodes[3], "hints_pending_bytes"), 0u);
  EXPECT_EQ(counter(nodes[3], "hints_delivered"), 1u);
}

TEST_F(Hints, I9StrictModeRefusesInsteadAndNothingIsStored) {
  const std::vector<int> nodes = walk("k");
  cluster.crash(nodes[1]);
  const Reply reply = cluster.put(0, "k", "v", strict(3));
  const auto& error = std::get<ErrorReply>(reply.outcome);
  EXPECT_EQ(error.error.code, ErrorCode::quorum_unavailable);
  EXPECT_FALSE(error.in_doubt);
  EXPECT_EQ(error.alive, 2);
  EXPECT_EQ(copy_of(nodes[0], "k"), Values{});
}

TEST_F(Hints, StrictModeCountsOnlyOwnersButStillLeavesAHint) {
  const std::vector<int> nodes = walk("k");
  cluster.crash(nodes[1]);
  const WriteReply written = put("k", "v", strict(2));
  EXPECT_EQ(written.acked.size(), 2u);
  EXPECT_TRUE(written.is_strict);
  back(nodes[1]);
  EXPECT_EQ(copy_of(nodes[1], "k"), Values{"v"});
}

TEST_F(Hints, ASilentOwnerIsReplacedAfterTheHintTimeout) {
  const std::vector<int> nodes = walk("k");
  const NodeId silent = cluster.id(nodes[1]);
  cluster.filter = [&](const NodeId&, const NodeId& to, const Message&) { return to != silent; };
  const WriteReply written = put("k", "v", quorum(3));
  ASSERT_EQ(written.hinted.size(), 1u);
  EXPECT_EQ(number_of(written.hinted[0].owner), nodes[1]);
  cluster.filter = {};
  // It was never noticed to be down: the holder's own timer brings the hint home (B23).
  for (int i = 0; i < 50; ++i) cluster.advance(milliseconds(100));
  EXPECT_EQ(copy_of(nodes[1], "k"), Values{"v"});
  EXPECT_EQ(counter(nodes[3], "hints_pending"), 0u);
}

TEST_F(Hints, AnOwnerThatMissedAWriteGetsItEvenAfterTheReply) {
  const std::vector<int> nodes = walk("k");
  const NodeId silent = cluster.id(nodes[2]);
  cluster.filter = [&](const NodeId&, const NodeId& to, const Message&) { return to != silent; };
  EXPECT_EQ(put("k", "v").acked.size(), 2u);
  for (int i = 0; i < 20; ++i) cluster.advance(milliseconds(100));
  cluster.filter = {};
  for (int i = 0; i < 50; ++i) cluster.advance(milliseconds(100));
  EXPECT_EQ(copy_of(nodes[2], "k"), Values{"v"});
}

TEST_F(Hints, AFallbackCoordinatesWhereNoOwnerCanBeReached) {
  const std::vector<int> nodes = walk("k");
  for (int i = 0; i < 3; ++i) cluster.crash(nodes[static_cast<std::size_t>(i)]);
  const WriteReply written = put("k", "v", quorum(2));
  EXPECT_TRUE(written.acked.empty());
  EXPECT_EQ(written.hinted.size(), 2u);
  // A sloppy read finds it there; a strict one refuses.
  const Reply got = cluster.get(1, "k", quorum(2));
  EXPECT_EQ(CoreCluster::values_of(got), Values{"v"});
  EXPECT_FALSE(std::get<GetReply>(got.outcome).is_strict);
  EXPECT_EQ(CoreCluster::error_of(cluster.get(1, "k", strict(2))), ErrorCode::quorum_unavailable);

  for (int i = 0; i < 3; ++i) back(nodes[static_cast<std::size_t>(i)]);
  for (int i = 0; i < 50; ++i) cluster.advance(milliseconds(100));
  EXPECT_EQ(CoreCluster::values_of(cluster.get(2, "k", strict(3))), Values{"v"});
  for (const int node : nodes) EXPECT_EQ(counter(node, "hints_pending"), 0u);
}

class HintsOfSeven : public Hints {
 protected:
  HintsOfSeven() : Hints(7) {}
};

// I9: a fallback whose own hint has come home still knows what it asks others to keep.
TEST_F(HintsOfSeven, I9WhoStandsInLateIsGivenTheWriteAndNotNothing) {
  const std::vector<int> nodes = walk("k");
  for (int i = 0; i < 3; ++i) cluster.crash(nodes[static_cast<std::size_t>(i)]);
  const NodeId silent = cluster.id(nodes[4]);
  cluster.filter = [&](const NodeId&, const NodeId& to, const Message&) { return to != silent; };
  const OperationId operation = cluster.begin_write(0, CoreCluster::put_of("k", "v", quorum(3)));
  cluster.run();
  back(nodes[0]);
  EXPECT_EQ(copy_of(nodes[0], "k"), Values{"v"});
  cluster.crash(nodes[4]);
  const Reply reply = cluster.finish(operation);
  const auto* written = std::get_if<WriteReply>(&reply.outcome);
  ASSERT_NE(written, nullptr) << std::get<ErrorReply>(reply.outcome).error.message;
  for (const StandIn& hint : written->hinted) {
    const int holder = number_of(hint.node);
    if (holder == nodes[3]) continue;
    back(number_of(hint.owner));
    EXPECT_EQ(copy_of(number_of(hint.owner), "k"), Values{"v"}) << "held by n" << holder;
  }
  EXPECT_EQ(written->hinted.size(), 3u);
}

// I12: an acknowledged sloppy write that is still on its way home is not "nothing" for its session,
// even where every owner answers.
TEST_F(Hints, I12ASessionIsNotToldNothingWhileItsWriteIsOnItsWayHome) {
  const std::vector<int> nodes = walk("k");
  for (int i = 0; i < 3; ++i) cluster.crash(nodes[static_cast<std::size_t>(i)]);
  OperationOptions options = quorum(2);
  options.flow = static_cast<FlowId>(1);
  put("k", "v", options);
  cluster.filter = [](const NodeId&, const NodeId&, const Message& message) {
    const auto* put = std::get_if<ReplicaPut>(&message.body);
    return put == nullptr || to_number(put->actor) != 0;  // the hints stay where they are
  };
  for (int i = 0; i < 3; ++i) back(nodes[static_cast<std::size_t>(i)]);
  EXPECT_EQ(CoreCluster::error_of(cluster.get(0, "k", options)), ErrorCode::stale);
  cluster.filter = {};
  for (int i = 0; i < 50; ++i) cluster.advance(milliseconds(100));
  EXPECT_EQ(CoreCluster::values_of(cluster.get(0, "k", options)), Values{"v"});
}

TEST_F(Hints, I4TwoWritesOfOneFallbackHaveTwoDots) {
  const std::vector<int> nodes = walk("k");
  for (int i = 0; i < 3; ++i) cluster.crash(nodes[static_cast<std::size_t>(i)]);
  const WriteReply first = put("k", "a", quorum(1));
  const WriteReply second = put("k", "b", quorum(1));
  EXPECT_NE(first.dot, second.dot);
  EXPECT_EQ(CoreCluster::values_of(cluster.get(1, "k", quorum(1))), (Values{"a", "b"}));
}

TEST_F(Hints, B34AFallbacksNotFoundNeverCounts) {
  const std::vector<int> nodes = walk("k");
  put("k", "v", quorum(3));
  cluster.crash(nodes[0]);
  cluster.crash(nodes[1]);
  // One owner is left, and fallbacks that hold nothing: two answers cannot be had.
  EXPECT_NE(CoreCluster::error_of(cluster.get(0, "k", quorum(2))), std::nullopt);
  EXPECT_EQ(CoreCluster::values_of(cluster.get(0, "k", quorum(1))), Values{"v"});
}

TEST_F(Hints, B26AHintThatChangedOnItsWayIsNotForgotten) {
  const std::vector<int> nodes = walk("k");
  cluster.crash(nodes[1]);
  put("k", "first", quorum(3));
  const NodeId holder = cluster.id(nodes[3]);
  // The owner's acknowledgement of the first version is held back while a second one is written.
  std::optional<CoreCluster::Envelope> held;
  cluster.start(nodes[1], 1);
  const NodeId owner = cluster.id(nodes[1]);
  cluster.filter = [&](const NodeId& from, const NodeId& to, const Message& message) {
    const bool is_ack = std::holds_alternative<ReplicaPutReply>(message.body);
    if (from == owner && to == holder && is_ack && !held) {
      held = CoreCluster::Envelope{from, to, message};
      return false;
    }
    return true;
  };
  cluster.connect(nodes[1]);
  cluster.run();
  ASSERT_TRUE(held.has_value());
  cluster.filter = {};
  Outbox out;
  HintPut second{{"default", "k", {cluster.layout.version}}, owner, {}, {}};
  Object object;
  object.put({}, Dot{static_cast<ActorId>(99), 1}, Payload{"second", "", {}, 0, 0});
  second.object = encode_object(object);
  cluster.queue.push_back({cluster.id(nodes[0]), holder, {static_cast<RequestId>(8), second}});
  cluster.run();
  cluster.queue.push_back(*held);
  cluster.run();
  EXPECT_EQ(counter(nodes[3], "hints_pending"), 1u);
  for (int i = 0; i < 50; ++i) cluster.advance(milliseconds(100));
  EXPECT_EQ(copy_of(nodes[1], "k"), (Values{"first", "second"}));
  EXPECT_EQ(counter(nodes[3], "hints_pending"), 0u);
}

TEST_F(Hints, B23HintsSurviveARestartOfTheirHolder) {
  const std::vector<int> nodes = walk("k");
  cluster.crash(nodes[1]);
  put("k", "v", quorum(3));
  cluster.crash(nodes[3]);
  back(nodes[3]);
  EXPECT_EQ(counter(nodes[3], "hints_pending"), 1u);
  back(nodes[1]);
  for (int i = 0; i < 50; ++i) cluster.advance(milliseconds(100));
  EXPECT_EQ(copy_of(nodes[1], "k"), Values{"v"});
}

class HintsOfThree : public Hints {
 protected:
  HintsOfThree() : Hints(3) {}
};

TEST_F(HintsOfThree, WithoutAFallbackTheCoordinatorKeepsTheHintWhichCountsForNothing) {
  const std::vector<int> nodes = walk("k");
  cluster.crash(nodes[2]);
  EXPECT_EQ(CoreCluster::error_of(cluster.put(0, "k", "v", quorum(3))),
            ErrorCode::quorum_unavailable);
  const WriteReply written = put("k", "v", quorum(2));
  EXPECT_TRUE(written.hinted.empty());
  EXPECT_EQ(counter(nodes[0], "hints_pending"), 1u);
  put("k", "w", quorum(2));
  EXPECT_EQ(counter(nodes[0], "hints_pending"), 1u) << "one hint for each key";
  back(nodes[2]);
  EXPECT_EQ(copy_of(nodes[2], "k"), (Values{"v", "w"}));
  EXPECT_EQ(counter(nodes[0], "hints_pending"), 0u);
}

TEST_F(HintsOfThree, I19WithoutHintsNoTimerIsArmed) {
  put("k", "v", quorum(3));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(cluster.node(i).timers.contains({TimerKind::hinted_handoff, 0}));
  }
}

class HintsBounded : public Hints {};

TEST_F(HintsBounded, B25PastItsBoundsANodeAcceptsNoMoreAndDropsNothing) {
  const std::vector<int> nodes = walk("k");
  cluster.crash(nodes[1]);
  put("k", "v", quorum(3));
  // The owner flaps, but nothing comes through: the first hint's age counts on.
  cluster.now.wall.milliseconds += 4 * 3600 * 1000;
  const Reply reply = cluster.put(0, "k", "late", quorum(3));
  EXPECT_EQ(counter(nodes[3], "hints_refused"), 1u);
  EXPECT_EQ(counter(nodes[3], "hints_pending"), 1u);
  // The next fallback keeps it: it holds nothing old for this owner.
  ASSERT_TRUE(std::holds_alternative<WriteReply>(reply.outcome));
  EXPECT_EQ(number_of(std::get<WriteReply>(reply.outcome).hinted.back().node), nodes[4]);
}

// DESIGN §4: the actor of a hint record lives and dies with it, and not through a lost past.
TEST_F(Hints, AHintActorIsNotUsedAgainAfterALossOfPower) {
  const std::vector<int> nodes = walk("k");
  for (int i = 0; i < 3; ++i) cluster.crash(nodes[static_cast<std::size_t>(i)]);
  const WriteReply first = put("k", "a", quorum(1));
  const int holder = number_of(first.hinted.at(0).node);
  cluster.crash(holder);
  cluster.node(holder).evidence.boot_id = "boot-2";
  back(holder);
  const WriteReply second = put("k", "b", quorum(1));
  ASSERT_EQ(number_of(second.hinted.at(0).node), holder);
  EXPECT_NE(first.dot.actor, second.dot.actor);
}

}  // namespace
}  // namespace dynakv::testing

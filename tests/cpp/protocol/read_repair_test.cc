// Read repair through whole NodeCores (Dynamo §5, DESIGN §6).
#include <tuple>

#include "dynakv/domain/object_format.h"
#include "dynakv/domain/ring.h"
#include "dynakv/protocol/store_keys.h"
#include "tests/cpp/support/core_cluster.h"

namespace dynakv::testing {
namespace {

using Values = std::multiset<Bytes>;

class Repairs : public ::testing::Test {
 protected:
  void start(ReadRepair mode) {
    BucketProperties properties;
    properties.w = QuorumSize::count(1);
    properties.read_repair = mode;
    ProtocolOptions protocol;
    protocol.hints.bytes_max = 0;  // so that only reads can repair
    cluster_.emplace(3, properties, std::map<Bytes, BucketProperties>{}, protocol);
    const Ring ring = Ring::build(cluster().layout);
    owners = ring.preference_list(slot_of(token_of_key("k")), 3);
  }
  CoreCluster& cluster() { return *cluster_; }

  /// Puts a value that only the coordinator gets.
  void put_at_one(const Bytes& value) {
    cluster().filter = [](const NodeId&, const NodeId&, const Message& message) {
      return !std::holds_alternative<ReplicaPut>(message.body);
    };
    cluster().put(0, "k", value);
    for (int i = 0; i < 60; ++i) cluster().advance(milliseconds(100));
    cluster().filter = {};
  }
  Values copy_of(const NodeId& node) {
    const int i = cluster().index_of(node);
    const auto stored = cluster().node(i).store->get(Space::objects, object_key({"default", "k"}));
    Values values;
    if (!stored->has_value()) return values;
    const Object object = decode_object(**stored).value();
    for (const Sibling& sibling : object.siblings()) values.insert(sibling.payload.value);
    return values;
  }
  int holders_of(const Bytes& value) {
    return static_cast<int>(std::count_if(owners.begin(), owners.end(), [&](const NodeId& owner) {
      return copy_of(owner).contains(value);
    }));
  }
  std::uint64_t repairs() {
    std::uint64_t sum = 0;
    for (int i = 0; i < 3; ++i) sum += cluster().core(i).counters().at("read_repairs");
    return sum;
  }

  std::optional<CoreCluster> cluster_;
  std::vector<NodeId> owners;
};

TEST_F(Repairs, AReadBringsOwnersUpToDateInTheBackground) {
  start(ReadRepair::background);
  put_at_one("v");
  ASSERT_EQ(holders_of("v"), 1);
  EXPECT_EQ(CoreCluster::values_of(cluster().get(1, "k")), Values{"v"});
  cluster().run();
  EXPECT_EQ(holders_of("v"), 3);
  EXPECT_EQ(repairs(), 2u);
}

TEST_F(Repairs, AnOwnerThatIsSlowToSayWhatItHasIsRepairedAllTheSame) {
  start(ReadRepair::background);
  cluster().put(0, "k", "1");
  put_at_one("2");
  ASSERT_EQ(holders_of("2"), 1);
  cluster().filter = [](const NodeId&, const NodeId&, const Message& message) {
    const auto* reply = std::get_if<ReplicaGetReply>(&message.body);
    return reply == nullptr || reply->object.empty();
  };
  OperationOptions options;
  options.quorum = QuorumSize::count(1);
  EXPECT_EQ(CoreCluster::values_of(cluster().get(1, "k", options)).count("2"), 1u);
  EXPECT_EQ(holders_of("2"), 1);
  cluster().advance(cluster().protocol.coordinators.hint_timeout);
  EXPECT_EQ(holders_of("2"), 3);
}

// A client in a hurry is no reason to leave an owner behind that is merely slower than its
// deadline.
TEST_F(Repairs, AHurriedReadRepairsOwnersThatAnswerWithinTheHintTimeout) {
  start(ReadRepair::background);
  put_at_one("v");
  std::optional<CoreCluster::Envelope> held;
  cluster().filter = [&](const NodeId& from, const NodeId& to, const Message& message) {
    if (from != owners[2] || !std::holds_alternative<ReplicaGetReply>(message.body)) return true;
    held = CoreCluster::Envelope{from, to, message};
    return false;
  };
  OperationOptions hurried;
  hurried.quorum = QuorumSize::count(2);
  hurried.timeout = milliseconds(100);
  EXPECT_EQ(CoreCluster::values_of(cluster().get(1, "k", hurried)), Values{"v"});
  cluster().filter = {};
  cluster().advance(milliseconds(300));
  ASSERT_TRUE(held.has_value());
  cluster().queue.push_back(*held);
  cluster().run();
  EXPECT_EQ(holders_of("v"), 3);
}

TEST_F(Repairs, I19OwnersThatAgreeAreSentNothing) {
  start(ReadRepair::background);
  cluster().put(0, "k", "v");
  for (int i = 0; i < 5; ++i) cluster().get(1, "k");
  cluster().get(1, "never written");
  EXPECT_EQ(repairs(), 0u);
}

TEST_F(Repairs, SwitchedOffNothingIsRepaired) {
  start(ReadRepair::off);
  put_at_one("v");
  cluster().get(1, "k");
  cluster().run();
  EXPECT_EQ(holders_of("v"), 1);
}

TEST_F(Repairs, OneRequestMaySayOtherwiseThanItsBucket) {
  start(ReadRepair::off);
  put_at_one("v");
  OperationOptions options;
  options.read_repair = ReadRepair::background;
  cluster().get(1, "k", options);
  cluster().run();
  EXPECT_EQ(holders_of("v"), 3);
}

// I11: what a read showed is held by so many owners that no later quorum read can miss it.
TEST_F(Repairs, I11ABlockingReadRepliesOnlyWhenLaterReadsMustSeeIt) {
  start(ReadRepair::blocking);
  put_at_one("v");
  int acks = 0;
  bool replied_too_early = false;
  cluster().filter = [&](const NodeId&, const NodeId&, const Message& message) {
    acks += std::holds_alternative<ReplicaPutReply>(message.body) ? 1 : 0;
    if (std::holds_alternative<GetReply>(message.body)) {
      replied_too_early = holders_of("v") < 2;
    }
    return true;
  };
  EXPECT_EQ(CoreCluster::values_of(cluster().get(1, "k")), Values{"v"});
  EXPECT_FALSE(replied_too_early);
  EXPECT_GE(acks, 1);
}

TEST_F(Repairs, I11ABlockingReadThatCannotRepairFailsInsteadOfGoingBackLater) {
  start(ReadRepair::blocking);
  // At another coordinator a second try would repair that one's own copy.
  cluster().client_options.attempts_max = 1;
  put_at_one("v");
  cluster().filter = [](const NodeId&, const NodeId&, const Message& message) {
    return !std::holds_alternative<ReplicaPut>(message.body);
  };
  const auto error = CoreCluster::error_of(cluster().get(1, "k"));
  EXPECT_TRUE(error == ErrorCode::quorum_timeout || error == ErrorCode::timeout);
}

TEST_F(Repairs, SiblingsOfSeveralOwnersAreJoinedAndSpread) {
  start(ReadRepair::background);
  put_at_one("a");
  cluster().crash(cluster().index_of(owners[0]));
  put_at_one("b");
  for (int i = 0; i < 3; ++i) {
    if (!cluster().node(i).core) cluster().start(i, 1);
  }
  for (int i = 0; i < 3; ++i) cluster().connect(i);
  cluster().run();
  OperationOptions all;
  all.quorum = QuorumSize::all();
  EXPECT_EQ(CoreCluster::values_of(cluster().get(1, "k", all)), (Values{"a", "b"}));
  cluster().run();
  for (const NodeId& owner : owners) EXPECT_EQ(copy_of(owner), (Values{"a", "b"}));
}

TEST_F(Repairs, ADecisionRecordTellsWhoAnsweredAndWhoWasRepaired) {
  start(ReadRepair::blocking);
  put_at_one("v");
  OperationOptions options;
  options.explain = true;
  const Reply reply = cluster().get(1, "k", options);
  const ExplainRecord record = std::get<GetReply>(reply.outcome).explain;
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->owners, owners);
  EXPECT_EQ(record->required, 2);
  std::multiset<ExplainKind> kinds;
  for (const ExplainEvent& event : record->events) kinds.insert(event.kind);
  EXPECT_EQ(kinds.count(ExplainKind::received), 1u);
  EXPECT_EQ(kinds.count(ExplainKind::sent), 2u);
  EXPECT_EQ(kinds.count(ExplainKind::quorum_met), 1u);
  EXPECT_GE(kinds.count(ExplainKind::repaired), 1u);
  EXPECT_EQ(record->events.back().kind, ExplainKind::replied);
  EXPECT_EQ(kinds.count(ExplainKind::repair_planned), 0u);
  EXPECT_NE(record->request, RequestId{});
}

/// What is noted of each node, in order.
std::vector<std::tuple<ExplainKind, NodeId, CopyKind>> noted(const Reply& reply) {
  std::vector<std::tuple<ExplainKind, NodeId, CopyKind>> noted;
  for (const ExplainEvent& event : std::get<GetReply>(reply.outcome).explain->events) {
    noted.emplace_back(event.kind, event.node, event.copy);
  }
  return noted;
}

TEST_F(Repairs, ARecordTellsWhatEachCopyWasAndWhoIsToBeRepaired) {
  start(ReadRepair::background);
  put_at_one("v");
  OperationOptions options;
  options.explain = true;
  options.quorum = QuorumSize::all();
  const auto found = noted(cluster().get(1, "k", options));
  int empty = 0;
  for (const NodeId& owner : owners) {
    const bool has_it = copy_of(owner).contains("v");
    const auto count = [&](ExplainKind kind, CopyKind copy) {
      return std::count(found.begin(), found.end(), std::tuple(kind, owner, copy));
    };
    empty += static_cast<int>(count(ExplainKind::answered, CopyKind::empty));
    EXPECT_EQ(count(ExplainKind::answered, CopyKind::first) +
                  count(ExplainKind::repair_planned, CopyKind::none),
              1)
        << has_it;
  }
  EXPECT_EQ(empty, 2);
  EXPECT_EQ(std::get<0>(found.back()), ExplainKind::replied);
  cluster().run();
  EXPECT_EQ(repairs(), 2u);

  // Nobody is behind any more.
  for (const auto& [kind, node, copy] : noted(cluster().get(1, "k", options))) {
    EXPECT_NE(kind, ExplainKind::repair_planned);
    const bool is_digest = kind == ExplainKind::digest_equal;
    EXPECT_EQ(copy == CopyKind::equal, is_digest);
  }
}

TEST_F(Repairs, SwitchedOffARecordPlansNoRepair) {
  start(ReadRepair::off);
  put_at_one("v");
  OperationOptions options;
  options.explain = true;
  options.quorum = QuorumSize::all();
  for (const auto& [kind, node, copy] : noted(cluster().get(1, "k", options))) {
    EXPECT_NE(kind, ExplainKind::repair_planned);
  }
}

}  // namespace
}  // namespace dynakv::testing

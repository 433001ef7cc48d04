// What the Dynamo paper says (DeCandia et al., SOSP 2007, §4) and this store claims, sentence by
// sentence. The words in quotation marks are the paper's.
//
// Not here, because they are not built: Merkle trees (§4.7), and nodes that are added or removed
// while the cluster runs (§4.8.1, §4.9).
#include <gtest/gtest.h>

#include <algorithm>

#include "dynakv/domain/ring.h"
#include "dynakv/protocol/store_keys.h"
#include "tests/cpp/support/core_cluster.h"

namespace dynakv::testing {
namespace {

using Values = std::multiset<Bytes>;

OperationOptions with_quorum(int size, QuorumMode mode = QuorumMode::bucket_default) {
  OperationOptions options;
  options.quorum = QuorumSize::count(static_cast<std::int16_t>(size));
  options.mode = mode;
  return options;
}

class DynamoPaper : public ::testing::Test {
 protected:
  DynamoPaper() : cluster(5) {}

  /// The numbers of all nodes in the order of the key's walk.
  std::vector<int> walk(const Bytes& key) {
    std::vector<int> numbers;
    const Ring ring = Ring::build(cluster.layout);
    for (const NodeId& node : ring.preference_list(slot_of(token_of_key(key)), 5)) {
      numbers.push_back(cluster.index_of(node));
    }
    return numbers;
  }
  Values copy_of(int node, const Bytes& key) {
    const auto stored = cluster.node(node).store->get(Space::objects, object_key({"default", key}));
    if (!stored->has_value()) return {};
    Values values;
    const Object object = decode_object(**stored).value();
    for (const Sibling& sibling : object.siblings()) values.insert(sibling.payload.value);
    return values;
  }
  std::uint64_t counter(int node, const std::string& name) {
    return cluster.core(node).counters().at(name);
  }
  Values read(const Bytes& key, OperationOptions options = {}) {
    return CoreCluster::values_of(cluster.get(0, key, options));
  }
  /// A put by a writer that had seen `seen`; the object that a reader gets afterwards.
  Object put_after(const Context& seen, const Bytes& value) {
    WriteOperation put = CoreCluster::put_of("k", value);
    put.has_context = true;
    put.context = seen;
    put.context_scope = context_scope("default", "k");
    EXPECT_FALSE(CoreCluster::error_of(cluster.write(0, put)).has_value());
    return CoreCluster::object_of(cluster.get(1, "k"));
  }

  CoreCluster cluster;
};

// §4.1 "returns a single object or a list of objects with conflicting versions along with a
// context"
TEST_F(DynamoPaper, GetReturnsConflictingVersionsWithAContext) {
  cluster.put(0, "k", "one");
  cluster.put(1, "k", "two");
  const Object object = CoreCluster::object_of(cluster.get(2, "k"));
  EXPECT_EQ(object.live_count(), 2u);
  for (const Sibling& sibling : object.siblings()) {
    EXPECT_TRUE(object.context().covers(sibling.dot));
  }
}

// §4.2 "each data item identified by a key is assigned to a node by hashing the data item's key to
// yield its position on the ring, and then walking the ring clockwise"
TEST_F(DynamoPaper, TheHashOfAKeyAssignsItToNodes) {
  const Ring ring = Ring::build(cluster.layout);
  const Ring again = Ring::build(cluster.layout);
  for (const Bytes key : {"a", "b", "c"}) {
    const Slot slot = slot_of(token_of_key(key));
    EXPECT_EQ(ring.preference_list(slot, 5), again.preference_list(slot, 5));
  }
}

// §4.3 "Each data item is replicated at N hosts"
TEST_F(DynamoPaper, EachItemIsReplicatedAtNNodes) {
  cluster.put(0, "k", "v");
  cluster.run();
  int copies = 0;
  for (int node = 0; node < 5; ++node) copies += copy_of(node, "k") == Values{"v"} ? 1 : 0;
  EXPECT_EQ(copies, 3);
}

// §4.3 "the preference list for a key is constructed by skipping positions in the ring to ensure
// that the list contains only distinct physical nodes"
TEST_F(DynamoPaper, APreferenceListHasOnlyDistinctNodes) {
  const Ring ring = Ring::build(cluster.layout);
  for (std::uint32_t slot = 0; slot < kSlotCount; ++slot) {
    std::vector<NodeId> list = ring.preference_list(static_cast<Slot>(slot), 5);
    ASSERT_EQ(list.size(), 5u);
    std::sort(list.begin(), list.end());
    ASSERT_EQ(std::adjacent_find(list.begin(), list.end()), list.end()) << slot;
  }
}

// §4.4 "A put() call may return to its caller before the update has been applied at all the
// replicas"
TEST_F(DynamoPaper, APutReturnsBeforeAllReplicasHaveIt) {
  const int last = walk("k")[2];
  cluster.filter = [&](const NodeId&, const NodeId& to, const Message&) {
    return to != cluster.id(last);
  };
  const Reply reply = cluster.put(0, "k", "v");
  EXPECT_TRUE(std::holds_alternative<WriteReply>(reply.outcome));
  EXPECT_EQ(copy_of(last, "k"), Values{});
}

// §4.4 "new versions subsume the previous version(s), and the system itself can determine the
// authoritative version (syntactic reconciliation)"
TEST_F(DynamoPaper, ANewVersionSubsumesThePreviousOne) {
  const Object first = put_after({}, "D1");
  const Object second = put_after(first.context(), "D2");
  EXPECT_TRUE(second.context().dominates(first.context()));
  EXPECT_EQ(read("k"), Values{"D2"});
}

// §4.4, figure 3: D1 and D2 by Sx; D3 by Sy and D4 by Sz, both from D2, are in conflict; D5,
// written with the context of both, reconciles them.
TEST_F(DynamoPaper, TheExampleOfFigureThree) {
  const Context none;
  put_after(none, "D1");
  const Context seen_d1 = CoreCluster::object_of(cluster.get(1, "k")).context();
  const Context seen_d2 = put_after(seen_d1, "D2").context();
  EXPECT_EQ(read("k"), Values{"D2"});
  put_after(seen_d2, "D3");
  const Object branched = put_after(seen_d2, "D4");
  EXPECT_EQ(read("k"), (Values{"D3", "D4"}));
  put_after(branched.context(), "D5");
  EXPECT_EQ(read("k"), Values{"D5"});
}

// §4.5 "Any storage node in Dynamo is eligible to receive client get and put operations for any
// key"
TEST_F(DynamoPaper, AnyNodeTakesRequestsForAnyKey) {
  for (int node = 0; node < 5; ++node) {
    cluster.client_options.prefer = "n" + std::to_string(node);
    const Bytes value = "from " + std::to_string(node);
    EXPECT_TRUE(std::holds_alternative<WriteReply>(cluster.put(10 + node, "k", value).outcome));
    EXPECT_TRUE(CoreCluster::values_of(cluster.get(10 + node, "k")).contains(value));
  }
}

// §4.5 "requests received through a load balancer ... the node that receives the request will not
// coordinate it if the node is not in the top N of the requested key's preference list. Instead,
// that node will forward the request to the first among the top N nodes"
TEST_F(DynamoPaper, ANodeOutsideTheTopNForwardsToTheFirstOfThem) {
  const std::vector<int> nodes = walk("k");
  cluster.client_options.prefer = "n" + std::to_string(nodes[4]);
  const Reply reply = cluster.put(0, "k", "v");
  EXPECT_EQ(counter(nodes[4], "forwarded"), 1u);
  EXPECT_EQ(counter(nodes[4], "writes"), 0u);
  EXPECT_EQ(counter(nodes[0], "writes"), 1u);
  EXPECT_EQ(std::get<WriteReply>(reply.outcome).acked.front(), cluster.id(nodes[0]));
}

// §4.5 "R is the minimum number of nodes that must participate in a successful read operation. W is
// the minimum number of nodes that must participate in a successful write operation."
TEST_F(DynamoPaper, AtLeastRAndWNodesParticipate) {
  const Reply put = cluster.put(0, "k", "v", with_quorum(3));
  EXPECT_EQ(std::get<WriteReply>(put.outcome).acked.size(), 3u);
  const Reply get = cluster.get(0, "k", with_quorum(3));
  EXPECT_EQ(std::get<GetReply>(get.outcome).answered.size(), 3u);
  const std::vector<int> nodes = walk("k");
  cluster.crash(nodes[1]);
  cluster.crash(nodes[2]);
  for (const Reply& refused : {cluster.put(0, "k", "w", with_quorum(2, QuorumMode::strict)),
                               cluster.get(0, "k", with_quorum(2, QuorumMode::strict))}) {
    EXPECT_EQ(CoreCluster::error_of(refused), ErrorCode::quorum_unavailable);
  }
}

// §4.5 "If the coordinator gathers multiple versions of the data, it ends up returning all the
// versions it deems to be causally unrelated"
TEST_F(DynamoPaper, AReadReturnsAllCausallyUnrelatedVersions) {
  cluster.put(0, "k", "one");
  cluster.put(1, "k", "two");
  EXPECT_EQ(read("k"), (Values{"one", "two"}));
}

// §4.6 "all read and write operations are performed on the first N healthy nodes from the
// preference list, which may not always be the first N nodes encountered"
TEST_F(DynamoPaper, ASloppyQuorumTakesTheFirstHealthyNodes) {
  const std::vector<int> nodes = walk("k");
  cluster.crash(nodes[1]);
  const Reply reply = cluster.put(0, "k", "v", with_quorum(3));
  const auto& written = std::get<WriteReply>(reply.outcome);
  EXPECT_EQ(written.acked, (std::vector{cluster.id(nodes[0]), cluster.id(nodes[2])}));
  ASSERT_EQ(written.hinted.size(), 1u);
  EXPECT_EQ(written.hinted[0].node, cluster.id(nodes[3]));
  EXPECT_FALSE(written.is_strict);
}

// §4.6 "will have a hint in its metadata that suggests which node was the intended recipient of the
// replica"; "keep them in a separate local database"; "Once the transfer succeeds, D may delete the
// object from its local store"
TEST_F(DynamoPaper, AHintNamesItsRecipientIsKeptApartAndGoesHome) {
  const std::vector<int> nodes = walk("k");
  const NodeId owner = cluster.id(nodes[1]);
  cluster.crash(nodes[1]);
  cluster.put(0, "k", "v", with_quorum(3));
  MemoryStore& holder = *cluster.node(nodes[3]).store;
  const Bytes hint = hint_key(owner, object_key({"default", "k"}));
  EXPECT_TRUE(holder.get(Space::hints, hint)->has_value());
  EXPECT_EQ(copy_of(nodes[3], "k"), Values{});
  cluster.start(nodes[1], 1);
  cluster.connect(nodes[1]);
  cluster.run();
  EXPECT_EQ(copy_of(nodes[1], "k"), Values{"v"});
  EXPECT_FALSE(holder.get(Space::hints, hint)->has_value());
}

// §4.6 "setting W to 1, which ensures that a write is accepted as long as a single node in the
// system has durably written the key to its local store. Thus, the write request is only rejected
// if all nodes in the system are unavailable."
TEST_F(DynamoPaper, WithWOneASingleNodeAcceptsAWrite) {
  const std::vector<int> nodes = walk("k");
  for (int i = 0; i < 4; ++i) cluster.crash(nodes[static_cast<std::size_t>(i)]);
  const Reply reply = cluster.put(0, "k", "v", with_quorum(1));
  const auto& written = std::get<WriteReply>(reply.outcome);
  ASSERT_EQ(written.hinted.size(), 1u);
  EXPECT_EQ(written.hinted[0].node, cluster.id(nodes[4]));
  cluster.crash(nodes[4]);
  EXPECT_TRUE(CoreCluster::error_of(cluster.put(0, "k", "w", with_quorum(1))).has_value());
}

// §4.8.3 "a purely local notion of failure detection is entirely sufficient: node A may consider
// node B failed if node B does not respond to node A's messages (even if B is responsive to node
// C's messages)"
TEST_F(DynamoPaper, FailureDetectionIsLocal) {
  const NodeId deaf = cluster.id(0);
  const NodeId silent = cluster.id(1);
  cluster.filter = [&](const NodeId& from, const NodeId& to, const Message&) {
    return !(from == silent && to == deaf);
  };
  for (int i = 0; i < 200 && !cluster.core(0).is_suspect(silent); ++i) {
    cluster.advance(milliseconds(100));
  }
  EXPECT_TRUE(cluster.core(0).is_suspect(silent));
  EXPECT_FALSE(cluster.core(2).is_suspect(silent));
}

}  // namespace
}  // namespace dynakv::testing

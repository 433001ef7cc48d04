// Puts, gets and deletes through whole NodeCores: what a client is promised (DESIGN §6, §10).
#include "dynakv/domain/object_format.h"
#include "tests/cpp/support/core_cluster.h"

namespace dynakv::testing {
namespace {

OperationOptions flow(std::uint64_t id) {
  OperationOptions options;
  options.flow = static_cast<FlowId>(id);
  return options;
}

using Values = std::multiset<Bytes>;

TEST(Requests, PutThenGetReturnsTheValueFromEveryClient) {
  CoreCluster cluster(3);
  const Reply put = cluster.put(0, "k", "v");
  ASSERT_TRUE(std::holds_alternative<WriteReply>(put.outcome));
  EXPECT_EQ(std::get<WriteReply>(put.outcome).acked.size(), 2u);
  EXPECT_EQ(CoreCluster::values_of(cluster.get(1, "k")), Values{"v"});
}

TEST(Requests, AnAbsentKeyIsNoError) {
  CoreCluster cluster(3);
  const Reply reply = cluster.get(0, "nothing");
  EXPECT_TRUE(CoreCluster::object_of(reply).is_absent());
}

TEST(Requests, BlindWritersMakeSiblingsAndAReaderReconcilesThem) {
  CoreCluster cluster(3);
  cluster.put(0, "k", "a");
  cluster.put(1, "k", "b");
  const Reply got = cluster.get(2, "k", flow(1));
  EXPECT_EQ(CoreCluster::values_of(got), (Values{"a", "b"}));
  cluster.put(2, "k", "a+b", flow(1));
  EXPECT_EQ(CoreCluster::values_of(cluster.get(0, "k")), Values{"a+b"});
}

TEST(Requests, ASecondPutOfOneFlowReplacesItsFirst) {
  CoreCluster cluster(3);
  cluster.put(0, "k", "1", flow(1));
  cluster.put(0, "k", "2", flow(1));
  EXPECT_EQ(CoreCluster::values_of(cluster.get(1, "k")), Values{"2"});
}

// DESIGN §4: a put's reply must not carry the object's context, or a blind writer's next put
// destroys an acknowledged sibling that it never read.
TEST(Requests, I1ABlindWritersNextPutKeepsWhatItNeverRead) {
  CoreCluster cluster(3);
  cluster.put(0, "k", "unread", flow(1));
  cluster.put(0, "k", "first", flow(2));
  cluster.put(0, "k", "second", flow(2));
  EXPECT_EQ(CoreCluster::values_of(cluster.get(1, "k")), (Values{"unread", "second"}));
}

TEST(Requests, I8TwoInterleavedClientsNeverMakeMoreThanTwoSiblings) {
  CoreCluster cluster(3);
  for (int round = 0; round < 50; ++round) {
    cluster.get(0, "k", flow(1));
    cluster.get(1, "k", flow(2));
    cluster.put(0, "k", "a" + std::to_string(round), flow(1));
    cluster.put(1, "k", "b" + std::to_string(round), flow(2));
    EXPECT_LE(CoreCluster::values_of(cluster.get(2, "k")).size(), 2u);
  }
}

TEST(Requests, ADeleteRemovesWhatItsFlowSawAndKeepsWhatItDidNot) {
  CoreCluster cluster(3);
  cluster.put(0, "k", "seen");
  cluster.get(1, "k", flow(1));
  cluster.put(0, "k", "unseen");
  WriteOperation remove = CoreCluster::put_of("k", "", flow(1));
  remove.kind = WriteKind::remove;
  cluster.write(1, remove);
  EXPECT_EQ(CoreCluster::values_of(cluster.get(2, "k")), Values{"unseen"});
  // Without a context a delete takes what a quorum read sees.
  remove.options = {};
  cluster.write(0, remove);
  EXPECT_EQ(CoreCluster::values_of(cluster.get(2, "k")), Values{});
}

TEST(Requests, ConditionsAreCheckedOnAQuorumRead) {
  CoreCluster cluster(3);
  WriteOperation create = CoreCluster::put_of("k", "1");
  create.precondition = Precondition::if_absent;
  EXPECT_FALSE(CoreCluster::error_of(cluster.write(0, create)));
  const Reply second = cluster.write(1, create);
  EXPECT_EQ(CoreCluster::error_of(second), ErrorCode::condition_failed);
  EXPECT_FALSE(std::get<ErrorReply>(second.outcome).in_doubt);
  EXPECT_FALSE(std::get<ErrorReply>(second.outcome).object.empty());
  WriteOperation overwrite = CoreCluster::put_of("k", "2");
  overwrite.precondition = Precondition::overwrite;
  cluster.write(2, overwrite);
  EXPECT_EQ(CoreCluster::values_of(cluster.get(0, "k")), Values{"2"});
}

TEST(Requests, AContextOfAnotherKeyIsRefused) {
  CoreCluster cluster(3);
  cluster.put(0, "k", "1");
  const Object object = CoreCluster::object_of(cluster.get(0, "k"));
  WriteOperation put = CoreCluster::put_of("other", "2");
  put.has_context = true;
  put.context = object.context();
  put.context_scope = context_scope("default", "k");
  const Reply reply = cluster.write(0, put);
  EXPECT_EQ(CoreCluster::error_of(reply), ErrorCode::context_mismatch);
}

TEST(Requests, AValueWithATimeToLiveGoesAndItsContextStays) {
  CoreCluster cluster(3);
  WriteOperation put = CoreCluster::put_of("k", "short");
  put.ttl = milliseconds(500);
  cluster.write(0, put);
  const Context before = CoreCluster::object_of(cluster.get(0, "k")).context();
  cluster.advance(seconds(1));
  EXPECT_EQ(CoreCluster::values_of(cluster.get(0, "k")), Values{});
  cluster.put(1, "k", "blind");
  const Object after = CoreCluster::object_of(cluster.get(0, "k"));
  EXPECT_EQ(after.siblings().size(), 1u);
  EXPECT_TRUE(after.context().dominates(before));
}

TEST(Requests, I9AQuorumThatCannotBeReachedIsRefusedBeforeAnythingIsStored) {
  CoreCluster cluster(3);
  cluster.crash(1);
  cluster.crash(2);
  cluster.client_options.attempts_max = 1;
  const Reply reply = cluster.put(0, "k", "v");
  EXPECT_EQ(CoreCluster::error_of(reply), ErrorCode::quorum_unavailable);
  EXPECT_FALSE(std::get<ErrorReply>(reply.outcome).in_doubt);
  OperationOptions one;
  one.quorum = QuorumSize::count(1);
  EXPECT_TRUE(CoreCluster::object_of(cluster.get(0, "k", one)).is_absent());
}

TEST(Requests, I13AWriteWhoseReplicasFallSilentIsInDoubt) {
  CoreCluster cluster(3);
  cluster.filter = [](const NodeId&, const NodeId&, const Message& message) {
    return !std::holds_alternative<ReplicaPut>(message.body);
  };
  const Reply reply = cluster.put(0, "k", "v");
  const auto& error = std::get<ErrorReply>(reply.outcome);
  EXPECT_TRUE(error.in_doubt);
  cluster.filter = nullptr;
  OperationOptions all;
  all.quorum = QuorumSize::all();
  EXPECT_EQ(CoreCluster::values_of(cluster.get(1, "k", all)), Values{"v"});
}

TEST(Requests, AReadWithAQuorumSeesAWriteWithAQuorumWhileOneNodeIsAway) {
  CoreCluster cluster(3);
  for (int away = 0; away < 3; ++away) {
    cluster.crash(away);
    const Bytes key = "k" + std::to_string(away);
    EXPECT_FALSE(CoreCluster::error_of(cluster.put(0, key, "v")));
    cluster.start(away, 1);
    cluster.connect(away);
    cluster.run();
    EXPECT_EQ(CoreCluster::values_of(cluster.get(1, key)), Values{"v"});
  }
}

TEST(Requests, AnyNodeTakesAnyRequestAndForwardsItOnce) {
  CoreCluster cluster(5);
  // A client that is connected to one node only still reaches every key.
  ClientSession& session = cluster.client(0);
  Outbox out;
  for (int i = 1; i < 5; ++i) session.handle_peer_down(cluster.now, cluster.id(i), out);
  int forwarded = 0;
  cluster.filter = [&](const NodeId&, const NodeId&, const Message& message) {
    if (const auto* get = std::get_if<GetRequest>(&message.body)) forwarded += get->head.forwarded;
    return true;
  };
  for (int i = 0; i < 40; ++i) {
    const Bytes key = "key" + std::to_string(i);
    EXPECT_FALSE(CoreCluster::error_of(cluster.put(0, key, key)));
    EXPECT_EQ(CoreCluster::values_of(cluster.get(0, key)), Values{key});
  }
  EXPECT_GT(forwarded, 0);
  EXPECT_LT(forwarded, 40);
}

TEST(Requests, I12AReadInAFlowNeverGoesBack) {
  CoreCluster cluster(3);
  OperationOptions one = flow(1);
  one.quorum = QuorumSize::count(1);
  // The write reaches its coordinator only; then that node goes away.
  cluster.filter = [](const NodeId&, const NodeId&, const Message& message) {
    return !std::holds_alternative<ReplicaPut>(message.body);
  };
  const Reply put = cluster.put(0, "k", "v", one);
  const NodeId holder = std::get<WriteReply>(put.outcome).acked.front();
  cluster.crash(cluster.index_of(holder));
  const Reply got = cluster.get(0, "k", one);
  EXPECT_EQ(CoreCluster::error_of(got), ErrorCode::stale);
}

TEST(Requests, LastWriteWinsBucketsKeepOneValue) {
  BucketProperties lww;
  lww.kind = ObjectKind::last_write_wins;
  CoreCluster cluster(3, {}, {{"lww", lww}});
  for (const char* value : {"1", "2", "3"}) {
    cluster.write(0, CoreCluster::put_of("k", value, {}, "lww"));
    // A flow that read an older value is not behind for ever.
    EXPECT_EQ(CoreCluster::values_of(cluster.get(0, "k", flow(1), "lww")), Values{value});
    cluster.advance(milliseconds(5));
  }
  EXPECT_EQ(CoreCluster::values_of(cluster.get(1, "k", {}, "lww")), Values{"3"});
  WriteOperation remove = CoreCluster::put_of("k", "", {}, "lww");
  remove.kind = WriteKind::remove;
  cluster.write(2, remove);
  EXPECT_EQ(CoreCluster::values_of(cluster.get(1, "k", {}, "lww")), Values{});
}

TEST(Requests, TooManySiblingsAreRefusedAndNothingIsLost) {
  CoreCluster cluster(3);
  for (int i = 0; i < 100; ++i) {
    ASSERT_FALSE(CoreCluster::error_of(cluster.put(0, "k", std::to_string(i))));
  }
  const Reply reply = cluster.put(0, "k", "one too many");
  EXPECT_EQ(CoreCluster::error_of(reply), ErrorCode::too_many_siblings);
  EXPECT_EQ(CoreCluster::values_of(cluster.get(1, "k")).size(), 100u);
}

TEST(Requests, I23SiblingsThatNoMessageCouldCarryAreRefused) {
  CoreCluster cluster(3);
  const Bytes large(1u << 20, 'v');
  int accepted = 0;
  while (accepted < 20 && !CoreCluster::error_of(cluster.put(0, "k", large))) ++accepted;
  EXPECT_EQ(accepted, 8);
  EXPECT_EQ(CoreCluster::error_of(cluster.put(0, "k", large)), ErrorCode::too_many_siblings);
  EXPECT_EQ(CoreCluster::object_of(cluster.get(1, "k")).siblings().size(), 8u);
}

TEST(Requests, BadRequestsAreRefusedWithTheirReason) {
  CoreCluster cluster(3);
  EXPECT_EQ(CoreCluster::error_of(cluster.put(0, "", "v")), ErrorCode::invalid_argument);
  EXPECT_EQ(CoreCluster::error_of(cluster.put(0, Bytes(4097, 'k'), "v")), ErrorCode::key_too_large);
  EXPECT_EQ(CoreCluster::error_of(cluster.put(0, "k", Bytes((1u << 20) + 1, 'v'))),
            ErrorCode::value_too_large);
  OperationOptions four;
  four.quorum = QuorumSize::count(4);
  EXPECT_EQ(CoreCluster::error_of(cluster.put(0, "k", "v", four)), ErrorCode::invalid_argument);
  EXPECT_EQ(CoreCluster::error_of(cluster.get(0, "k", four)), ErrorCode::invalid_argument);
}

TEST(Requests, AClientAsksTheNodeItPrefersAndOthersWhileThatIsAway) {
  CoreCluster cluster(5);
  cluster.client_options.prefer = "n3";
  std::set<NodeId> asked;
  ClientSession& client = cluster.client(0);
  cluster.filter = [&](const NodeId& from, const NodeId& to, const Message&) {
    if (from == client.id()) asked.insert(to);
    return true;
  };
  const auto ask_for_all = [&] {
    asked.clear();
    for (int i = 0; i < 20; ++i) {
      const Bytes key = "k" + std::to_string(i);
      EXPECT_FALSE(CoreCluster::error_of(cluster.put(0, key, "v", flow(1))));
      EXPECT_EQ(CoreCluster::values_of(cluster.get(0, key, flow(1))), Values{"v"});
    }
  };
  ask_for_all();
  EXPECT_EQ(asked, std::set<NodeId>{cluster.id(3)});

  Outbox out;
  client.handle_peer_down(cluster.now, cluster.id(3), out);
  ask_for_all();
  EXPECT_FALSE(asked.contains(cluster.id(3)));
  EXPECT_GT(asked.size(), 1u);
}

}  // namespace
}  // namespace dynakv::testing

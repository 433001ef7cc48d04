#include "dynakv/node/node.h"

#include <gtest/gtest.h>

#include "tests/cpp/node/test_cluster.h"

namespace dynakv {
namespace {

struct Setup {
  const char* name;
  StorageKind storage;
  Durability durability;
};

class NodeCluster : public testing::TestWithParam<Setup> {};

INSTANTIATE_TEST_SUITE_P(Setups, NodeCluster,
                         testing::Values(Setup{"Memory", StorageKind::memory, Durability::group},
                                         Setup{"RocksDbGroup", StorageKind::rocksdb,
                                               Durability::group},
                                         Setup{"RocksDbOs", StorageKind::rocksdb, Durability::os}),
                         [](const auto& setup) { return setup.param.name; });

TEST_P(NodeCluster, PutsAndGetsThroughAClient) {
  TestCluster cluster(3, GetParam().storage, GetParam().durability);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  const auto client = cluster.client();
  ASSERT_NE(client, nullptr);
  EXPECT_EQ(client->layout()->members.size(), 3u);

  std::vector<Operation> puts;
  std::vector<Operation> gets;
  for (int i = 0; i < 300; ++i) {
    puts.push_back(put_of("key" + std::to_string(i), "value" + std::to_string(i)));
    gets.push_back(get_of("key" + std::to_string(i)));
  }
  for (const Reply& reply : run(*client, puts)) {
    ASSERT_TRUE(std::holds_alternative<WriteReply>(reply.outcome)) << text_of(reply);
    EXPECT_GE(std::get<WriteReply>(reply.outcome).acked.size(), 2u);
  }
  const auto got = run(*client, gets);
  ASSERT_EQ(got.size(), 300u);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(values_of(got[i]), std::vector<Bytes>{"value" + std::to_string(i)});
    EXPECT_EQ(got[i].operation, OperationId{i});
  }
  EXPECT_TRUE(values_of(run(*client, {get_of("absent")}).front()).empty());
  EXPECT_EQ(client->in_flight(), 0u);
}

TEST_P(NodeCluster, GoesOnWithoutOneNodeAndTakesItBack) {
  if (GetParam().storage == StorageKind::memory) GTEST_SKIP() << "a killed memory is empty";
  TestCluster cluster(3, GetParam().storage, GetParam().durability);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  const auto client = cluster.client();
  ASSERT_NE(client, nullptr);
  EXPECT_EQ(code_of(run(*client, {put_of("before", "1")}).front()), ErrorCode{});
  const NodeId id = cluster.nodes[0]->id();
  cluster.nodes[0]->kill();
  EXPECT_FALSE(cluster.nodes[0]->status().running);
  const Reply during = run(*client, {put_of("during", "2")}).front();
  EXPECT_EQ(code_of(during), ErrorCode{}) << text_of(during);

  ASSERT_NO_FATAL_FAILURE(cluster.restart(0));
  EXPECT_EQ(cluster.nodes[0]->id(), id);
  EXPECT_EQ(cluster.nodes[0]->status().incarnation, 2u);
  const Status ready = cluster.nodes[0]->wait_ready(kTestTimeout, 2);
  ASSERT_TRUE(ready.has_value()) << ready.error().message;
  for (std::size_t i = 1; i < 3; ++i) {
    EXPECT_TRUE(cluster.nodes[i]->wait_ready(kTestTimeout, 2).has_value());
  }
  // A client connects to it again by itself, and everything is still there.
  const auto got = run(*client, {get_of("before"), get_of("during")});
  EXPECT_EQ(values_of(got[0]), std::vector<Bytes>{"1"});
  EXPECT_EQ(values_of(got[1]), std::vector<Bytes>{"2"});
}

TEST_P(NodeCluster, StopsGracefullyAndComesBackWithItsData) {
  if (GetParam().storage == StorageKind::memory) GTEST_SKIP() << "a stopped memory is empty";
  TestCluster cluster(1, GetParam().storage, GetParam().durability);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  EXPECT_EQ(code_of(run(*cluster.client(), {put_of("k", "v")}).front()), ErrorCode{});
  EXPECT_TRUE(cluster.nodes[0]->stop().has_value());
  EXPECT_TRUE(cluster.nodes[0]->stop().has_value());
  cluster.nodes[0]->kill();
  EXPECT_FALSE(cluster.nodes[0]->failure().has_value());
  ASSERT_NO_FATAL_FAILURE(cluster.restart(0));
  ASSERT_TRUE(cluster.nodes[0]->wait_ready(kTestTimeout).has_value());
  EXPECT_EQ(values_of(run(*cluster.client(), {get_of("k")}).front()), std::vector<Bytes>{"v"});
}

TEST_P(NodeCluster, EveryOperationEndsWhenNodesStopWithWorkInFlight) {
  TestCluster cluster(3, GetParam().storage, GetParam().durability);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  ClientOptions options;
  options.timeout = milliseconds(1500);
  const auto client = cluster.client(options);
  ASSERT_NE(client, nullptr);
  std::vector<std::shared_ptr<Batch>> batches;
  for (int i = 0; i < 50; ++i) {
    std::vector<Operation> operations;
    for (int j = 0; j < 20; ++j) operations.push_back(put_of(std::to_string(j), Bytes(1000, 'x')));
    batches.push_back(client->submit(std::move(operations)));
  }
  batches.front()->wait_for(kTestTimeout);
  cluster.nodes[0]->kill();
  (void)cluster.nodes[1]->stop();
  (void)cluster.nodes[2]->stop();
  for (const auto& batch : batches) {
    ASSERT_TRUE(batch->wait_for(kTestTimeout));
    EXPECT_EQ(batch->results().size(), 20u);
  }
}

TEST(Node, RefusesAPortInUseAndSaysWhatToDo) {
  TestCluster cluster(1);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  NodeOptions options;
  options.name = "other";
  options.storage = StorageKind::memory;
  options.listen = cluster.nodes[0]->address();
  const auto second = Node::start(options);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(second.error().message.find(options.listen), std::string::npos);
  EXPECT_NE(second.error().message.find("choose another"), std::string::npos);
}

TEST(Node, RefusesOtherThanLoopbackUnlessInsecure) {
  NodeOptions options;
  options.name = "open";
  options.storage = StorageKind::memory;
  options.listen = "0.0.0.0:0";
  const auto refused = Node::start(options);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  options.insecure = true;
  EXPECT_TRUE(Node::start(options).has_value());
}

TEST(Node, RefusesBadOptions) {
  NodeOptions options;
  options.storage = StorageKind::memory;
  EXPECT_FALSE(Node::start(options).has_value());  // no name
  options.name = "n";
  for (const char* listen :
       {"", "here", ":1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "::1:80", "[::1]"}) {
    options.listen = listen;
    const auto started = Node::start(options);
    ASSERT_FALSE(started.has_value()) << listen;
    EXPECT_EQ(started.error().code, ErrorCode::invalid_argument);
  }
  options.listen = "127.0.0.1:0";
  options.storage = StorageKind::rocksdb;
  EXPECT_FALSE(Node::start(options).has_value());  // no directory
}

TEST(Node, TheSameBootstrapAgainChangesNothingAndAnotherIsRefused) {
  TestCluster cluster(2);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  const Bytes layout = cluster.nodes[0]->encoded_layout();
  EXPECT_EQ(layout, cluster.nodes[1]->encoded_layout());
  BucketProperties one{.n = 1, .r = QuorumSize::count(1), .w = QuorumSize::count(1)};
  EXPECT_FALSE(cluster.nodes[0]->bootstrap({cluster.nodes[0]->member()}, one, {}).has_value());
  EXPECT_FALSE(cluster.nodes[0]->bootstrap({}, one, {}).has_value());
  EXPECT_EQ(layout, cluster.nodes[0]->encoded_layout());
  cluster.nodes[0]->kill();
  EXPECT_EQ(layout, cluster.nodes[0]->encoded_layout());
  const Status late = cluster.nodes[0]->bootstrap({cluster.nodes[0]->member()}, one, {});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::closed);
}

/// Starts three nodes and has the first two form a cluster with the third, by its address alone;
/// waits until both have dialled it.
void form_without_the_last(TestCluster& cluster, std::vector<Member>& members) {
  for (NodeOptions& options : cluster.options) {
    auto started = Node::start(options);
    ASSERT_TRUE(started.has_value());
    members.push_back((*started)->member());
    members.back().id = {};
    cluster.nodes.push_back(std::move(*started));
  }
  for (std::size_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(cluster.nodes[i]->bootstrap(members, {}, {}).has_value());
  }
  ASSERT_TRUE(wait_until(
      [&] { return cluster.nodes[2]->status().counters.at("node.connections_accepted") >= 2; }));
}

TEST(Node, MembersLearnEachOthersIds) {
  TestCluster cluster(3);
  std::vector<Member> members;
  ASSERT_NO_FATAL_FAILURE(form_without_the_last(cluster, members));
  // It may have the layout by now: the others know its id from its Hello.
  EXPECT_TRUE(cluster.nodes[2]->bootstrap(members, {}, {}).has_value());
  for (const auto& node : cluster.nodes) {
    const Status ready = node->wait_ready(kTestTimeout, 2);
    ASSERT_TRUE(ready.has_value()) << ready.error().message;
    EXPECT_EQ(node->encoded_layout(), cluster.nodes[0]->encoded_layout());
  }
  EXPECT_EQ(code_of(run(*cluster.client(), {put_of("k", "v")}).front()), ErrorCode{});
}

TEST(Node, AMemberTakesOverTheLayoutThatNamesIt) {
  TestCluster cluster(3);
  std::vector<Member> members;
  ASSERT_NO_FATAL_FAILURE(form_without_the_last(cluster, members));
  for (const auto& node : cluster.nodes) {
    const Status ready = node->wait_ready(kTestTimeout, 2);
    ASSERT_TRUE(ready.has_value()) << ready.error().message;
    EXPECT_EQ(node->encoded_layout(), cluster.nodes[0]->encoded_layout());
  }
  EXPECT_TRUE(cluster.nodes[2]->bootstrap(members, {}, {}).has_value());
  EXPECT_EQ(cluster.nodes[2]->encoded_layout(), cluster.nodes[0]->encoded_layout());
}

TEST(Node, SaysWhatItWaitsForUntilItIsReady) {
  NodeOptions options;
  options.name = "alone";
  options.storage = StorageKind::memory;
  const auto node = Node::start(options);
  ASSERT_TRUE(node.has_value());
  const Status waited = (*node)->wait_ready(milliseconds(1));
  ASSERT_FALSE(waited.has_value());
  EXPECT_EQ(waited.error().code, ErrorCode::timeout);
  (*node)->kill();
  EXPECT_EQ((*node)->wait_ready(seconds(1)).error().code, ErrorCode::closed);
}

TEST(Node, RefusesTheDirectoryOfARunningNode) {
  TestCluster cluster(1, StorageKind::rocksdb);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  NodeOptions options = cluster.options[0];
  options.listen = "127.0.0.1:0";
  const auto second = Node::start(options);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::invalid_argument) << second.error().message;
}

TEST(Node, StatusNamesItsPeersAndCounts) {
  TestCluster cluster(3);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  const NodeStatus status = cluster.nodes[0]->status();
  EXPECT_TRUE(status.running);
  EXPECT_TRUE(status.ready);
  EXPECT_EQ(status.layout, LayoutVersion{1});
  ASSERT_EQ(status.peers.size(), 2u);
  EXPECT_TRUE(status.peers[0].connected);
  EXPECT_TRUE(status.peers[1].connected);
  EXPECT_GT(status.counters.at("node.steps"), 0u);
  cluster.nodes[1]->kill();
  const NodeId gone = cluster.nodes[1]->id();
  EXPECT_TRUE(wait_until([&] {
    for (const PeerStatus& peer : cluster.nodes[0]->status().peers) {
      if (peer.node == gone) return !peer.connected;
    }
    return false;
  }));
}

}  // namespace
}  // namespace dynakv

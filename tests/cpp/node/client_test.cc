#include "dynakv/node/client.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <set>

#include "tests/cpp/node/test_cluster.h"

namespace dynakv {
namespace {

bool is_readable(int descriptor, Duration timeout) {
  pollfd one{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, static_cast<int>(timeout.milliseconds())) == 1;
}

TEST(Client, SaysWhyEachContactPointGaveNothing) {
  NodeOptions options;
  options.name = "alone";
  options.storage = StorageKind::memory;
  const auto node = Node::start(options);  // in no cluster
  ASSERT_TRUE(node.has_value());
  const std::vector<std::string> contacts = {"127.0.0.1:1", (*node)->address()};
  const auto client = Client::connect(contacts, {}, milliseconds(300));
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().code, ErrorCode::no_nodes_available);
  EXPECT_NE(client.error().message.find("127.0.0.1:1: Connection refused"), std::string::npos)
      << client.error().message;
  EXPECT_NE(client.error().message.find("in no cluster yet"), std::string::npos);
  EXPECT_EQ(Client::connect({}, {}, seconds(1)).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(Client::connect({"nowhere"}, {}, seconds(1)).error().code, ErrorCode::invalid_argument);
}

TEST(Client, WaitsForAClusterThatFormsWhileItConnects) {
  TestCluster cluster(1);
  auto started = Node::start(cluster.options[0]);
  ASSERT_TRUE(started.has_value());
  Node& node = **started;
  std::thread later([&] {
    EXPECT_TRUE(wait_until([&] { return node.status().counters.at("node.reads") > 1; }));
    BucketProperties one{.n = 1, .r = QuorumSize::count(1), .w = QuorumSize::count(1)};
    EXPECT_TRUE(node.bootstrap({node.member()}, one, {}).has_value());
  });
  const auto client = Client::connect({node.address()}, {}, kTestTimeout);
  later.join();
  EXPECT_TRUE(client.has_value());
}

TEST(Client, FinishedBatchesWakeAnEventLoopOnce) {
  TestCluster cluster(3);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  const auto client = cluster.client();
  ASSERT_NE(client, nullptr);
  EXPECT_FALSE(is_readable(client->completion_fd(), {}));
  std::set<std::uint64_t> waiting;
  for (std::uint64_t tag = 1; tag <= 100; ++tag) {
    client->submit({put_of(std::to_string(tag), "v"), get_of("x")}, tag);
    waiting.insert(tag);
  }
  EXPECT_TRUE(client->submit({get_of("x")})->wait_for(kTestTimeout));  // not in the queue
  while (!waiting.empty()) {
    ASSERT_TRUE(is_readable(client->completion_fd(), kTestTimeout));
    for (const auto& batch : client->drain()) {
      EXPECT_TRUE(batch->done());
      EXPECT_EQ(batch->operation_count(), 2u);
      EXPECT_EQ(waiting.erase(batch->tag()), 1u);
      EXPECT_EQ(batch->take_results().size(), 2u);
    }
  }
  EXPECT_FALSE(is_readable(client->completion_fd(), {}));
  EXPECT_TRUE(client->drain().empty());
}

TEST(Client, AnEmptyBatchIsDone) {
  TestCluster cluster(1);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  const auto client = cluster.client();
  ASSERT_NE(client, nullptr);
  EXPECT_TRUE(client->submit({})->wait_for(kTestTimeout));
  client->submit({}, 9);
  EXPECT_TRUE(is_readable(client->completion_fd(), kTestTimeout));
  EXPECT_EQ(client->drain().front()->tag(), 9u);
}

TEST(Client, CancelEndsWhatHasNotEnded) {
  TestCluster cluster(3);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  const auto client = cluster.client();
  ASSERT_NE(client, nullptr);
  for (auto& node : cluster.nodes) node->kill();
  const auto batch = client->submit({get_of("k"), put_of("k", "v")});
  EXPECT_FALSE(batch->wait_for(milliseconds(1)));
  batch->cancel();
  ASSERT_TRUE(batch->wait_for(seconds(2)));
  EXPECT_EQ(code_of(batch->results()[0]), ErrorCode::closed);
  EXPECT_FALSE(std::get<ErrorReply>(batch->results()[0].outcome).in_doubt);
  EXPECT_EQ(code_of(batch->results()[1]), ErrorCode::closed);
  EXPECT_TRUE(std::get<ErrorReply>(batch->results()[1].outcome).in_doubt);
  batch->cancel();
  EXPECT_EQ(client->in_flight(), 0u);
}

TEST(Client, CloseEndsEverythingAndLaterBatchesAtOnce) {
  TestCluster cluster(3);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  auto client = cluster.client();
  ASSERT_NE(client, nullptr);
  for (auto& node : cluster.nodes) node->kill();
  std::vector<std::shared_ptr<Batch>> batches;
  for (std::uint64_t i = 0; i < 20; ++i) batches.push_back(client->submit({get_of("k")}, i));
  client->close();
  client->close();
  for (const auto& batch : batches) {
    ASSERT_TRUE(batch->done());
    EXPECT_NE(code_of(batch->results()[0]), ErrorCode{});
  }
  EXPECT_EQ(client->drain().size(), 20u);
  const auto late = client->submit({get_of("k"), put_of("k", "v")});
  ASSERT_TRUE(late->done());
  EXPECT_EQ(code_of(late->results()[1]), ErrorCode::closed);
  EXPECT_FALSE(std::get<ErrorReply>(late->results()[1].outcome).in_doubt);
  client.reset();
  late->cancel();  // of a client that is gone
}

TEST(Client, ThreadsShareIt) {
  TestCluster cluster(3);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  const auto client = cluster.client();
  ASSERT_NE(client, nullptr);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const Bytes key = std::to_string(t) + "/" + std::to_string(i);
        const auto put = client->submit({put_of(key, key)});
        ASSERT_TRUE(put->wait_for(kTestTimeout));
        const auto got = client->submit({get_of(key)});
        ASSERT_TRUE(got->wait_for(kTestTimeout));
        EXPECT_EQ(values_of(got->results()[0]), std::vector<Bytes>{key});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  // The counters are published at the end of the client's turn.
  EXPECT_TRUE(wait_until([&] {
    const ClientCounters counters = client->counters();
    return counters.operations_started == 400 && counters.operations_ended == 400;
  }));
}

TEST(Client, ALargeValueComesBackAndATooLargeOneIsRefused) {
  TestCluster cluster(3);
  for (NodeOptions& node : cluster.options)
    node.protocol.admission.value_bytes_max = kValueBytesHardMax;
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  const auto client = cluster.client({.timeout = kTestTimeout});
  ASSERT_NE(client, nullptr);
  const Bytes large(kValueBytesHardMax, 'L');
  const Reply put = run(*client, {put_of("large", large)}).front();
  EXPECT_EQ(code_of(put), ErrorCode{}) << text_of(put);
  EXPECT_EQ(values_of(run(*client, {get_of("large")}).front()), std::vector<Bytes>{large});
  const Reply refused = run(*client, {put_of("larger", large + Bytes(2u << 20, 'x'))}).front();
  EXPECT_EQ(code_of(refused), ErrorCode::value_too_large) << text_of(refused);
  EXPECT_TRUE(values_of(run(*client, {get_of("larger")}).front()).empty());
}

TEST(Client, SiblingsTooLargeForOneMessageAreAnErrorNotAHang) {
  TestCluster cluster(3);
  for (NodeOptions& node : cluster.options) {
    node.protocol.admission.value_bytes_max = kValueBytesHardMax;
    node.protocol.coordinators.object_bytes_max = 64u << 20;  // or the put would be refused before
  }
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  const auto client = cluster.client({.timeout = kTestTimeout});
  ASSERT_NE(client, nullptr);
  // Without a flow each put is concurrent with the others.
  const Operation put = put_of("k", Bytes(10u << 20, 'x'));
  EXPECT_EQ(code_of(run(*client, {put}).front()), ErrorCode{});
  EXPECT_NE(code_of(run(*client, {put}).front()), ErrorCode{});
  EXPECT_EQ(code_of(run(*client, {put_of("other", "v")}).front()), ErrorCode{});
  std::uint64_t too_large = 0;
  for (const auto& node : cluster.nodes) {
    too_large += node->status().counters.at("node.frames_too_large");
  }
  EXPECT_GT(too_large, 0u);
}

TEST(Client, StatusOfEachNode) {
  TestCluster cluster(2);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  const auto client = cluster.client();
  ASSERT_NE(client, nullptr);
  for (const auto& node : cluster.nodes) {
    const Reply reply = run(*client, {StatusOperation{.node = node->id()}}).front();
    const auto* status = std::get_if<StatusReply>(&reply.outcome);
    ASSERT_NE(status, nullptr) << text_of(reply);
    EXPECT_EQ(status->node, node->id());
    EXPECT_EQ(status->name, node->name());
    EXPECT_TRUE(status->ready);
  }
}

}  // namespace
}  // namespace dynakv

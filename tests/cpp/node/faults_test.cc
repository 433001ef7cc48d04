// Faults between real nodes, and a node that handles nothing for a while.
#include <gtest/gtest.h>

#include "tests/cpp/node/test_cluster.h"

namespace dynakv {
namespace {

class Faults : public testing::Test {
 protected:
  void SetUp() override {
    for (NodeOptions& node : cluster.options) node.development = true;
    ASSERT_NO_FATAL_FAILURE(cluster.start());
  }
  void set(std::size_t node, std::vector<LinkFault> faults) {
    const Status done = cluster.nodes[node]->set_link_faults(std::move(faults));
    ASSERT_TRUE(done.has_value()) << done.error().message;
  }
  /// Cuts one node off from the two others; `sent` and `received` as it sees them.
  void cut_off(std::size_t node, std::uint32_t sent, std::uint32_t received) {
    std::vector<LinkFault> own;
    for (std::size_t other = 0; other < 3; ++other) {
      if (other == node) continue;
      own.push_back({cluster.nodes[other]->id(), sent, received, {}});
      set(other, {{cluster.nodes[node]->id(), received, sent, {}}});
    }
    set(node, own);
  }
  void heal() {
    for (std::size_t node = 0; node < 3; ++node) set(node, {});
  }
  PeerStatus seen(std::size_t by, std::size_t node) {
    for (const PeerStatus& peer : cluster.nodes[by]->status().peers) {
      if (peer.node == cluster.nodes[node]->id()) return peer;
    }
    return {};
  }

  TestCluster cluster{3};
};

TEST_F(Faults, ACutLosesMessagesAndKeepsConnections) {
  cut_off(2, 1000, 1000);
  const auto dials = cluster.nodes[0]->status().counters.at("node.dials");
  EXPECT_TRUE(wait_until([&] { return seen(0, 2).state == PeerState::suspect; }));
  EXPECT_TRUE(wait_until([&] { return seen(2, 0).state == PeerState::suspect; }));
  EXPECT_TRUE(seen(0, 2).connected);
  EXPECT_EQ(seen(0, 1).state, PeerState::alive);
  EXPECT_GT(cluster.nodes[0]->status().counters.at("node.faults_lost"), 0u);
  EXPECT_EQ(cluster.nodes[0]->status().counters.at("node.dials"), dials);
  heal();
  EXPECT_TRUE(wait_until([&] { return seen(0, 2).state == PeerState::alive; }));
  EXPECT_TRUE(wait_until([&] { return seen(2, 0).state == PeerState::alive; }));
}

TEST_F(Faults, TheEndOfAConnectionIsNotHeardThroughACut) {
  cut_off(2, 1000, 1000);
  const std::string address = cluster.nodes[2]->address();
  cluster.nodes[2]->kill();
  EXPECT_TRUE(wait_until([&] { return seen(0, 2).state == PeerState::suspect; }));
  EXPECT_TRUE(seen(0, 2).connected);
  set(0, {});
  EXPECT_TRUE(wait_until([&] { return !seen(0, 2).connected; }));
}

TEST_F(Faults, DelayedMessagesComeLateAndInOrder) {
  const auto client = cluster.client();
  ASSERT_NE(client, nullptr);
  const Duration delay = milliseconds(150);
  for (std::size_t node = 0; node < 3; ++node) {
    std::vector<LinkFault> faults;
    for (std::size_t other = 0; other < 3; ++other) {
      if (other != node) faults.push_back({cluster.nodes[other]->id(), 0, 0, delay});
    }
    set(node, faults);
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(code_of(run(*client, {put_of("slow", "1")}).front()), ErrorCode{});
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(300));
  heal();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(code_of(run(*client, {put_of("k", std::to_string(i))}).front()), ErrorCode{});
  }
}

TEST_F(Faults, APausedNodeHandlesNothingUntilItIsResumed) {
  ASSERT_TRUE(cluster.nodes[1]->pause().has_value());
  const auto steps = cluster.nodes[1]->status().counters.at("node.steps");
  EXPECT_TRUE(wait_until([&] { return seen(0, 1).state == PeerState::suspect; }));
  EXPECT_EQ(cluster.nodes[1]->status().counters.at("node.steps"), steps);
  ASSERT_TRUE(cluster.nodes[1]->resume().has_value());
  EXPECT_TRUE(wait_until([&] { return seen(0, 1).state == PeerState::alive; }));
  ASSERT_TRUE(cluster.nodes[1]->pause().has_value());
  EXPECT_TRUE(cluster.nodes[1]->stop().has_value());
}

TEST(FaultsOfAnyNode, AreRefusedWithoutTheOption) {
  TestCluster cluster(1);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  EXPECT_EQ(cluster.nodes[0]->pause().error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(cluster.nodes[0]->set_link_faults({}).error().code, ErrorCode::invalid_argument);
  NodeOptions options = cluster.options[0];
  options.listen = "127.0.0.1:0";
  options.link_faults.push_back({NodeId{1, 2}, 0, 0, {}});
  EXPECT_EQ(Node::start(options).error().code, ErrorCode::invalid_argument);
}

TEST(LinkFaultsTest, ChangedDelaysKeepTheOrder) {
  LinkFaults faults{Random(1)};
  const NodeId peer{1, 2};
  const Instant start{1'000'000'000};
  EXPECT_EQ(faults.divert(peer, start), nullptr);
  faults.set({{peer, 0, 0, milliseconds(100)}});
  faults.divert(peer, start)->append("a");
  faults.set({{peer, 0, 0, milliseconds(1)}});
  faults.divert(peer, start)->append("b");
  faults.set({});
  faults.divert(peer, start)->append("c");
  EXPECT_FALSE(faults.take_due(start + milliseconds(99)).has_value());
  const Instant due = faults.next();
  EXPECT_EQ(due, start + milliseconds(100));
  for (const char* frame : {"a", "b", "c"}) EXPECT_EQ(faults.take_due(due)->frame, frame);
  EXPECT_FALSE(faults.take_due(due).has_value());
  EXPECT_EQ(faults.divert(peer, due), nullptr);
  faults.set({{peer, 1000, 0, {}}});
  faults.divert(peer, due)->append("lost");
  EXPECT_EQ(faults.next(), Instant::far_future());
}

}  // namespace
}  // namespace dynakv

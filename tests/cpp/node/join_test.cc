// Real nodes that find each other: through contact points, at new addresses, and by name.
#include <gtest/gtest.h>

#include "tests/cpp/node/stranger.h"
#include "tests/cpp/node/test_cluster.h"

namespace dynakv {
namespace {

std::optional<PeerStatus> seen(const Node& at, const NodeId& id) {
  for (const PeerStatus& peer : at.status().peers) {
    if (peer.node == id) return peer;
  }
  return std::nullopt;
}

class Join : public testing::Test {
 protected:
  Join() : cluster_(3, StorageKind::rocksdb, Durability::os) {}
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(cluster_.start()); }

  Result<std::unique_ptr<Node>> start_joiner(const std::string& name) {
    NodeOptions options;
    options.name = name;
    options.storage = StorageKind::memory;
    options.contact_points = {cluster_.nodes[0]->address()};
    return Node::start(options);
  }

  TestCluster cluster_;
};

TEST_F(Join, ANodeWithContactPointsServesByForwardingAndOwnsNothing) {
  const auto joiner = start_joiner("n3");
  ASSERT_TRUE(joiner.has_value());
  const Node& node = **joiner;
  ASSERT_TRUE((*joiner)->wait_ready(kTestTimeout, 3).has_value());
  EXPECT_EQ(node.encoded_layout().size(), cluster_.nodes[0]->encoded_layout().size());

  Stranger client(node.address());
  client.send(Message{RequestId{}, Hello{.role = Role::client, .sender = {1, 2}}});
  ASSERT_TRUE(client.receive().has_value());
  WriteRequest write;
  write.head = {"default", "k", node.status().layout, seconds(5), false};
  write.value = "v";
  client.send(Message{RequestId{8}, write});
  auto reply = client.receive();
  ASSERT_TRUE(reply.has_value());
  ASSERT_TRUE(std::holds_alternative<WriteReply>(reply->body));
  GetRequest get;
  get.head = write.head;
  client.send(Message{RequestId{16}, get});
  reply = client.receive();
  ASSERT_TRUE(reply.has_value());
  ASSERT_TRUE(std::holds_alternative<GetReply>(reply->body));
  EXPECT_FALSE(std::get<GetReply>(reply->body).object.empty());
  EXPECT_EQ(node.status().counters.at("forwarded"), 2u);
  EXPECT_EQ(node.status().counters.at("replica_puts"), 0u);

  for (const auto& member : cluster_.nodes) {
    ASSERT_TRUE(wait_until([&] { return seen(*member, node.id()).has_value(); }));
    EXPECT_FALSE(seen(*member, node.id())->in_layout);
    EXPECT_EQ(seen(*member, node.id())->address, node.address());
    EXPECT_TRUE(seen(node, member->id())->in_layout);
  }
}

TEST_F(Join, AMemberThatComesBackAtAnotherPortIsFound) {
  const NodeId moved = cluster_.nodes[1]->id();
  const std::string before = cluster_.nodes[1]->address();
  cluster_.nodes[1].reset();
  // Something else listens there now.
  NodeOptions squatter;
  squatter.name = "squatter";
  squatter.storage = StorageKind::memory;
  squatter.listen = before;
  const auto other = Node::start(squatter);
  ASSERT_TRUE(other.has_value()) << other.error().message;
  cluster_.options[1].listen = "127.0.0.1:0";
  ASSERT_NO_FATAL_FAILURE(cluster_.restart(1));
  ASSERT_NE(cluster_.nodes[1]->address(), before);
  for (const std::size_t i : {std::size_t{0}, std::size_t{2}}) {
    const Node& node = *cluster_.nodes[i];
    EXPECT_TRUE(wait_until([&] {
      const auto peer = seen(node, moved);
      return peer && peer->connected && peer->incarnation == 2 &&
             peer->address == cluster_.nodes[1]->address();
    })) << i;
  }
  // Clients are told the new address with the layout.
  Stranger client(cluster_.nodes[0]->address());
  client.send(Message{RequestId{}, Hello{.role = Role::client, .sender = {1, 2}}});
  ASSERT_TRUE(client.receive().has_value());
  client.send(Message{RequestId{8}, LayoutRequest{}});
  const auto reply = client.receive();
  ASSERT_TRUE(reply.has_value());
  const auto layout = decode_layout(std::get<LayoutReply>(reply->body).layout);
  ASSERT_TRUE(layout.has_value());
  EXPECT_EQ(layout->find(moved)->address, cluster_.nodes[1]->address());
}

TEST_F(Join, AStolenNameIsRefused) {
  const auto thief = start_joiner("n1");
  ASSERT_TRUE(thief.has_value());
  EXPECT_TRUE(wait_until(
      [&] { return cluster_.nodes[0]->status().counters.at("node.handshakes_refused") > 0; }));
  EXPECT_FALSE((*thief)->status().ready);
  EXPECT_FALSE(seen(*cluster_.nodes[0], (*thief)->id()).has_value());
}

}  // namespace
}  // namespace dynakv

// A real node whose directory is gone comes back under its name, and gets its data back.
#include <gtest/gtest.h>

#include "tests/cpp/node/test_cluster.h"

namespace dynakv {
namespace {

constexpr int kKeyCount = 100;

Bytes key(int i) { return "k" + std::to_string(i); }

/// How the wiped node is told where its cluster is.
enum class ToldBy : std::uint8_t { contact_points, first_members };

class RejoinNodes : public testing::TestWithParam<ToldBy> {
 protected:
  RejoinNodes() : cluster_(3, StorageKind::rocksdb, Durability::os) {
    for (NodeOptions& node : cluster_.options) {
      // The failure detector's own times have tests; here they are only waited for.
      node.protocol.gossip.interval = milliseconds(100);
      node.protocol.gossip.detector.silence_min = milliseconds(500);
      node.protocol.gossip.detector.silence_max = milliseconds(900);
      node.protocol.gossip.detector.ask_before = milliseconds(200);
    }
  }
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(cluster_.start()); }

  void start_again(std::size_t index) {
    NodeOptions options = cluster_.options[index];
    std::vector<Member> members;
    for (const NodeOptions& node : cluster_.options) {
      members.push_back({.name = node.name, .address = node.listen});
      const bool is_other = node.name != options.name;
      if (is_other && GetParam() == ToldBy::contact_points) {
        options.contact_points.push_back(node.listen);
      }
    }
    auto started = Node::start(options);
    ASSERT_TRUE(started.has_value()) << started.error().message;
    cluster_.nodes[index] = std::move(*started);
    if (GetParam() == ToldBy::first_members) {
      const Status formed = cluster_.nodes[index]->bootstrap(members, {}, {});
      ASSERT_TRUE(formed.has_value()) << formed.error().message;
    }
  }

  TestCluster cluster_;
};

TEST_P(RejoinNodes, AWipedNodeComesBackAndNothingIsLost) {
  const auto client = cluster_.client();
  std::vector<Operation> puts;
  for (int i = 0; i < kKeyCount; ++i) puts.push_back(put_of(key(i), "v" + std::to_string(i)));
  for (const Reply& reply : run(*client, puts)) ASSERT_EQ(text_of(reply), "no error");
  const NodeId id = cluster_.nodes[1]->id();
  cluster_.nodes[1].reset();
  std::filesystem::remove_all(cluster_.options[1].data_dir);
  ASSERT_NO_FATAL_FAILURE(start_again(1));
  EXPECT_NE(cluster_.nodes[1]->id(), id);
  const Node& node = *cluster_.nodes[1];
  ASSERT_TRUE(wait_until([&] { return node.id() == id && node.status().ready; }));
  ASSERT_TRUE(wait_until([&] { return !node.status().recovering; }));
  EXPECT_EQ(node.status().counters.at("rejoins"), 1u);
  EXPECT_EQ(node.status().counters.at("recoveries"), 1u);
  EXPECT_GE(node.status().counters.at("recovered_records"), std::uint64_t{kKeyCount});
  // Its copies count again, and are what they were: with either other node away, too.
  ASSERT_TRUE(cluster_.nodes[1]->wait_ready(kTestTimeout, 2).has_value());
  cluster_.nodes[0]->kill();
  std::vector<Operation> gets;
  for (int i = 0; i < kKeyCount; ++i) gets.push_back(get_of(key(i)));
  const std::vector<Reply> replies = run(*client, gets);
  ASSERT_EQ(replies.size(), static_cast<std::size_t>(kKeyCount));
  for (int i = 0; i < kKeyCount; ++i) {
    EXPECT_EQ(values_of(replies[static_cast<std::size_t>(i)]),
              std::vector<Bytes>{"v" + std::to_string(i)});
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, RejoinNodes,
                         testing::Values(ToldBy::contact_points, ToldBy::first_members),
                         [](const auto& way) {
                           return way.param == ToldBy::contact_points ? "ContactPoints"
                                                                      : "FirstMembers";
                         });

}  // namespace
}  // namespace dynakv

// What strangers and broken peers can do to a node's port: nothing but lose their connection
// (INVARIANTS I26, I27, §3.7).
#include <gtest/gtest.h>

#include "dynakv/base/random.h"
#include "tests/cpp/node/stranger.h"
#include "tests/cpp/node/test_cluster.h"

namespace dynakv {
namespace {

class Hostile : public testing::Test {
 protected:
  Hostile() : cluster_(1) { cluster_.options[0].handshake_timeout = milliseconds(300); }
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(cluster_.start()); }
  void TearDown() override {
    // It still serves.
    const auto client = cluster_.client();
    ASSERT_NE(client, nullptr);
    EXPECT_EQ(code_of(run(*client, {put_of("k", "v")}).front()), ErrorCode{});
    EXPECT_FALSE(node().failure().has_value());
  }

  Node& node() { return *cluster_.nodes[0]; }
  const std::string& address() { return node().address(); }
  std::uint64_t counter(const std::string& name) { return node().status().counters.at(name); }
  Hello hello() {
    Hello made;
    made.role = Role::client;
    made.sender = {1, ++strangers_};
    return made;
  }
  Bytes frame_of(Body body) {
    Bytes frame;
    EXPECT_TRUE(encode_message({RequestId{}, std::move(body)}, frame));
    return frame;
  }

  TestCluster cluster_;
  std::uint64_t strangers_ = 0;
};

TEST_F(Hostile, ASilentConnectionIsClosedInTime) {
  std::vector<std::unique_ptr<Stranger>> strangers;
  for (int i = 0; i < 50; ++i) strangers.push_back(std::make_unique<Stranger>(address()));
  // A slow one too: a byte is no reason to wait longer.
  strangers.back()->send("D");
  for (auto& stranger : strangers) {
    EXPECT_TRUE(stranger->is_closed());
    EXPECT_EQ(stranger->bytes_received(), 0u);
  }
  EXPECT_TRUE(wait_until([&] { return counter("node.handshakes_timed_out") >= 50; }));
}

TEST_F(Hostile, AnotherClusterAndAnotherNodesNameAreRefusedWithAReason) {
  Hello other = hello();
  other.cluster = {7, 7};
  Stranger stranger(address());
  stranger.send(Message{RequestId{}, other});
  const auto answer = stranger.receive();
  ASSERT_TRUE(answer.has_value() && std::holds_alternative<Refusal>(answer->body));
  EXPECT_EQ(std::get<Refusal>(answer->body).error.code, ErrorCode::auth);
  EXPECT_TRUE(stranger.is_closed());

  Hello double_ganger = hello();
  double_ganger.role = Role::node;
  double_ganger.name = node().name();
  double_ganger.address = Bytes(200, 'x');  // so that the refusal's text is paid for
  Stranger second(address());
  second.send(Message{RequestId{}, double_ganger});
  const auto refusal = second.receive();
  ASSERT_TRUE(refusal.has_value() && std::holds_alternative<Refusal>(refusal->body));
  EXPECT_TRUE(second.is_closed());
  EXPECT_TRUE(wait_until([&] { return counter("node.handshakes_refused") == 2; }));
}

TEST_F(Hostile, AnotherProtocolVersionIsRefused) {
  Bytes frame = frame_of(hello());
  frame[4] = 99;
  Stranger stranger(address());
  stranger.send(frame);
  const auto answer = stranger.receive();
  ASSERT_TRUE(answer.has_value() && std::holds_alternative<Refusal>(answer->body));
  EXPECT_EQ(std::get<Refusal>(answer->body).error.code, ErrorCode::version_mismatch);
  EXPECT_TRUE(stranger.is_closed());
}

TEST_F(Hostile, NothingIsDoneBeforeHello) {
  for (const Body& body :
       {Body(GetRequest{{"default", "k", LayoutVersion{1}, seconds(1), false}}),
        Body(WriteRequest{.head = {"default", "k", LayoutVersion{1}, seconds(1), false}}),
        Body(LayoutRequest{}), Body(StatusRequest{}), Body(ReplicaPut{}), Body(ReplicaGet{})}) {
    Stranger stranger(address());
    const Bytes frame = frame_of(body);
    stranger.send(frame);
    EXPECT_TRUE(stranger.is_closed());
    EXPECT_LE(stranger.bytes_received(), frame.size());
  }
  const NodeStatus status = node().status();
  EXPECT_EQ(status.counters.at("gets"), 0u);
  EXPECT_EQ(status.counters.at("replica_puts"), 0u);
}

TEST_F(Hostile, ASecondHelloEndsTheConnection) {
  Stranger stranger(address());
  stranger.send(Message{RequestId{}, hello()});
  ASSERT_TRUE(stranger.receive().has_value());
  stranger.send(Message{RequestId{}, hello()});
  EXPECT_TRUE(stranger.is_closed());
}

TEST_F(Hostile, ANewerConnectionReplacesTheOlder) {
  const Hello same = hello();
  Stranger older(address());
  older.send(Message{RequestId{}, same});
  ASSERT_TRUE(older.receive().has_value());
  Stranger newer(address());
  newer.send(Message{RequestId{}, same});
  ASSERT_TRUE(newer.receive().has_value());
  EXPECT_TRUE(older.is_closed());
  newer.send(Message{RequestId{5}, StatusRequest{}});
  const auto reply = newer.receive();
  ASSERT_TRUE(reply.has_value());
  EXPECT_TRUE(std::holds_alternative<StatusReply>(reply->body));
}

TEST_F(Hostile, TooLargeFramesAreRefusedByTheirHeader) {
  Bytes large = frame_of(hello());
  const std::uint32_t length = 1u << 20;
  large.replace(16, 4, reinterpret_cast<const char*>(&length), 4);
  Stranger stranger(address());
  stranger.send(large);
  EXPECT_TRUE(stranger.is_closed());

  Stranger accepted(address());
  accepted.send(Message{RequestId{}, hello()});
  ASSERT_TRUE(accepted.receive().has_value());
  const std::uint32_t huge = 0xffffffff;
  large.replace(16, 4, reinterpret_cast<const char*>(&huge), 4);
  accepted.send(large);
  EXPECT_TRUE(accepted.is_closed());
}

TEST_F(Hostile, AClientThatGossipsIsRefused) {
  GossipDelta lie;
  lie.delta.states.push_back({{.id = node().id(), .incarnation = kLeftIncarnation}});
  for (const Body& body : {Body(GossipDigest{}), Body(lie)}) {
    Stranger stranger(address());
    stranger.send(Message{RequestId{}, hello()});
    ASSERT_TRUE(stranger.receive().has_value());
    stranger.send(Message{RequestId{1}, body});
    const auto reply = stranger.receive();
    ASSERT_TRUE(reply.has_value());
    EXPECT_TRUE(std::holds_alternative<Refusal>(reply->body));
    EXPECT_TRUE(stranger.is_closed());
  }
}

TEST_F(Hostile, TruncatedAndRandomBytesOnlyEndTheirConnection) {
  Random random(11);
  const Bytes greeting = frame_of(hello());
  for (int round = 0; round < 150; ++round) {
    Stranger stranger(address());
    Bytes bytes;
    if (round % 3 == 0) {
      bytes = greeting.substr(0, random.below(greeting.size()));  // and then it goes away
    } else if (round % 3 == 1) {
      bytes = random.bytes(1 + random.below(3000));
    } else {
      bytes = greeting + frame_of(StatusRequest{});
      bytes[greeting.size() + random.below(24)] ^= static_cast<char>(1 << random.below(8));
    }
    stranger.send(bytes);
  }
  // All of them were heard, are gone when the timeout is over, and nothing is left behind.
  EXPECT_TRUE(wait_until([&] { return counter("node.protocol_errors") > 50; }));
  EXPECT_TRUE(wait_until([&] { return counter("node.connections") == 0; }));
}

TEST_F(Hostile, AReaderThatIsTooSlowIsClosed) {
  const auto client = cluster_.client();
  ASSERT_NE(client, nullptr);
  ASSERT_EQ(code_of(run(*client, {put_of("large", Bytes(1u << 20, 'x'))}).front()), ErrorCode{});
  Stranger stranger(address());
  stranger.send(Message{RequestId{}, hello()});
  ASSERT_TRUE(stranger.receive().has_value());
  // More than output_bytes_max and what the system buffers, and nothing of it is read.
  GetRequest get{{"default", "large", LayoutVersion{1}, seconds(60), false}};
  for (std::uint64_t i = 1; i <= 120; ++i) stranger.send(Message{RequestId{i}, get});
  EXPECT_TRUE(wait_until([&] { return counter("node.connections_closed_slow") == 1; }));
}

TEST(HostileLimits, ConnectionsBeyondTheBoundAreClosedAtOnce) {
  TestCluster cluster(1);
  cluster.options[0].connection_count_max = 3;
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  std::vector<std::unique_ptr<Stranger>> strangers;
  for (int i = 0; i < 8; ++i) {
    strangers.push_back(std::make_unique<Stranger>(cluster.nodes[0]->address()));
  }
  for (std::size_t i = 3; i < 8; ++i) EXPECT_TRUE(strangers[i]->is_closed());
  EXPECT_EQ(cluster.nodes[0]->status().counters.at("node.connections"), 3u);
  strangers.clear();
  EXPECT_NE(cluster.client(), nullptr);
}

TEST_F(Hostile, SplitFramesAreReadByteByByte) {
  Stranger stranger(address());
  const Bytes bytes = frame_of(hello()) + frame_of(StatusRequest{}) + frame_of(LayoutRequest{});
  for (const char byte : bytes) stranger.send(BytesView(&byte, 1));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(stranger.receive().has_value());
}

}  // namespace
}  // namespace dynakv

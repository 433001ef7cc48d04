// Requests of the node's own process: they enter and leave as a client's do.
#include <gtest/gtest.h>

#include <future>

#include "dynakv/domain/reader_view.h"
#include "tests/cpp/node/test_cluster.h"

namespace dynakv {
namespace {

WriteRequest local_put(const Bytes& key, const Bytes& value) {
  WriteRequest put;
  put.head.bucket = kDefaultBucket;
  put.head.key = key;
  put.head.time_left = seconds(5);
  put.value = value;
  put.write_id = 1;
  return put;
}

GetRequest local_get(const Bytes& key) {
  GetRequest get;
  get.head.bucket = kDefaultBucket;
  get.head.key = key;
  get.head.time_left = seconds(5);
  return get;
}

std::future<Body> ask(Node& node, LocalRequest request) {
  auto promise = std::make_shared<std::promise<Body>>();
  std::future<Body> reply = promise->get_future();
  node.submit(std::move(request), [promise](Body body) { promise->set_value(std::move(body)); });
  return reply;
}

Body wait(std::future<Body> reply) {
  if (reply.wait_for(std::chrono::nanoseconds(kTestTimeout.nanoseconds)) !=
      std::future_status::ready) {
    ADD_FAILURE() << "no reply";
    return ErrorReply{};
  }
  return reply.get();
}

ErrorCode code_of(const Body& body) {
  const auto* error = std::get_if<ErrorReply>(&body);
  return error != nullptr ? error->error.code : ErrorCode{};
}

TEST(LocalRequests, AnyNodeTakesAnyKeyAndTheReplyIsAClients) {
  TestCluster cluster(4, StorageKind::rocksdb);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  for (std::size_t node = 0; node < 4; ++node) {
    const Bytes value = "from " + std::to_string(node);
    const Body put = wait(ask(*cluster.nodes[node], local_put("k" + std::to_string(node), value)));
    ASSERT_TRUE(std::holds_alternative<WriteReply>(put));
    EXPECT_GE(std::get<WriteReply>(put).acked.size(), 2u);
    // Of another node: what was acknowledged is there.
    const Body got = wait(ask(*cluster.nodes[3 - node], local_get("k" + std::to_string(node))));
    ASSERT_TRUE(std::holds_alternative<GetReply>(got));
    const Object object = decode_object(std::get<GetReply>(got).object).value();
    ASSERT_NE(only_value(object, {}), nullptr);
    EXPECT_EQ(*only_value(object, {}), value);
  }
}

TEST(LocalRequests, WhatAClientMayNotDoTheyMayNotEither) {
  TestCluster cluster(1);
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  EXPECT_EQ(code_of(wait(ask(*cluster.nodes[0], local_get("")))), ErrorCode::invalid_argument);
  GetRequest late = local_get("k");
  late.head.time_left = {};
  EXPECT_EQ(code_of(wait(ask(*cluster.nodes[0], late))), ErrorCode::timeout);
}

TEST(LocalRequests, ANodeWithoutALayoutSaysSo) {
  TestDirectory directory;
  NodeOptions options;
  options.name = "n0";
  options.storage = StorageKind::memory;
  const auto node = Node::start(options);
  ASSERT_TRUE(node.has_value());
  EXPECT_EQ(code_of(wait(ask(**node, local_get("k")))), ErrorCode::not_ready);
}

// The core cannot answer: the other owners do not run. Its end must answer.
TEST(LocalRequests, TheEndOfTheNodeEndsThemAll) {
  TestCluster cluster(3);
  for (NodeOptions& options : cluster.options) options.development = true;
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  for (std::size_t other : {1u, 2u}) ASSERT_TRUE(cluster.nodes[other]->pause().has_value());
  WriteRequest put = local_put("k", "v");
  put.w = QuorumSize::all();
  put.head.time_left = seconds(60);
  put.head.mode = QuorumMode::strict;
  GetRequest get = local_get("k");
  get.r = QuorumSize::all();
  get.head.time_left = seconds(60);
  std::future<Body> written = ask(*cluster.nodes[0], put);
  std::future<Body> read = ask(*cluster.nodes[0], get);
  cluster.nodes[0]->kill();
  const Body write_end = wait(std::move(written));
  const Body read_end = wait(std::move(read));
  EXPECT_EQ(code_of(write_end), ErrorCode::closed);
  EXPECT_EQ(code_of(read_end), ErrorCode::closed);
  EXPECT_FALSE(std::get<ErrorReply>(read_end).in_doubt);
  EXPECT_EQ(code_of(wait(ask(*cluster.nodes[0], local_get("k")))), ErrorCode::closed);
}

TEST(LocalRequests, TheirNumberIsBounded) {
  TestCluster cluster(1);
  cluster.options[0].development = true;
  cluster.options[0].local_request_count_max = 2;
  ASSERT_NO_FATAL_FAILURE(cluster.start());
  ASSERT_TRUE(cluster.nodes[0]->pause().has_value());
  std::future<Body> first = ask(*cluster.nodes[0], local_get("k"));
  std::future<Body> second = ask(*cluster.nodes[0], local_get("k"));
  EXPECT_EQ(code_of(wait(ask(*cluster.nodes[0], local_get("k")))), ErrorCode::overloaded);
  ASSERT_TRUE(cluster.nodes[0]->resume().has_value());
  EXPECT_TRUE(std::holds_alternative<GetReply>(wait(std::move(first))));
  EXPECT_TRUE(std::holds_alternative<GetReply>(wait(std::move(second))));
  EXPECT_TRUE(std::holds_alternative<GetReply>(wait(ask(*cluster.nodes[0], local_get("k")))));
}

}  // namespace
}  // namespace dynakv

// Which nodes a client asks when some are silent, and how often it asks twice.
#include "dynakv/protocol/node_silence.h"

#include <gtest/gtest.h>

#include "dynakv/domain/ring.h"
#include "dynakv/protocol/retry_budget.h"
#include "tests/cpp/support/core_cluster.h"

namespace dynakv::testing {
namespace {

TEST(NodeSilence, ANodeThatOwesAnAnswerForTooLongIsSilentUntilItSpeaks) {
  NodeSilence silence(milliseconds(500));
  const NodeId node{1, 1};
  const Instant begin{1'000'000};
  silence.note_asked(begin, node);
  silence.note_asked(begin + milliseconds(400), node);
  EXPECT_FALSE(silence.is_silent(begin + milliseconds(499), node));
  EXPECT_TRUE(silence.is_silent(begin + milliseconds(500), node));
  silence.note_heard(node);
  EXPECT_FALSE(silence.is_silent(begin + seconds(9), node));
}

TEST(NodeSilence, ASilentNodeIsProbedEachSecond) {
  NodeSilence silence(milliseconds(500));
  const NodeId node{1, 1};
  const Instant begin{1'000'000};
  silence.note_asked(begin, node);
  EXPECT_TRUE(silence.to_be_probed(begin + milliseconds(900)).empty());
  EXPECT_EQ(silence.to_be_probed(begin + milliseconds(1000)).size(), 1u);
  EXPECT_TRUE(silence.to_be_probed(begin + milliseconds(1900)).empty());
  EXPECT_EQ(silence.to_be_probed(begin + milliseconds(2000)).size(), 1u);
}

TEST(RetryBudget, AllowsATenthOfAllRequestsAndABurst) {
  RetryBudget budget(10, 3);
  int retries = 0;
  for (; budget.allows(); ++retries) budget.note_retry();
  EXPECT_EQ(retries, 3);
  for (int i = 0; i < 1000; ++i) {
    budget.note_request();
    if (budget.allows()) {
      budget.note_retry();
      ++retries;
    }
  }
  EXPECT_EQ(retries, 103);
}

TEST(Client, AReadThatIsOutForTooLongIsTriedElsewhereAndLaterOnesGoThereAtOnce) {
  CoreCluster cluster(3);
  cluster.put(0, "k", "v");
  const Ring ring = Ring::build(cluster.layout);
  const NodeId silent = ring.preference_list(slot_of(token_of_key("k")), 3).front();
  int asked_silent = 0;
  cluster.filter = [&](const NodeId&, const NodeId& to, const Message& message) {
    asked_silent += to == silent && std::holds_alternative<GetRequest>(message.body) ? 1 : 0;
    return to != silent;
  };
  const Instant begin = cluster.now.steady;
  EXPECT_EQ(CoreCluster::values_of(cluster.get(0, "k")), std::multiset<Bytes>{"v"});
  EXPECT_LT((cluster.now.steady - begin).milliseconds(), 1000);
  EXPECT_EQ(asked_silent, 1);
  EXPECT_EQ(CoreCluster::values_of(cluster.get(0, "k")), std::multiset<Bytes>{"v"});
  EXPECT_EQ(asked_silent, 1) << "the silent node was asked again";
  // Its answer to a small question brings it back.
  cluster.filter = {};
  for (int i = 0; i < 30; ++i) cluster.get(0, "k"), cluster.advance(milliseconds(100));
  cluster.filter = [&](const NodeId&, const NodeId& to, const Message& message) {
    asked_silent += to == silent && std::holds_alternative<GetRequest>(message.body) ? 1 : 0;
    return true;
  };
  cluster.get(0, "k");
  EXPECT_EQ(asked_silent, 2);
}

// I13: "not applied" of the second try is no word about the first.
TEST(Client, ARefusalAfterALostTryIsInDoubt) {
  CoreCluster cluster(3);
  cluster.filter = [](const NodeId&, const NodeId&, const Message& message) {
    return !std::holds_alternative<ReplicaPut>(message.body);
  };
  OperationOptions options;
  options.quorum = QuorumSize::all();
  const OperationId put = cluster.begin_write(0, CoreCluster::put_of("k", "v", options));
  cluster.run();
  const Ring ring = Ring::build(cluster.layout);
  const NodeId coordinator = ring.preference_list(slot_of(token_of_key("k")), 3).front();
  cluster.crash(cluster.index_of(coordinator));
  const Reply reply = cluster.finish(put);
  const auto& error = std::get<ErrorReply>(reply.outcome);
  EXPECT_EQ(error.error.code, ErrorCode::quorum_timeout);
  EXPECT_TRUE(error.in_doubt);
  EXPECT_EQ(error.error.message.find("nothing was applied"), std::string::npos)
      << error.error.message;
}

}  // namespace
}  // namespace dynakv::testing

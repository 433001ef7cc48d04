// Planted bugs that need an exact course of events, each caught by a scenario of its own.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "dynakv/domain/canary.h"
#include "dynakv/domain/object.h"
#include "dynakv/protocol/canary.h"
#include "tests/cpp/support/check_guard.h"
#include "tests/cpp/support/core_cluster.h"

namespace dynakv {
namespace {

using testing::CoreCluster;

class DirectedCanary : public ::testing::Test {
 protected:
  void TearDown() override { planted_canary = nullptr; }
};

BucketProperties one_copy() {
  BucketProperties properties;
  properties.n = 1;
  properties.r = properties.w = QuorumSize::count(1);
  return properties;
}

/// Two keys of one slot, whose events one actor counts.
std::pair<Bytes, Bytes> keys_of_one_slot() {
  const Bytes first = "k";
  const Slot slot = slot_of(token_of_key(first));
  for (int i = 0;; ++i) {
    Bytes other = "other" + std::to_string(i);
    if (slot_of(token_of_key(other)) == slot) return {first, std::move(other)};
  }
}

/// Whether a put with the context of another key destroys a value that its writer never saw (I3).
bool a_foreign_context_destroys_a_value() {
  CoreCluster cluster(1, one_copy());
  const auto [k, other] = keys_of_one_slot();
  cluster.put(0, other, "unread");
  cluster.put(0, k, "1");
  WriteOperation put = CoreCluster::put_of(other, "2");
  put.has_context = true;
  put.context = CoreCluster::object_of(cluster.get(0, k)).context();
  put.context_scope = context_scope("default", k);
  cluster.write(1, put);
  return !CoreCluster::values_of(cluster.get(2, other)).contains("unread");
}

TEST_F(DirectedCanary, I3AContextIsBoundToItsKey) {
  EXPECT_FALSE(a_foreign_context_destroys_a_value());
  planted_canary = &row_of(Canary::foreign_context_accepted);
  EXPECT_TRUE(a_foreign_context_destroys_a_value()) << "the planted bug is not caught";
}

/// Whether a value comes back that one copy let go when its time was over, and the other has yet.
bool an_expired_value_comes_back() {
  Object expired;
  Payload payload{"short", "", {}, 1000, 1};
  expired.put({}, Dot{ActorId{7}, 1}, payload);
  const Object late = expired;
  expired.expire(WallTime{2000});
  expired.join(late);
  return expired.live_count() != 0;
}

TEST_F(DirectedCanary, B20AnExpiredValueStaysAway) {
  EXPECT_FALSE(an_expired_value_comes_back());
  planted_canary = &row_of(DomainCanary::expiry_forgets_context);
  EXPECT_TRUE(an_expired_value_comes_back()) << "the planted bug is not caught";
}

/// How many events a write has that was tried again after its acknowledgement was lost, at a node
/// that holds it already.
std::size_t events_of_a_repeated_write() {
  CoreCluster cluster(3);
  ClientSession& client = cluster.client(0);
  NodeId coordinator;
  cluster.filter = [&](const NodeId& from, const NodeId& to, const Message& message) {
    if (to != client.id() || !std::holds_alternative<WriteReply>(message.body)) return true;
    coordinator = from;
    return false;
  };
  const OperationId put = cluster.begin_write(0, CoreCluster::put_of("k", "v"));
  cluster.run();
  cluster.filter = nullptr;
  cluster.crash(cluster.index_of(coordinator));
  const Reply reply = cluster.finish(put);
  EXPECT_TRUE(std::holds_alternative<WriteReply>(reply.outcome));
  return CoreCluster::object_of(cluster.get(1, "k")).siblings().size();
}

TEST_F(DirectedCanary, B11AWriteThatIsTriedAgainIsOneEvent) {
  EXPECT_EQ(events_of_a_repeated_write(), 1u);
  planted_canary = &row_of(Canary::retry_is_new_event);
  EXPECT_EQ(events_of_a_repeated_write(), 2u) << "the planted bug is not caught";
}

/// Whether a node that forgot its last event gives its dot out again, although the client's context
/// tells of that event. Its peers, who could say so too, are out of reach.
bool a_forgotten_dot_is_given_out_again() {
  CoreCluster cluster(1, one_copy());
  cluster.put(0, "k", "1");
  const MemoryStore backup = *cluster.node(0).store;
  cluster.put(0, "k", "2");
  const Object lost = CoreCluster::object_of(cluster.get(0, "k"));
  cluster.crash(0);
  // The backup went over the directory: its place and its boot say nothing of it.
  *cluster.node(0).store = backup;
  cluster.start(0, 1);
  cluster.connect(0);
  WriteOperation put = CoreCluster::put_of("k", "3");
  put.has_context = true;
  put.context = lost.context();
  put.context_scope = context_scope("default", "k");
  const test::CheckGuard checks_throw;
  try {
    const Reply reply = cluster.write(1, put);
    return lost.context().covers(std::get<WriteReply>(reply.outcome).dot);
  } catch (const test::CheckFailed&) {
    return true;  // Object::put's own
  }
}

TEST_F(DirectedCanary, B3AContextThatKnowsMoreRetiresTheActor) {
  EXPECT_FALSE(a_forgotten_dot_is_given_out_again());
  planted_canary = &row_of(Canary::past_not_checked);
  EXPECT_TRUE(a_forgotten_dot_is_given_out_again()) << "the planted bug is not caught";
}

}  // namespace
}  // namespace dynakv

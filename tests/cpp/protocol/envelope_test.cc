// What every message under one layout says of it, and that it is checked before any machine acts.
#include <gtest/gtest.h>

#include "tests/cpp/support/core_cluster.h"

namespace dynakv::testing {
namespace {

constexpr RequestId kRequest{8};

LayoutStamp other_layout(const CoreCluster& cluster) {
  return {static_cast<LayoutVersion>(to_number(cluster.layout.version) + 1)};
}

/// What node 0 answers to a message of node 1; null when it sends nothing or something else.
std::optional<Error> refusal_of(CoreCluster& cluster, const Body& body) {
  Outbox out;
  cluster.core(0).handle_message(cluster.now, cluster.id(1), {kRequest, body}, out);
  for (const Effect& effect : out.take()) {
    const auto* send = std::get_if<Send>(&effect);
    const auto* error = send ? std::get_if<ReplicaError>(&send->message.body) : nullptr;
    if (error == nullptr) continue;
    EXPECT_EQ(send->message.id, kRequest);
    EXPECT_EQ(send->to, std::vector<NodeId>{cluster.id(1)});
    return error->error;
  }
  return std::nullopt;
}

Object written() {
  Object object;
  object.put({}, Dot{ActorId{7}, 1}, Payload{"v", "", {}, 0, 0});
  return object;
}

TEST(EnvelopeTest, AMessageUnderAnotherLayoutIsRefusedAndChangesNothing) {
  CoreCluster cluster(3);
  const Envelope envelope{"default", "k", other_layout(cluster)};
  const Bytes object = encode_object(written());
  const std::vector<Body> bodies = {
      ReplicaGet{envelope}, ReplicaPut{envelope, object}, HintPut{envelope, cluster.id(2), object},
      HintGet{envelope, {cluster.id(2)}}, RecoveryRequest{other_layout(cluster), {}}};
  const auto before = cluster.core(0).counters();
  for (const Body& body : bodies) {
    SCOPED_TRACE(row_of(body).name);
    const auto refusal = refusal_of(cluster, body);
    ASSERT_TRUE(refusal.has_value());
    EXPECT_EQ(refusal->code, ErrorCode::stale_layout);
  }
  EXPECT_EQ(cluster.core(0).counters(), before);
  EXPECT_FALSE(cluster.node(0).store->has_pending());
}

TEST(EnvelopeTest, TheSameLayoutIsAccepted) {
  CoreCluster cluster(3);
  const Envelope envelope{"default", "k", {cluster.layout.version}};
  EXPECT_EQ(refusal_of(cluster, ReplicaGet{envelope}), std::nullopt);
  EXPECT_EQ(refusal_of(cluster, ReplicaPut{envelope, encode_object(written())}), std::nullopt);
  EXPECT_EQ(refusal_of(cluster, RecoveryRequest{envelope.layout, {}}), std::nullopt);
}

// A message with an envelope that is forgotten here would pass unchecked.
TEST(EnvelopeTest, EveryMessageWithAnEnvelopeHasItsStampFound) {
  const LayoutStamp stamp{LayoutVersion{9}};
  int found = 0;
  const auto check = [&](const Body& body, bool has_stamp) {
    SCOPED_TRACE(row_of(body).name);
    ASSERT_EQ(stamp_of(body) != nullptr, has_stamp);
    if (has_stamp) {
      EXPECT_EQ(*stamp_of(body), stamp);
    }
    ++found;
  };
  check(ReplicaGet{{"b", "k", stamp}}, true);
  check(ReplicaPut{{"b", "k", stamp}}, true);
  check(HintPut{{"b", "k", stamp}}, true);
  check(HintGet{{"b", "k", stamp}}, true);
  check(RecoveryRequest{stamp, {}}, true);
  check(ReplicaGetReply{}, false);
  // Clients' requests are checked by Admission, which has more to say about them.
  check(GetRequest{}, false);
  EXPECT_EQ(found, 7);
}

}  // namespace
}  // namespace dynakv::testing

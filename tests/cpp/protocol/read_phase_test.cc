// What a decision record says of the copies that a read finds.
#include "dynakv/protocol/read_phase.h"

#include <gtest/gtest.h>

#include "dynakv/domain/object_format.h"

namespace dynakv::testing {
namespace {

constexpr NodeId kSelf{0, 1};
constexpr NodeId kSecond{0, 2};
constexpr NodeId kThird{0, 3};
constexpr Dot kOne{ActorId{1}, 1};
constexpr Dot kTwo{ActorId{2}, 1};

Object with(Object object, const Context& seen, const Dot& dot, const Bytes& value) {
  Payload payload;
  payload.value = value;
  object.put(seen, dot, std::move(payload));
  return object;
}

/// The answers of the owners, as a record has them.
class Copies : public ::testing::Test {
 protected:
  Copies() : explain(Explain{}), phase(ObjectKind::siblings, 3, {kSelf, kSecond, kThird}) {}

  CopyKind local(const Object& object) {
    phase.add_local({}, kSelf, object.is_absent() ? Bytes() : encode_object(object), explain);
    return last().copy;
  }
  CopyKind full(const NodeId& from, const Object& object) {
    ReplicaGetReply reply;
    if (!object.is_absent()) reply.object = encode_object(object);
    EXPECT_FALSE(phase.add_reply({}, from, std::move(reply), explain));
    return last().copy;
  }
  /// Whether the full object is wanted.
  bool digest(const NodeId& from, const Object& object) {
    ReplicaGetReply reply;
    reply.digest = digest_of_object(encode_object(object));
    return phase.add_reply({}, from, std::move(reply), explain);
  }
  ExplainEvent last() { return explain.record()->events.back(); }

  const Object none = Object();
  const Object first = with(Object(), Context(), kOne, "a");
  const Object newer = with(first, first.context(), kTwo, "b");
  const Object other = with(Object(), Context(), kTwo, "c");
  Explainer explain;
  ReadPhase phase;
};

TEST_F(Copies, NothingIsToldFromSomething) {
  EXPECT_EQ(local(none), CopyKind::empty);
  EXPECT_EQ(full(kSecond, first), CopyKind::first);
  EXPECT_EQ(full(kThird, none), CopyKind::empty);
}

TEST_F(Copies, MoreAndLessAreToldByTheJoinSoFar) {
  EXPECT_EQ(local(first), CopyKind::first);
  EXPECT_EQ(full(kSecond, newer), CopyKind::ahead);
  EXPECT_EQ(full(kThird, first), CopyKind::behind);
}

TEST_F(Copies, ConcurrentCopiesAreBesideEachOther) {
  EXPECT_EQ(local(first), CopyKind::first);
  EXPECT_EQ(full(kSecond, other), CopyKind::beside);
  EXPECT_EQ(full(kThird, first), CopyKind::behind);
}

TEST_F(Copies, ADigestOfWhatIsKnownIsAllOrLess) {
  EXPECT_EQ(local(first), CopyKind::first);
  EXPECT_TRUE(digest(kSecond, newer));
  EXPECT_EQ(last().kind, ExplainKind::digest_differs);
  EXPECT_EQ(last().copy, CopyKind::none);
  EXPECT_EQ(full(kSecond, newer), CopyKind::ahead);
  EXPECT_FALSE(digest(kThird, first));
  EXPECT_EQ(last().kind, ExplainKind::digest_equal);
  EXPECT_EQ(last().copy, CopyKind::behind);
}

TEST_F(Copies, AMalformedCopyIsAFailure) {
  EXPECT_EQ(local(first), CopyKind::first);
  ReplicaGetReply reply;
  reply.object = "no object";
  EXPECT_FALSE(phase.add_reply({}, kSecond, std::move(reply), explain));
  EXPECT_EQ(last().kind, ExplainKind::failed);
}

TEST_F(Copies, WithoutARecordNothingIsCompared) {
  Explainer off;
  EXPECT_TRUE(phase.add_local({}, kSelf, encode_object(first), off));
  EXPECT_EQ(off.record(), nullptr);
  EXPECT_EQ(phase.joined(), first);
}

}  // namespace
}  // namespace dynakv::testing

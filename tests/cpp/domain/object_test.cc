#include "dynakv/domain/object.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "dynakv/domain/object_format.h"
#include "tests/cpp/support/check_guard.h"
#include "tests/cpp/support/samples.h"

namespace dynakv::test {
namespace {

using Values = std::vector<Bytes>;

Object joined(Object a, const Object& b) {
  a.join(b);
  return a;
}

std::set<Dot> dots_of(const Object& object) {
  std::set<Dot> dots;
  for (const Sibling& sibling : object.siblings()) dots.insert(sibling.dot);
  return dots;
}

/// Objects that share one history: the same dots and payloads, and a sibling is missing only where
/// the context covers it.
TEST(Object, JoinIsASemilatticeI6) {
  Random random(1);
  for (int run = 0; run < 30'000; ++run) {
    const Object a = random_object(random);
    const Object b = random_object(random);
    const Object c = random_object(random);
    const Object ab = joined(a, b);
    ASSERT_EQ(encode_object(ab), encode_object(joined(b, a))) << "commutative, to the byte";
    ASSERT_EQ(encode_object(joined(ab, c)), encode_object(joined(a, joined(b, c))));
    ASSERT_EQ(joined(a, a), a);
    ASSERT_EQ(joined(ab, b), ab) << "a second copy changes nothing";
    ASSERT_TRUE(ab.context().descends(a.context()) && ab.context().descends(b.context()));
    ASSERT_TRUE(Object::from_parts(ab.kind(), ab.context(), ab.siblings())) << "invariants hold";
    for (const Dot& dot : dots_of(ab)) {
      ASSERT_TRUE(dots_of(a).count(dot) + dots_of(b).count(dot) > 0) << "join invented a dot";
    }
    ASSERT_EQ(joined(a, Object()), a);
    ASSERT_EQ(joined(Object(), a), a);
  }
}

TEST(Object, JoinKeepsWhatTheOtherHasNotSeenAndDropsWhatItHasI3) {
  Object a;
  a.put({}, dot(1, 1), payload("old"));
  Object b = a;
  a.put(a.context(), dot(1, 2), payload("new"));
  b.put({}, dot(2, 1), payload("beside"));
  EXPECT_EQ(values_of(joined(a, b)), (Values{"beside", "new"}));
  Object self = a;
  self.join(self);
  EXPECT_EQ(self, a);
}

TEST(Object, PutDropsExactlyWhatItsContextCovers) {
  Object object;
  EXPECT_TRUE(object.is_absent());
  object.put({}, dot(1, 1), payload("a"));
  object.put({}, dot(1, 2), payload("b"));
  EXPECT_EQ(values_of(object), (Values{"a", "b"})) << "a blind put never destroys";
  object.put(isolated_context({dot(1, 2)}), dot(1, 3), payload("c"));
  EXPECT_EQ(values_of(object), (Values{"a", "c"}));
  object.put(vector_context({dot(1, 3)}), dot(1, 4), payload("d"));
  EXPECT_EQ(values_of(object), (Values{"d"}));
  EXPECT_EQ(object.context(), vector_context({dot(1, 4)}));
}

TEST(Object, PutKeepsAClientsIsolatedDotsIsolatedI5) {
  Object object;
  object.put(isolated_context({dot(9, 5)}), dot(1, 1), payload("a"));
  EXPECT_TRUE(object.context().covers(dot(9, 5)));
  EXPECT_FALSE(object.context().covers(dot(9, 4))) << "nobody has seen it here";
}

TEST(Object, PutChecksThatItsDotIsFreshI4B1) {
  const CheckGuard guard;
  Object object;
  EXPECT_THROW(object.put({}, dot(1, 0), payload("a")), CheckFailed);
  object.put({}, dot(1, 5), payload("a"));
  EXPECT_THROW(object.put({}, dot(1, 5), payload("b")), CheckFailed);
  EXPECT_THROW(object.put({}, dot(1, 4), payload("b")), CheckFailed);
  // A client that knows more of the actor than the actor does: its own put would be born
  // superseded. A new actor has to be minted before (DESIGN §4, Identity).
  EXPECT_THROW(object.put(vector_context({dot(1, 6)}), dot(1, 6), payload("b")), CheckFailed);
  EXPECT_THROW(object.put(isolated_context({dot(1, 9)}), dot(1, 7), payload("b")), CheckFailed);
  EXPECT_EQ(values_of(object), (Values{"a"}));
}

TEST(Object, RemoveIsObservedRemove) {
  Object object;
  object.put({}, dot(1, 1), payload("read"));
  const Context seen = object.context();
  object.put({}, dot(2, 1), payload("unread"));
  object.remove(seen);
  EXPECT_EQ(values_of(object), (Values{"unread"}));
  object.remove(object.context());
  EXPECT_TRUE(object.siblings().empty());
  EXPECT_FALSE(object.is_absent()) << "a tombstone";
}

TEST(Object, RemoveOnAnAbsentKeyStopsTheValueThatArrivesLaterI2) {
  Object late;
  late.put({}, dot(1, 1), payload("late"));
  Object object;
  object.remove(late.context());
  object.join(late);
  EXPECT_EQ(values_of(object), Values{});
}

TEST(Object, ExpiryKeepsTheContextSoThatNothingComesBackB20) {
  Object object;
  Payload brief = payload("brief");
  brief.expires_at_ms = 1'000;
  object.put({}, dot(1, 1), brief);
  object.put({}, dot(1, 2), payload("lasting"));
  const Object copy = object;
  EXPECT_EQ(object.expire({999}), 0u);
  EXPECT_EQ(object.expire({1'000}), 1u);
  EXPECT_EQ(values_of(object), (Values{"lasting"}));
  EXPECT_EQ(object.context(), copy.context());
  object.join(copy);
  EXPECT_EQ(values_of(object), (Values{"lasting"}));
  EXPECT_EQ(object.expire({5'000}), 0u);
}

TEST(Object, FromPartsRefusesBrokenInvariants) {
  const Context context = vector_context({dot(1, 3)});
  const auto refused = [&](ObjectKind kind, std::vector<Sibling> siblings) {
    return !Object::from_parts(kind, context, std::move(siblings));
  };
  const Sibling one{dot(1, 1), payload("a"), false};
  const Sibling two{dot(1, 2), payload("b"), false};
  EXPECT_FALSE(refused(ObjectKind::siblings, {one, two}));
  EXPECT_TRUE(refused(ObjectKind::siblings, {two, one})) << "order";
  EXPECT_TRUE(refused(ObjectKind::siblings, {one, one})) << "a dot twice";
  EXPECT_TRUE(refused(ObjectKind::siblings, {{dot(1, 4), payload(""), false}})) << "not covered";
  EXPECT_TRUE(refused(ObjectKind::siblings, {{dot(1, 0), payload(""), false}}));
  EXPECT_TRUE(refused(ObjectKind::siblings, {{dot(1, 1), payload(""), true}})) << "deleted";
  EXPECT_TRUE(refused(ObjectKind::last_write_wins, {one, two}));
  EXPECT_TRUE(refused(ObjectKind::last_write_wins, {one})) << "a register's context is its dot";
  EXPECT_TRUE(refused(ObjectKind::last_write_wins, {}));
}

TEST(Object, KindsDoNotMix) {
  const CheckGuard guard;
  Object siblings;
  Object reg(ObjectKind::last_write_wins);
  EXPECT_THROW(siblings.join(reg), CheckFailed);
  EXPECT_THROW(reg.remove({}), CheckFailed);
  EXPECT_THROW(siblings.put_deletion(dot(1, 1), {}, 0), CheckFailed);
}

TEST(Register, JoinIsTheMaximumI6) {
  Random random(2);
  for (int run = 0; run < 30'000; ++run) {
    Object a = random_register(random);
    Object b = random_register(random);
    Object c = random_register(random);
    // Expiry happens on each replica by itself, so copies of one write may differ in it.
    for (Object* each : {&a, &b, &c}) {
      if (random.chance(1, 4)) each->expire({100'000});
    }
    const Object ab = joined(a, b);
    ASSERT_EQ(encode_object(ab), encode_object(joined(b, a)));
    ASSERT_EQ(encode_object(joined(ab, c)), encode_object(joined(a, joined(b, c))));
    ASSERT_EQ(joined(a, a), a);
    ASSERT_EQ(joined(ab, b), ab);
    ASSERT_LE(ab.siblings().size(), 1u);
    ASSERT_TRUE(ab == a || ab == b) << "join invented something";
    ASSERT_TRUE(Object::from_parts(ab.kind(), ab.context(), ab.siblings()));
  }
}

TEST(Register, TheHighestStampWinsThenTheHighestDot) {
  Object object(ObjectKind::last_write_wins);
  object.put({}, dot(2, 1), payload("b", 10));
  object.put({}, dot(1, 1), payload("a", 10));
  EXPECT_EQ(values_of(object), (Values{"b"}));
  object.put({}, dot(1, 2), payload("older", 9));
  EXPECT_EQ(values_of(object), (Values{"b"})) << "also against the order of arrival";
  object.put({}, dot(1, 3), payload("newer", 11));
  EXPECT_EQ(values_of(object), (Values{"newer"}));
}

TEST(Register, DeletionIsAWriteWithAStamp) {
  Object object(ObjectKind::last_write_wins);
  object.put({}, dot(1, 1), payload("a", 10));
  const Object copy = object;
  object.put_deletion(dot(1, 2), {11}, 5);
  EXPECT_EQ(object.live_count(), 0u);
  EXPECT_EQ(object.siblings().size(), 1u);
  object.join(copy);
  EXPECT_EQ(object.live_count(), 0u);
  object.put({}, dot(1, 3), payload("again", 12));
  EXPECT_EQ(object.live_count(), 1u);
}

TEST(Register, ExpiryNeverBringsBackThisNorAnOlderValueB20I2) {
  Object older(ObjectKind::last_write_wins);
  older.put({}, dot(1, 1), payload("older", 10));
  Object object = older;
  Payload brief = payload("brief", 20);
  brief.expires_at_ms = 1'000;
  object.put({}, dot(1, 2), brief);
  const Object unexpired = object;
  EXPECT_EQ(object.expire({1'000}), 1u);
  EXPECT_EQ(object.live_count(), 0u);
  EXPECT_EQ(object.expire({2'000}), 0u);
  for (const Object& stale : {older, unexpired}) {
    object.join(stale);
    EXPECT_EQ(object.live_count(), 0u) << values_of(object).front();
  }
  EXPECT_EQ(joined(unexpired, object), object);
  object.put({}, dot(1, 3), payload("next", 30));
  EXPECT_EQ(values_of(object), (Values{"next"}));
}

TEST(ReplyContext, TwoBlindPutsAtOneCoordinatorDestroyNothingI3) {
  // Alice and Bob put blindly at one coordinator; then Bob's session puts again. Would his first
  // reply carry the object's context, his second put would destroy Alice's acknowledged value.
  Object object;
  object.put({}, dot(1, 1), payload("alice"));
  const Object before = object;
  object.put({}, dot(1, 2), payload("bob"));
  const Context bob = reply_context({}, dot(1, 2), before, object);
  EXPECT_EQ(bob, isolated_context({dot(1, 2)}));
  object.put(bob, dot(1, 3), payload("bob again"));
  EXPECT_EQ(values_of(object), (Values{"alice", "bob again"}));
}

TEST(ReplyContext, IsTheObjectsWhereEverythingFoundWasSeen) {
  Object object;
  object.put({}, dot(1, 6), payload("a"));
  EXPECT_EQ(reply_context({}, dot(1, 6), Object(), object), vector_context({dot(1, 6)}));
  const Object before = object;
  const Context seen = isolated_context({dot(1, 6)});
  object.put(seen, dot(1, 7), payload("b"));
  EXPECT_EQ(reply_context(seen, dot(1, 7), before, object), vector_context({dot(1, 7)}));
  const Object found = object;
  object.remove(object.context());
  EXPECT_EQ(reply_context(found.context(), std::nullopt, found, object), object.context());
}

TEST(ReplyContext, DeleteThatDidNotSeeAllAddsNothing) {
  Object object;
  object.put({}, dot(1, 1), payload("unread"));
  object.put({}, dot(1, 2), payload("mine"));
  const Object before = object;
  const Context seen = isolated_context({dot(1, 2)});
  object.remove(seen);
  EXPECT_EQ(reply_context(seen, std::nullopt, before, object), seen);
}

TEST(ReplyContext, AWritersThirdPutReplacesItsFirstWhereverItLandsI3I8) {
  // DESIGN §4 hoped that superseded isolated dots need not be carried on. They must: this writer
  // would otherwise stand beside itself at a coordinator that had missed its second put.
  Object left;
  left.put({}, dot(1, 1), payload("unread"));
  const Object unread = left;
  left.put({}, dot(1, 2), payload("first"));
  Context session = reply_context({}, dot(1, 2), unread, left);
  Object right = left;
  right.put(session, dot(2, 1), payload("second"));
  session = reply_context(session, dot(2, 1), left, right);
  left.put(session, dot(1, 3), payload("third"));
  EXPECT_EQ(values_of(left), (Values{"third", "unread"}));
}

}  // namespace
}  // namespace dynakv::test

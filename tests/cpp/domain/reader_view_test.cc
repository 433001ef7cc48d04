// What a reader may see of an object, and what tokens of contexts are refused.
#include "dynakv/domain/reader_view.h"

#include <gtest/gtest.h>

#include "dynakv/domain/context_token.h"

namespace dynakv {
namespace {

constexpr WallTime kNow{1'000};

Dot dot_of(std::uint64_t actor, std::uint64_t counter) {
  return {static_cast<ActorId>(actor), counter};
}

Payload payload(const Bytes& value, std::uint64_t write_id = 0, std::int64_t expires_at_ms = 0) {
  return {value, "", {}, expires_at_ms, write_id};
}

std::vector<Bytes> values_of(const Object& object, WallTime wall = kNow) {
  std::vector<Bytes> values;
  for (const ShownSibling& shown : shown_siblings(object, wall)) {
    values.push_back(shown.sibling->payload.value);
  }
  return values;
}

TEST(ReaderView, AnObjectThatWasNeverWrittenShowsNothing) {
  EXPECT_TRUE(values_of(Object{}).empty());
  EXPECT_EQ(only_value(Object{}, kNow), nullptr);
}

TEST(ReaderView, AllSiblingsAreShownAndNoneIsTheOnlyOne) {
  Object object;
  object.put({}, dot_of(1, 1), payload("one"));
  object.put({}, dot_of(2, 1), payload("two"));
  EXPECT_EQ(values_of(object), (std::vector<Bytes>{"one", "two"}));
  EXPECT_EQ(only_value(object, kNow), nullptr);
}

TEST(ReaderView, I13CopiesOfOneWriteAreShownOnceAndCoverEachOther) {
  Object object;
  object.put({}, dot_of(1, 1), payload("v", 7));
  object.put({}, dot_of(2, 1), payload("v", 7));
  const auto shown = shown_siblings(object, kNow);
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_TRUE(shown[0].covers.covers(dot_of(1, 1)));
  EXPECT_TRUE(shown[0].covers.covers(dot_of(2, 1)));
  ASSERT_NE(only_value(object, kNow), nullptr);
  EXPECT_EQ(*only_value(object, kNow), "v");
}

TEST(ReaderView, EqualContentsAreShownOnceWhoeverWroteThem) {
  Object object;
  object.put({}, dot_of(1, 1), payload("v", 7));
  object.put({}, dot_of(2, 1), payload("v", 8));
  object.put({}, dot_of(3, 1), payload("w", 9));
  EXPECT_EQ(values_of(object), (std::vector<Bytes>{"v", "w"}));
}

TEST(ReaderView, AnExpiredValueIsNotShownFromItsMillisecondOn) {
  Object object;
  object.put({}, dot_of(1, 1), payload("v", 0, 1'000));
  EXPECT_EQ(values_of(object, {999}), std::vector<Bytes>{"v"});
  EXPECT_TRUE(values_of(object, {1'000}).empty());
  EXPECT_EQ(only_value(object, {1'000}), nullptr);
}

TEST(ReaderView, ADeletedRegisterShowsNothing) {
  Object object(ObjectKind::last_write_wins);
  object.put({}, dot_of(1, 1), payload("v"));
  EXPECT_EQ(values_of(object), std::vector<Bytes>{"v"});
  object.put_deletion(dot_of(1, 2), HybridTime::from_wall({5}), 0);
  EXPECT_TRUE(values_of(object).empty());
  EXPECT_EQ(only_value(object, kNow), nullptr);
}

TEST(ContextToken, ComesBackFromItsBytesAndNoOthers) {
  ContextToken token{{}, 42};
  token.context.advance(dot_of(1, 3));
  token.context.add_isolated(dot_of(2, 9));
  const Bytes bytes = encode_token(token);
  EXPECT_EQ(decode_token(bytes).value(), token);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_EQ(decode_token(BytesView(bytes).substr(0, cut)).error().code,
              ErrorCode::context_mismatch);
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    Bytes damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_EQ(decode_token(damaged).error().code, ErrorCode::context_mismatch) << at;
  }
}

TEST(ContextToken, IsOfOneKey) {
  const ContextToken token{{}, 42};
  EXPECT_TRUE(check_key(token, 42).has_value());
  EXPECT_EQ(check_key(token, 43).error().code, ErrorCode::context_mismatch);
  EXPECT_TRUE(check_same_key(token, {{}, 42}).has_value());
  EXPECT_EQ(check_same_key(token, {{}, 43}).error().code, ErrorCode::context_mismatch);
}

}  // namespace
}  // namespace dynakv

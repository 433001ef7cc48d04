#include "dynakv/domain/layout.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "dynakv/base/random.h"
#include "tests/cpp/support/check_guard.h"

namespace dynakv::test {
namespace {

std::vector<Member> members(std::uint64_t count) {
  std::vector<Member> result;
  for (std::uint64_t i = count; i > 0; --i) {
    result.push_back(
        {{i * 7 % 5, i}, "n" + std::to_string(i), "127.0.0.1:740" + std::to_string(i)});
  }
  return result;
}

Layout sample() {
  BucketProperties carts;
  carts.kind = ObjectKind::last_write_wins;
  carts.r = QuorumSize::all();
  return *first_layout(members(4), {}, {{"carts", carts}, {Bytes("\0", 1), {}}});
}

void expect_refused(const Result<Layout>& layout, const std::string& advice) {
  ASSERT_FALSE(layout) << advice;
  EXPECT_EQ(layout.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(layout.error().message.find(advice), std::string::npos) << layout.error().message;
}

TEST(FirstLayout, IsTheSameWhateverTheOrderOfMembers) {
  Random random(1);
  const Layout expected = sample();
  EXPECT_EQ(expected.version, static_cast<LayoutVersion>(1));
  EXPECT_FALSE(expected.cluster.is_nil());
  for (int i = 0; i < 20; ++i) {
    std::vector<Member> shuffled = members(4);
    random.shuffle(shuffled);
    EXPECT_EQ(*first_layout(shuffled, expected.defaults, expected.buckets), expected);
  }
}

TEST(FirstLayout, EachRefusalSaysWhatToDo) {
  expect_refused(first_layout({}, {}, {}), "use 1 to 4096");
  expect_refused(first_layout(members(2), {}, {}), "add nodes or lower n");
  std::vector<Member> wrong = members(3);
  wrong[0].name = "";
  expect_refused(first_layout(wrong, {}, {}), "use 1 to 255");
  wrong[0].name = Bytes(256, 'n');
  expect_refused(first_layout(wrong, {}, {}), "use 1 to 255");
  wrong = members(3);
  for (const std::uint32_t capacity : {0u, kCapacityPercentMax + 1, ~0u}) {
    wrong[1].capacity_percent = capacity;
    expect_refused(first_layout(wrong, {}, {}), "use 0.01 to 16");
  }
  wrong = members(3);
  wrong[2].name = wrong[0].name;
  expect_refused(first_layout(wrong, {}, {}), "give each its own");
  wrong = members(3);
  wrong[2].id = wrong[0].id;
  expect_refused(first_layout(wrong, {}, {}), "give each its own");
  expect_refused(first_layout(members(3), {}, {{"", {}}}), "has 1 to 255 bytes");
  BucketProperties five;
  five.n = 5;
  expect_refused(first_layout(members(3), {}, {{"b\n", five}}), "bucket 'b\\x0a': N=5 needs");
}

TEST(Layout, Finds) {
  const Layout layout = sample();
  for (const Member& member : layout.members) {
    EXPECT_EQ(layout.find(member.id), &member);
    EXPECT_EQ(layout.find_by_name(member.name), &member);
  }
  EXPECT_EQ(layout.find({99, 99}), nullptr);
  EXPECT_EQ(layout.find_by_name("nobody"), nullptr);
  EXPECT_EQ(layout.properties_of("carts").kind, ObjectKind::last_write_wins);
  EXPECT_EQ(layout.properties_of("other"), layout.defaults);
  EXPECT_EQ(Layout{}.properties_of("other"), BucketProperties{});
}

TEST(Layout, DigestCoversAllThatMattersAndNoAddress) {
  const Layout layout = sample();
  Layout moved = layout;
  moved.members[0].address = "elsewhere:1";
  EXPECT_EQ(digest_of(moved), digest_of(layout));
  std::set<Hash128> digests = {digest_of(layout)};
  const auto changed = [&](const auto& change) {
    Layout other = sample();
    change(other);
    EXPECT_TRUE(digests.insert(digest_of(other)).second);
  };
  changed([](Layout& l) { l.version = static_cast<LayoutVersion>(2); });
  changed([](Layout& l) { l.parent.low = 1; });
  changed([](Layout& l) { l.cluster.high ^= 1; });
  changed([](Layout& l) { l.members.pop_back(); });
  changed([](Layout& l) { l.members[1].name = "x"; });
  changed([](Layout& l) { l.members[1].zone = "dc2/r1"; });
  changed([](Layout& l) { l.members[1].capacity_percent = 50; });
  changed([](Layout& l) { l.defaults.n = 2; });
  changed([](Layout& l) { l.defaults.w = QuorumSize::majority(); });
  changed([](Layout& l) { l.buckets.erase("carts"); });
  changed([](Layout& l) { l.buckets["carts"].kind = ObjectKind::siblings; });
}

TEST(LayoutFormat, RoundTrip) {
  Layout layout = sample();
  layout.version = static_cast<LayoutVersion>(~0ULL);
  layout.parent = {3, 4};
  const Result<Layout> decoded = decode_layout(encode_layout(layout));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, layout);
  EXPECT_EQ(encode_layout(*decoded), encode_layout(layout));
}

TEST(LayoutFormat, TruncationAtEveryByteIsRefused) {
  const Bytes bytes = encode_layout(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Result<Layout> decoded = decode_layout(BytesView(bytes).substr(0, size));
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().code, ErrorCode::corruption);
  }
  EXPECT_FALSE(decode_layout(bytes + '\0'));
}

TEST(LayoutFormat, EveryByteChangedIsRefusedOrReadInItsOnlyForm) {
  const CheckGuard guard;  // a check that fails on foreign bytes would stop the node
  const Bytes good = encode_layout(sample());
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      Bytes bytes = good;
      bytes[at] = static_cast<char>(byte);
      Result<Layout> decoded = decode_layout({});
      ASSERT_NO_THROW(decoded = decode_layout(bytes)) << at << " " << byte;
      if (decoded) {
        ASSERT_EQ(encode_layout(*decoded), bytes) << at << " " << byte;
      }
    }
  }
}

TEST(LayoutFormat, RefusesWhatBreaksTheInvariants) {
  const auto refused = [](const auto& change) {
    Layout layout = sample();
    change(layout);
    return !decode_layout(encode_layout(layout));
  };
  EXPECT_FALSE(refused([](Layout&) {}));
  EXPECT_TRUE(refused([](Layout& l) { std::swap(l.members[0], l.members[1]); }));
  EXPECT_TRUE(refused([](Layout& l) { l.members[1].id = l.members[0].id; }));
  EXPECT_TRUE(refused([](Layout& l) { l.members[3].name = l.members[0].name; }));
  EXPECT_TRUE(refused([](Layout& l) { l.members[0].capacity_percent = 0; }));
  EXPECT_TRUE(refused([](Layout& l) { l.members.resize(2); }));
  EXPECT_TRUE(refused([](Layout& l) { l.defaults.n = 0; }));
  EXPECT_TRUE(refused([](Layout& l) { l.buckets[""] = {}; }));
  EXPECT_TRUE(refused([](Layout& l) { l.buckets[Bytes(256, 'b')] = {}; }));
}

}  // namespace
}  // namespace dynakv::test

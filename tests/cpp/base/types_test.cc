// Identifiers, printable bytes, time values, the error table and the check handler.
#include "dynakv/base/types.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "dynakv/base/bytes.h"
#include "dynakv/base/error_code.h"
#include "dynakv/base/random.h"
#include "dynakv/base/result.h"
#include "dynakv/base/time.h"
#include "tests/cpp/support/check_guard.h"

namespace dynakv {
namespace {

TEST(NodeId, TextRoundTrip) {
  Random random(1);
  for (int i = 0; i < 1'000; ++i) {
    const NodeId id{random.next() >> random.below(64), random.next() >> random.below(64)};
    const std::string text = to_string(id);
    EXPECT_EQ(text.size(), 32u);
    EXPECT_EQ(parse_node_id(text), id);
  }
  EXPECT_EQ(to_string(NodeId{1, 0xabc}), "00000000000000010000000000000abc");
  EXPECT_TRUE(parse_node_id(std::string(32, '0'))->is_nil());
}

TEST(NodeId, RefusesEverythingElse) {
  const std::string good = to_string(NodeId{0x123, 0x456});
  EXPECT_FALSE(parse_node_id(""));
  EXPECT_FALSE(parse_node_id(good.substr(1)));
  EXPECT_FALSE(parse_node_id(good + "0"));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char wrong : {'g', ' ', '-', '+', 'x', '\0'}) {
      std::string text = good;
      text[at] = wrong;
      EXPECT_FALSE(parse_node_id(text)) << text;
    }
  }
}

TEST(Slot, ArcsAreEqualAndCoverTheRing) {
  EXPECT_EQ(slot_of(static_cast<Token>(0)), static_cast<Slot>(0));
  EXPECT_EQ(slot_of(static_cast<Token>(~0ULL)), static_cast<Slot>(kSlotCount - 1));
  for (std::size_t i = 0; i < kSlotCount; ++i) {
    const auto slot = static_cast<Slot>(i);
    const std::uint64_t first = to_number(first_token(slot));
    ASSERT_EQ(slot_of(static_cast<Token>(first)), slot);
    // Wraps around for the first slot, as the ring does.
    const std::size_t before = (i + kSlotCount - 1) % kSlotCount;
    ASSERT_EQ(slot_of(static_cast<Token>(first - 1)), static_cast<Slot>(before));
  }
}

TEST(Bytes, PrintableShowsEveryByteOnce) {
  EXPECT_EQ(printable("cart:42"), "cart:42");
  EXPECT_EQ(printable(Bytes("a\0\n\xff\\~\x7f", 7)), "a\\x00\\x0a\\xff\\x5c~\\x7f");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("abc", 3), "abc");
  EXPECT_EQ(printable(""), "");
  std::set<std::string> shown;
  for (int byte = 0; byte < 256; ++byte) shown.insert(printable(Bytes(1, static_cast<char>(byte))));
  EXPECT_EQ(shown.size(), 256u) << "two bytes look alike";
}

TEST(Bytes, Hex) {
  EXPECT_EQ(to_hex(""), "");
  EXPECT_EQ(to_hex(Bytes("\x00\x0f\xf0\xff", 4)), "000ff0ff");
}

TEST(ErrorCode, NumbersAndNamesAreUnique) {
  std::set<std::uint16_t> numbers;
  std::set<std::string> names;
  std::size_t rows = 0;
#define DYNAKV_TEST_ROW(name, number, python, retryable)      \
  ++rows;                                                     \
  numbers.insert(number);                                     \
  names.insert(#name);                                        \
  EXPECT_EQ(error_code_from_number(number), ErrorCode::name); \
  EXPECT_EQ(error_name(ErrorCode::name), #name);              \
  EXPECT_EQ(error_python_class(ErrorCode::name), python);     \
  EXPECT_EQ(error_is_retryable(ErrorCode::name), retryable);
  DYNAKV_ERROR_TABLE(DYNAKV_TEST_ROW)
#undef DYNAKV_TEST_ROW
  EXPECT_EQ(numbers.size(), rows);
  EXPECT_EQ(names.size(), rows);
  EXPECT_EQ(numbers.count(0), 0u) << "0 is what a forgotten field holds";
}

TEST(ErrorCode, UnknownNumbersAreNotErrors) {
  EXPECT_EQ(error_code_from_number(0), std::nullopt);
  EXPECT_EQ(error_code_from_number(9'999), std::nullopt);
  EXPECT_EQ(error_name(static_cast<ErrorCode>(9'999)), "unknown");
}

TEST(Result, HoldsAValueOrAnError) {
  const auto half = [](int n) -> Result<int> {
    if (n % 2 != 0) return fail(ErrorCode::invalid_argument, "odd");
    return n / 2;
  };
  EXPECT_EQ(*half(4), 2);
  EXPECT_EQ(half(3).error(), (Error{ErrorCode::invalid_argument, "odd"}));
}

TEST(Check, HandlerSeesTheExpression) {
  const test::CheckGuard guard;
  EXPECT_NO_THROW(DYNAKV_CHECK(1 + 1 == 2));
  try {
    DYNAKV_CHECK(1 + 1 == 3);
    FAIL();
  } catch (const test::CheckFailed& failed) {
    EXPECT_STREQ(failed.what(), "1 + 1 == 3");
  }
}

TEST(Time, Arithmetic) {
  constexpr Instant start{5};
  static_assert((start + milliseconds(2)) - start == milliseconds(2));
  static_assert(seconds(1) == milliseconds(1'000) && milliseconds(1) == microseconds(1'000));
  static_assert(seconds(3) / 2 == milliseconds(1'500) && seconds(1) * 2 == seconds(2));
  static_assert(start < Instant::far_future());
  EXPECT_EQ(milliseconds(-1'500).milliseconds(), -1'500);
}

}  // namespace
}  // namespace dynakv

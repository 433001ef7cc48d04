#include "dynakv/base/byte_io.h"

#include <gtest/gtest.h>

#include <limits>

#include "dynakv/base/random.h"

namespace dynakv {
namespace {

constexpr std::uint64_t kEdges[] = {0,
                                    1,
                                    127,
                                    128,
                                    255,
                                    16'383,
                                    16'384,
                                    1ULL << 32,
                                    (1ULL << 63) - 1,
                                    1ULL << 63,
                                    std::numeric_limits<std::uint64_t>::max()};

Bytes varint(std::uint64_t value) {
  Bytes bytes;
  ByteWriter(bytes).varint(value);
  return bytes;
}

TEST(ByteIo, RoundTrip) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.fixed(std::uint8_t{7});
  out.fixed(std::uint16_t{0x1234});
  out.fixed(std::uint32_t{0x12345678});
  out.fixed(std::uint64_t{0x123456789abcdef0});
  out.string("");
  out.string(Bytes("a\0b", 3));
  for (const std::uint64_t value : kEdges) out.varint(value);
  ByteReader in(bytes);
  EXPECT_EQ(in.fixed<std::uint8_t>(), 7);
  EXPECT_EQ(in.fixed<std::uint16_t>(), 0x1234);
  EXPECT_EQ(in.fixed<std::uint32_t>(), 0x12345678u);
  EXPECT_EQ(in.fixed<std::uint64_t>(), 0x123456789abcdef0u);
  EXPECT_EQ(in.string(), "");
  EXPECT_EQ(in.string(), Bytes("a\0b", 3));
  for (const std::uint64_t value : kEdges) EXPECT_EQ(in.varint(), value);
  EXPECT_TRUE(in.finished());
}

TEST(ByteIo, NumbersAreLittleEndian) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.fixed(std::uint32_t{0x01020304});
  out.varint(300);
  EXPECT_EQ(to_hex(bytes), "04030201ac02");
}

TEST(ByteIo, TruncationAtEveryByteIsBadAndReadsZero) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.varint(1ULL << 40);
  out.string("hello");
  out.fixed(std::uint64_t{5});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteReader in(BytesView(bytes).substr(0, size));
    in.varint();
    in.string();
    EXPECT_EQ(in.fixed<std::uint64_t>(), 0u);
    EXPECT_FALSE(in.ok()) << size;
    EXPECT_FALSE(in.finished());
  }
}

TEST(ByteIo, OnceBadStaysBad) {
  ByteReader in("\x01\x02\x03");
  in.refuse();
  EXPECT_EQ(in.left(), 0u);
  EXPECT_EQ(in.fixed<std::uint8_t>(), 0);
  EXPECT_EQ(in.varint(), 0u);
  EXPECT_EQ(in.string(), "");
  EXPECT_EQ(in.count(1), 0u);
  EXPECT_FALSE(in.ok());
}

TEST(ByteIo, VarintsHaveOneForm) {
  for (const std::uint64_t value : kEdges) {
    const Bytes shortest = varint(value);
    ASSERT_LE(shortest.size(), 10u);
    if (shortest.size() >= 10) continue;
    Bytes longer = shortest;
    longer.back() = static_cast<char>(longer.back() | 0x80);
    longer.push_back('\0');
    ByteReader in(longer);
    in.varint();
    EXPECT_FALSE(in.ok()) << value;
  }
}

TEST(ByteIo, VarintsOverSixtyFourBitsAreRefused) {
  const Bytes nine(9, '\xff');
  for (const char last : {'\x02', '\x7f', '\x80', '\x81', '\xff'}) {
    Bytes bytes = nine + last;
    bytes.push_back('\0');
    ByteReader in(bytes);
    in.varint();
    EXPECT_FALSE(in.ok()) << static_cast<int>(last);
  }
  const Bytes largest = nine + '\x01';
  ByteReader in(largest);
  EXPECT_EQ(in.varint(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(in.finished());
}

TEST(ByteIo, NoLengthIsBelievedBeforeItsBytesAreThere) {
  for (const std::uint64_t length : {4ULL, 1ULL << 20, ~0ULL}) {
    const Bytes bytes = varint(length) + "abc";
    ByteReader in(bytes);
    EXPECT_EQ(in.string(), "");
    EXPECT_FALSE(in.ok());
  }
}

TEST(ByteIo, NoCountIsBelievedBeyondWhatTheInputCanHold) {
  const Bytes items(18, 'x');
  const auto count = [&](std::uint64_t claimed) {
    const Bytes bytes = varint(claimed) + items;
    ByteReader in(bytes);
    const std::size_t result = in.count(9);
    EXPECT_EQ(in.ok(), claimed <= 2);
    return result;
  };
  EXPECT_EQ(count(0), 0u);
  EXPECT_EQ(count(2), 2u);
  EXPECT_EQ(count(3), 0u);
  EXPECT_EQ(count(~0ULL), 0u);
  EXPECT_EQ(count(~0ULL / 9 + 2), 0u) << "a product would overflow to a small number";
}

TEST(ByteIo, RandomBytesNeverCrashAReader) {
  Random random(11);
  for (int run = 0; run < 20'000; ++run) {
    const Bytes bytes = random.bytes(random.below(24));
    ByteReader in(bytes);
    while (in.ok() && !in.at_end()) {
      switch (random.below(4)) {
        case 0:
          in.varint();
          break;
        case 1:
          EXPECT_LE(in.string().size(), bytes.size());
          break;
        case 2:
          EXPECT_LE(in.count(2), bytes.size() / 2);
          break;
        default:
          in.fixed<std::uint32_t>();
          break;
      }
    }
  }
}

}  // namespace
}  // namespace dynakv

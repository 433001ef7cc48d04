// The hashes are part of the wire and disk formats, so their values are written down.
#include "dynakv/base/hash.h"

#include <gtest/gtest.h>

#include <string>

#include "dynakv/base/random.h"

namespace dynakv {
namespace {

/// CRC-32C one bit at a time, straight from the polynomial.
std::uint32_t crc32c_bitwise(BytesView bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
  }
  return ~crc;
}

TEST(Crc32c, VectorsOfRfc3720) {
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(Bytes(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(Bytes(32, '\xff')), 0x62a8ab43U);
  Bytes up;
  Bytes down;
  for (int i = 0; i < 32; ++i) {
    up.push_back(static_cast<char>(i));
    down.push_back(static_cast<char>(31 - i));
  }
  EXPECT_EQ(crc32c(up), 0x46dd794eU);
  EXPECT_EQ(crc32c(down), 0x113fdb5cU);
}

TEST(Crc32c, AgreesWithTheBitwiseTwinAtEveryAlignmentAndLength) {
  Random random(1);
  const Bytes buffer = random.bytes(400);
  for (std::size_t start = 0; start < 16; ++start) {
    for (std::size_t size = 0; size <= 130; ++size) {
      const BytesView part = BytesView(buffer).substr(start, size);
      ASSERT_EQ(crc32c(part), crc32c_bitwise(part)) << start << " " << size;
    }
  }
}

TEST(Crc32c, ContinuesFromAnyCut) {
  const Bytes bytes = Random(2).bytes(67);
  const std::uint32_t whole = crc32c(bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const BytesView view(bytes);
    EXPECT_EQ(crc32c(view.substr(cut), crc32c(view.substr(0, cut))), whole) << cut;
  }
}

TEST(Hash, FixedVectors) {
  EXPECT_EQ(hash64(""), 0x2d06800538d394c2ULL);  // published for XXH3 with seed 0
  EXPECT_EQ(hash64("cart:42"), 0x0ff91598ee1a4dbcULL);
  EXPECT_EQ(hash64(Bytes(300, 'x')), 0xa5d1b4607dc83554ULL);
  EXPECT_EQ(hash128(""), (Hash128{0x99aa06d3014798d8ULL, 0x6001c324468d497fULL}));
  EXPECT_EQ(hash128("cart:42"), (Hash128{0xbf2b99f323ed9476ULL, 0xd857eebe9a10447fULL}));
  EXPECT_EQ(hash64_of_pair(1, 2), 0x07ee86c281446befULL);
  EXPECT_EQ(token_of_vnode({1, 2}, 3), static_cast<Token>(0x7c68b4906e7ea780ULL));
  EXPECT_EQ(token_of_key("cart:42"), static_cast<Token>(0x0ff91598ee1a4dbcULL));
}

TEST(Hash, PairAndVnodeAreHashesOfTheirLittleEndianBytes) {
  const Bytes words("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0", 24);
  EXPECT_EQ(hash64_of_pair(1, 2), hash64(BytesView(words).substr(0, 16)));
  EXPECT_EQ(token_of_vnode({1, 2}, 3), token_of_key(words));
}

TEST(Hash, XorOfHashesCancelsForMerkleLeaves) {
  Hash128 leaf;
  leaf ^= hash128("a");
  leaf ^= hash128("b");
  leaf ^= hash128("a");
  EXPECT_EQ(leaf, hash128("b"));
}

}  // namespace
}  // namespace dynakv

// The hashes of the ring, of Merkle trees and of frames. All have fixed test vectors.
//
// XXH3 with its default secret, over the canonical (little-endian) result, so that every platform
// places a key in the same slot for ever. Changing any of them changes the formats on the wire and
// on the disk.
#pragma once

#include <compare>
#include <cstdint>

#include "dynakv/base/bytes.h"
#include "dynakv/base/types.h"

namespace dynakv {

/// 128 bits; equality of contents for digests and Merkle leaves.
struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const Hash128&) const = default;
  Hash128& operator^=(const Hash128& other) {
    high ^= other.high;
    low ^= other.low;
    return *this;
  }
};

std::uint64_t hash64(BytesView bytes);
Hash128 hash128(BytesView bytes);

/// Hash of two numbers, each as eight little-endian bytes.
std::uint64_t hash64_of_pair(std::uint64_t first, std::uint64_t second);

/// The ring position of a key: hash64(key).
inline Token token_of_key(BytesView key) { return static_cast<Token>(hash64(key)); }

/// The ring position of a node's vnode: hash64(node id, vnode index), 24 little-endian bytes.
Token token_of_vnode(const NodeId& node, std::uint64_t vnode_index);

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `bytes`, continuing from `crc` (0 at the start).
std::uint32_t crc32c(BytesView bytes, std::uint32_t crc = 0);

}  // namespace dynakv

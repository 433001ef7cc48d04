#include "dynakv/base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <bit>
#include <cstring>

namespace dynakv {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the formats are little-endian; add byte swaps before porting");

template <std::size_t kCount>
std::uint64_t hash64_of_words(const std::array<std::uint64_t, kCount>& words) {
  return XXH3_64bits(words.data(), sizeof(words));
}

}  // namespace

std::uint64_t hash64(BytesView bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Hash128 hash128(BytesView bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

std::uint64_t hash64_of_pair(std::uint64_t first, std::uint64_t second) {
  return hash64_of_words<2>({first, second});
}

Token token_of_vnode(const NodeId& node, std::uint64_t vnode_index) {
  return static_cast<Token>(hash64_of_words<3>({node.high, node.low, vnode_index}));
}

}  // namespace dynakv

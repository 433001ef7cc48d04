#include "dynakv/base/random.h"

#include "dynakv/base/check.h"
#include "dynakv/base/hash.h"

namespace dynakv {
namespace {

std::uint64_t splitmix64(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

constexpr std::uint64_t rotate_left(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

}  // namespace

Random::Random(std::uint64_t seed) : seed_(seed) {
  for (std::uint64_t& word : state_) word = splitmix64(seed);
}

std::uint64_t Random::next() {
  const std::uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
  DYNAKV_CHECK(bound > 0);
  // Values under the threshold would make the first residues more likely; draw again.
  const std::uint64_t threshold = (0 - bound) % bound;
  while (true) {
    const std::uint64_t value = next();
    if (value >= threshold) return value % bound;
  }
}

std::int64_t Random::between(std::int64_t first, std::int64_t last) {
  DYNAKV_CHECK(first <= last);
  const auto span = static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first) + 1;
  const std::uint64_t offset = span == 0 ? next() : below(span);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + offset);
}

bool Random::chance(std::uint64_t numerator, std::uint64_t denominator) {
  return below(denominator) < numerator;
}

Bytes Random::bytes(std::size_t count) {
  Bytes result;
  result.reserve(count);
  while (result.size() < count) {
    std::uint64_t word = next();
    for (int i = 0; i < 8 && result.size() < count; ++i, word >>= 8) {
      result.push_back(static_cast<char>(word & 0xff));
    }
  }
  return result;
}

Random Random::stream(BytesView purpose, std::uint64_t entity) const {
  return Random(hash64_of_pair(seed_ ^ hash64(purpose), entity));
}

}  // namespace dynakv

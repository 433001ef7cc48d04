// The one source of randomness below the adapters: seeded, and the same on every platform.
//
// xoshiro256** (Blackman and Vigna, 2018) seeded by splitmix64. The distributions are our own:
// those of the standard library differ between implementations, which would break "same seed, same
// run".
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "dynakv/base/bytes.h"

namespace dynakv {

class Random {
 public:
  explicit Random(std::uint64_t seed);

  /// 64 uniform bits.
  std::uint64_t next();

  /// Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound);

  /// Uniform in [first, last], both included. REQUIRES: first <= last.
  std::int64_t between(std::int64_t first, std::int64_t last);

  /// True in `numerator` of `denominator` cases. REQUIRES: denominator > 0.
  bool chance(std::uint64_t numerator, std::uint64_t denominator);

  /// `count` random bytes.
  Bytes bytes(std::size_t count);

  /// An independent stream for `purpose` and `entity`: drawing more or less from one stream never
  /// shifts another, so that one fault can be taken out of a simulated run and the rest stays
  /// (shrinking needs this). Does not change this generator.
  Random stream(BytesView purpose, std::uint64_t entity = 0) const;

  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      using std::swap;
      swap(items[i - 1], items[static_cast<std::size_t>(below(i))]);
    }
  }

 private:
  std::uint64_t seed_;
  std::uint64_t state_[4];
};

}  // namespace dynakv

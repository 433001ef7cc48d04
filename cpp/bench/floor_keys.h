// Keys and values of a load.
//
// What: draws key numbers by a distribution; key number to bytes; a value that names its key.
//
// Why: the canonical workloads (YCSB's zipfian 0.99, scattered over the key space), repeatable
// from one seed, and replies that can be checked.
//
// Invariants: 1. different numbers below 2^64 give different keys, of kKeyBytes each.
//
// Source: Gray et al., "Quickly generating billion-record synthetic databases" (1994), as in YCSB.
#ifndef DYNAKV_BENCH_FLOOR_KEYS_H_
#define DYNAKV_BENCH_FLOOR_KEYS_H_

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "bench/floor.h"

namespace dynakv::bench {

inline constexpr std::size_t kKeyBytes = 16;

class FloorKeys {
 public:
  explicit FloorKeys(const LoadOptions& options);

  std::uint64_t next();  // Below options.keys.

 private:
  std::uint64_t next_zipfian();

  const FloorDistribution distribution_;
  const std::uint64_t keys_;
  const double theta_;
  std::mt19937_64 random_;
  std::uint64_t sequence_ = 0;
  double zeta_ = 0;
  double alpha_ = 0;
  double eta_ = 0;
};

std::array<char, kKeyBytes> key_bytes(std::uint64_t number);

// Writes the key's number over the first bytes of `value`; and checks that it stands there.
void fill_value(std::uint64_t number, std::string* value);
bool is_value_of(std::uint64_t number, std::string_view value);

}  // namespace dynakv::bench

#endif  // DYNAKV_BENCH_FLOOR_KEYS_H_

#include "bench/floor_keys.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "bench/floor_wire.h"

namespace dynakv::bench {
namespace {

double zeta(std::uint64_t count, double theta) {
  double sum = 0;
  for (std::uint64_t i = 1; i <= count; ++i) sum += std::pow(static_cast<double>(i), -theta);
  return sum;
}

}  // namespace

FloorKeys::FloorKeys(const LoadOptions& options)
    : distribution_(options.distribution),
      keys_(options.keys),
      theta_(options.zipfian_theta),
      random_(options.seed) {
  floor_require(keys_ > 0, "keys");
  if (distribution_ != FloorDistribution::kZipfian) return;
  floor_require(keys_ > 2 && theta_ > 0 && theta_ < 1, "zipfian: keys > 2, 0 < theta < 1");
  const auto count = static_cast<double>(keys_);
  zeta_ = zeta(keys_, theta_);
  alpha_ = 1 / (1 - theta_);
  eta_ = (1 - std::pow(2 / count, 1 - theta_)) / (1 - zeta(2, theta_) / zeta_);
}

std::uint64_t FloorKeys::next() {
  switch (distribution_) {
    case FloorDistribution::kSequential:
      return sequence_++ % keys_;
    case FloorDistribution::kUniform:
      return random_() % keys_;
    case FloorDistribution::kZipfian:
      break;
  }
  return next_zipfian();
}

std::uint64_t FloorKeys::next_zipfian() {
  const double u = static_cast<double>(random_() >> 11U) * 0x1p-53;
  const double uz = u * zeta_;
  if (uz < 1) return 0;
  if (uz < 1 + std::pow(0.5, theta_)) return 1;
  const double rank = static_cast<double>(keys_) * std::pow(eta_ * u - eta_ + 1, alpha_);
  return std::min(static_cast<std::uint64_t>(rank), keys_ - 1);
}

std::array<char, kKeyBytes> key_bytes(std::uint64_t number) {
  constexpr char kDigits[] = "0123456789abcdef";
  // Neighbours in number, such as the hot ones, are no neighbours in the store.
  std::uint64_t rest = mix64(number);
  std::array<char, kKeyBytes> key;
  for (char& digit : key) {
    digit = kDigits[rest & 15U];
    rest >>= 4U;
  }
  return key;
}

void fill_value(std::uint64_t number, std::string* value) {
  const std::size_t named = std::min(value->size(), sizeof(number));
  std::memcpy(value->data(), &number, named);
}

bool is_value_of(std::uint64_t number, std::string_view value) {
  return std::memcmp(value.data(), &number, std::min(value.size(), sizeof(number))) == 0;
}

}  // namespace dynakv::bench

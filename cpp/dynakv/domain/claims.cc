#include "dynakv/domain/claims.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "dynakv/base/hash.h"

namespace dynakv {
namespace {

static_assert(kSlotBits % 2 == 0, "the Feistel network needs two equal halves");

constexpr int kTimeBits = 40;
constexpr int kPhaseBits = 16;

}  // namespace

ClaimOrder::ClaimOrder(const std::vector<Place>& places) {
  rings_.push_back(0);
  for (std::size_t rung = 0; rung < kSlotCount; ++rung) {
    rings_.push_back(rings_.back() + (std::uint64_t{1} << kTimeBits) / (kSlotCount - rung));
  }
  callers_.resize(places.size());
  for (std::size_t member = 0; member < places.size(); ++member) {
    Caller& caller = callers_[member];
    std::uint64_t draw = 0;
    for (auto& round : caller.rounds) {
      for (std::size_t half = 0; half < kHalfCount; half += 8) {
        std::uint64_t bits = to_number(token_of_vnode(places[member].id, draw++));
        for (std::size_t i = 0; i < 8; ++i, bits >>= 8) {
          round[half + i] = static_cast<std::uint8_t>(bits & (kHalfCount - 1));
        }
      }
    }
    caller.phase = to_number(token_of_vnode(places[member].id, draw)) >> (64 - kPhaseBits);
    caller.capacity = std::max<std::uint64_t>(places[member].capacity_percent, 1);
  }
}

std::uint16_t ClaimOrder::slot_of_claim(std::size_t member, std::uint16_t rank) const {
  std::size_t left = rank >> kHalfBits;
  std::size_t right = rank & (kHalfCount - 1);
  for (const auto& round : callers_[member].rounds) {
    left ^= round[right];
    std::swap(left, right);
  }
  return static_cast<std::uint16_t>(left << kHalfBits | right);
}

std::uint16_t ClaimOrder::claim_of_slot(std::size_t member, std::uint16_t slot) const {
  std::size_t left = slot >> kHalfBits;
  std::size_t right = slot & (kHalfCount - 1);
  const auto& rounds = callers_[member].rounds;
  for (auto round = rounds.rbegin(); round != rounds.rend(); ++round) {
    std::swap(left, right);
    left ^= (*round)[right];
  }
  return static_cast<std::uint16_t>(left << kHalfBits | right);
}

std::uint64_t ClaimOrder::time_of_claim(std::size_t member, std::uint16_t rank) const {
  const Caller& caller = callers_[member];
  const std::uint64_t gap = rings_[rank + std::size_t{1}] - rings_[rank];
  const std::uint64_t ring = rings_[rank] + ((gap * caller.phase) >> kPhaseBits);
  return ring * kSlotCount / caller.capacity;
}

std::vector<Claim> ClaimOrder::earliest(std::size_t count) const {
  using Call = std::pair<std::uint64_t, std::uint16_t>;
  std::priority_queue<Call, std::vector<Call>, std::greater<>> calls;
  for (std::size_t member = 0; member < callers_.size(); ++member) {
    calls.emplace(time_of_claim(member, 0), static_cast<std::uint16_t>(member));
  }
  std::vector<std::size_t> claimed(callers_.size());
  std::vector<Claim> claims;
  claims.reserve(std::min(count, callers_.size() * kSlotCount));
  while (claims.size() < count && !calls.empty()) {
    const std::uint16_t member = calls.top().second;
    calls.pop();
    const auto rank = static_cast<std::uint16_t>(claimed[member]++);
    claims.push_back({slot_of_claim(member, rank), member});
    if (claimed[member] < kSlotCount) {
      calls.emplace(time_of_claim(member, static_cast<std::uint16_t>(rank + 1)), member);
    }
  }
  return claims;
}

}  // namespace dynakv

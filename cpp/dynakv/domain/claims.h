// Claims: the order in which the members of a layout call for slots.
//
// Each member has its own permutation of all slots, made from its id alone, and claims one slot
// after another. Its r-th claim falls at the time at which the r-th of kSlotCount exponential
// clocks is expected to ring, divided by its capacity. So a member with twice the capacity calls
// twice as often, and no member calls more often than another by luck. Independent hashes (vnodes
// on a ring, rendezvous hashing) cannot give that.
//
// Invariants: 1. a member's claims depend only on its id and its capacity: members that join or
// leave change none of them; 2. a member claims each slot exactly once; 3. integers only.
//
// Source: departs from Dynamo §4.2 (vnodes at hashed tokens): a claim is a vnode that names its
// slot.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dynakv/base/types.h"

namespace dynakv {

/// What placement knows of a member.
struct Place {
  NodeId id;
  /// Numbers the zones of the layout from 0 without gaps.
  std::uint16_t zone = 0;
  std::uint32_t capacity_percent = 100;
};

struct Claim {
  std::uint16_t slot = 0;
  /// Index into the places.
  std::uint16_t member = 0;
};

class ClaimOrder {
 public:
  explicit ClaimOrder(const std::vector<Place>& places);

  /// The slot of the member's claim number `rank`. REQUIRES: rank < kSlotCount.
  std::uint16_t slot_of_claim(std::size_t member, std::uint16_t rank) const;

  /// The inverse of slot_of_claim.
  std::uint16_t claim_of_slot(std::size_t member, std::uint16_t slot) const;

  /// When the member makes its claim number `rank`; only the order of times means anything.
  std::uint64_t time_of_claim(std::size_t member, std::uint16_t rank) const;

  /// The first `count` claims of all members by time, then by member; fewer when there are fewer.
  std::vector<Claim> earliest(std::size_t count) const;

 private:
  static constexpr int kHalfBits = kSlotBits / 2;
  static constexpr std::size_t kHalfCount = std::size_t{1} << kHalfBits;
  static constexpr std::size_t kRounds = 4;

  struct Caller {
    /// Round functions of a Feistel network over the two halves of a slot's number.
    std::array<std::array<std::uint8_t, kHalfCount>, kRounds> rounds;
    std::uint64_t phase = 0;
    std::uint64_t capacity = 0;
  };

  std::vector<Caller> callers_;
  /// Expected time of each ring of the exponential clocks; one more than there are slots.
  std::vector<std::uint64_t> rings_;
};

}  // namespace dynakv

// Shares: how many slots each member should own, and how many it may own at most.
//
// A share is proportional to capacity as far as possible. But no member holds a slot twice; and
// where zones must differ, no zone gets more than one copy of a slot, and none can be left out when
// there are only as many zones as copies. So zones win over capacities: at N = 3, each of three
// zones carries one third, however small it is.
//
// Invariants: 1. shares add up to depth * kSlotCount within one slot for each member; 2. no share
// and no limit passes kSlotCount; 3. integers only.
//
// Source: limits are those of "consistent hashing with bounded loads" (Mirrokni, Thorup and
// Zadimoghaddam, 2018).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dynakv/domain/claims.h"

namespace dynakv {

/// Shares are counted in parts of a slot.
inline constexpr std::uint64_t kPartsPerSlot = 256;

/// For each member its fair part of `depth` copies of all slots; unit: 1/kPartsPerSlot slot.
/// REQUIRES: depth <= places.size().
std::vector<std::uint64_t> fair_shares(const std::vector<Place>& places, std::size_t depth);

/// For each member, the most slots it takes before others are asked. It is the share plus one
/// twentieth, or plus the square root of the share where that is more (shares below 400 slots, so
/// from about 120 nodes on at N = 3). Luck alone spreads loads by about half that root; a limit
/// within the spread would make each join move far more than the least possible. The limits of
/// different members are rounded at different points, so that a join does not lower all of them at
/// once.
std::vector<std::uint32_t> slot_limits(const std::vector<Place>& places, std::size_t depth);

/// For each zone the most copies of one slot that it may hold: its share rounded up. So two equal
/// zones hold 4 + 3 of seven copies, never 6 + 1.
std::vector<std::size_t> zone_copies_max(const std::vector<Place>& places, std::size_t depth);

/// Copies of one slot that may share a zone with an earlier copy when `depth` copies are placed.
std::size_t zone_repeats_max(const std::vector<Place>& places, std::size_t depth);

}  // namespace dynakv

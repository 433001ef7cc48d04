#include "dynakv/domain/shares.h"

#include <algorithm>

#include "dynakv/base/check.h"
#include "dynakv/base/hash.h"

namespace dynakv {
namespace {

constexpr std::uint64_t kWholeShare = kSlotCount * kPartsPerSlot;
/// Scale of the level at which capacities are filled; a capacity of 1 percent fills a whole share
/// at 2^(22 + 12).
constexpr int kLevelBits = 12;
constexpr std::uint64_t kLevelMax = kWholeShare << kLevelBits;

std::uint64_t share_at(const Place& place, std::uint64_t level) {
  const std::uint64_t capacity = std::max<std::uint64_t>(place.capacity_percent, 1);
  return std::min((level * capacity) >> kLevelBits, kWholeShare);
}

/// The lowest level at which `total` reaches `wanted`. REQUIRES: total does not fall with level.
template <typename Total>
std::uint64_t level_for(std::uint64_t wanted, const Total& total) {
  std::uint64_t low = 0;
  std::uint64_t high = kLevelMax;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (total(middle) < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/// Members by zone, with the least and the most that the zone rule leaves to each zone.
struct ZoneShares {
  std::vector<std::vector<std::size_t>> members;
  std::uint64_t least = 0;
  std::uint64_t most = 0;

  std::uint64_t unbounded(const std::vector<Place>& places, std::size_t zone,
                          std::uint64_t level) const {
    std::uint64_t sum = 0;
    for (const std::size_t member : members[zone]) {
      sum += share_at(places[member], level);
    }
    return sum;
  }
  std::uint64_t bounded(const std::vector<Place>& places, std::size_t zone,
                        std::uint64_t level) const {
    return std::clamp(unbounded(places, zone, level), least, most);
  }
};

ZoneShares zones_of(const std::vector<Place>& places, std::size_t depth) {
  ZoneShares zones;
  for (std::size_t member = 0; member < places.size(); ++member) {
    if (zones.members.size() <= places[member].zone) {
      zones.members.resize(places[member].zone + std::size_t{1});
    }
    zones.members[places[member].zone].push_back(member);
  }
  zones.least = depth >= zones.members.size() ? kWholeShare : 0;
  zones.most = kWholeShare * (zone_repeats_max(places, depth) + 1);
  return zones;
}

std::uint64_t square_root(std::uint64_t number) {
  std::uint64_t root = 0;
  for (std::uint64_t bit = std::uint64_t{1} << 31; bit != 0; bit >>= 1) {
    if ((root | bit) * (root | bit) <= number) {
      root |= bit;
    }
  }
  return root;
}

}  // namespace

std::size_t zone_repeats_max(const std::vector<Place>& places, std::size_t depth) {
  std::size_t zone_count = 0;
  for (const Place& place : places) {
    zone_count = std::max(zone_count, place.zone + std::size_t{1});
  }
  return depth > zone_count ? depth - zone_count : 0;
}

std::vector<std::uint64_t> fair_shares(const std::vector<Place>& places, std::size_t depth) {
  DYNAKV_CHECK(depth <= places.size());
  const ZoneShares zones = zones_of(places, depth);
  const std::uint64_t common = level_for(depth * kWholeShare, [&](std::uint64_t level) {
    std::uint64_t sum = 0;
    for (std::size_t zone = 0; zone < zones.members.size(); ++zone) {
      sum += zones.bounded(places, zone, level);
    }
    return sum;
  });
  std::vector<std::uint64_t> shares(places.size());
  for (std::size_t zone = 0; zone < zones.members.size(); ++zone) {
    std::uint64_t level = common;
    const std::uint64_t wanted = zones.bounded(places, zone, common);
    if (wanted != zones.unbounded(places, zone, common)) {
      level = level_for(wanted, [&](std::uint64_t l) { return zones.unbounded(places, zone, l); });
    }
    for (const std::size_t member : zones.members[zone]) {
      shares[member] = share_at(places[member], level);
    }
  }
  return shares;
}

std::vector<std::size_t> zone_copies_max(const std::vector<Place>& places, std::size_t depth) {
  const ZoneShares zones = zones_of(places, depth);
  const std::vector<std::uint64_t> shares = fair_shares(places, depth);
  std::vector<std::size_t> copies;
  for (const std::vector<std::size_t>& members : zones.members) {
    std::uint64_t sum = 0;
    for (const std::size_t member : members) {
      sum += shares[member];
    }
    // Each share is rounded by less than one part; that must not count as one more copy.
    const std::uint64_t certain = sum - std::min<std::uint64_t>(sum, members.size());
    copies.push_back(std::max<std::size_t>((certain + kWholeShare - 1) / kWholeShare, 1));
  }
  return copies;
}

std::vector<std::uint32_t> slot_limits(const std::vector<Place>& places, std::size_t depth) {
  const std::vector<std::uint64_t> shares = fair_shares(places, depth);
  std::vector<std::uint32_t> limits(places.size());
  for (std::size_t member = 0; member < places.size(); ++member) {
    const std::uint64_t share = shares[member];
    const std::uint64_t noise = square_root(share * kPartsPerSlot);
    const std::uint64_t dither =
        hash64_of_pair(places[member].id.high, places[member].id.low) % kPartsPerSlot;
    const std::uint64_t parts = share + std::max(share / 20, noise) + dither;
    const std::uint64_t limit = parts / kPartsPerSlot;  // one slot high, for the dither is added
    limits[member] = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(std::max<std::uint64_t>(limit, 2) - 1, kSlotCount));
  }
  return limits;
}

}  // namespace dynakv

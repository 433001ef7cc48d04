// Layouts and measures that the tests of placement share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dynakv/base/hash.h"
#include "dynakv/base/random.h"
#include "dynakv/base/types.h"
#include "dynakv/domain/layout.h"
#include "dynakv/domain/ring.h"

namespace dynakv::test {

using Numbers = std::vector<std::uint32_t>;

/// Member number `index`: capacities are dealt in turn, zones by their sizes; without sizes each
/// member has its own zone.
inline Member make_member(std::size_t index, Random& random, const Numbers& zone_sizes,
                          const Numbers& capacities) {
  Member member;
  member.id.high = random.next();
  member.id.low = random.next();
  member.name = "n" + std::to_string(index);
  member.address = "10.0.0.1:" + std::to_string(index);
  member.capacity_percent = capacities[index % capacities.size()];
  std::vector<std::size_t> turns;
  for (std::size_t zone = 0; zone < zone_sizes.size(); ++zone) {
    turns.insert(turns.end(), zone_sizes[zone], zone);
  }
  member.zone = "dc1/r" + std::to_string(turns.empty() ? index : turns[index % turns.size()]);
  return member;
}

inline void sort_members(Layout& layout) {
  std::sort(layout.members.begin(), layout.members.end(),
            [](const Member& a, const Member& b) { return a.id < b.id; });
}

inline Layout make_layout(std::size_t nodes, std::uint64_t seed, const Numbers& zone_sizes,
                          const Numbers& capacities) {
  Random random(seed);
  Layout layout;
  for (std::size_t index = 0; index < nodes; ++index) {
    layout.members.push_back(make_member(index, random, zone_sizes, capacities));
  }
  sort_members(layout);
  return layout;
}

/// Digest of all walks.
inline Hash128 table_digest(const Ring& ring) {
  std::string table;
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
    for (const std::uint16_t member : ring.walk(static_cast<Slot>(slot))) {
      table.push_back(static_cast<char>(member & 0xff));
      table.push_back(static_cast<char>(member >> 8));
    }
  }
  return hash128(table);
}

inline std::string digest_text(const Ring& ring) {
  const Hash128 digest = table_digest(ring);
  return to_string(NodeId{digest.high, digest.low});
}

/// (slot, owner) pairs of `after` that `before` did not have; the order of owners does not count.
inline std::size_t moved_pairs(const Ring& before, const Ring& after, int n) {
  std::size_t moved = 0;
  for (std::size_t i = 0; i < kSlotCount; ++i) {
    const std::vector<NodeId> old_owners = before.preference_list(static_cast<Slot>(i), n);
    for (const NodeId& owner : after.preference_list(static_cast<Slot>(i), n)) {
      moved += std::find(old_owners.begin(), old_owners.end(), owner) == old_owners.end();
    }
  }
  return moved;
}

}  // namespace dynakv::test

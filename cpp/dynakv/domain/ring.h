// Ring: which nodes hold a slot, and the order in which others stand in for them.
//
// It is one flat table, computed once for each version of the layout, and routing is one lookup.
// How the table is computed is in placement.h.
//
// Invariants: 1. the table is a pure function of the layout, whatever the order of its members;
// 2. no walk names one node twice; 3. immutable after build.
//
// Source: Dynamo §4.2, §4.3 and §6.2 (strategy 3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dynakv/base/types.h"
#include "dynakv/domain/layout.h"

namespace dynakv {

/// Owners and fallbacks kept for each slot; unit: nodes; 16 leaves 9 fallbacks to the largest N.
inline constexpr std::size_t kWalkLength = 16;

class Ring {
 public:
  static Ring build(const Layout& layout);

  std::size_t member_count() const { return nodes_.size(); }

  /// Member indices, all different, min(kWalkLength, members) of them: the first N are the owners
  /// for a bucket with that N, the rest the fallbacks in order.
  std::span<const std::uint16_t> walk(Slot slot) const;

  /// The member that an index of a walk means; indices count the members in order of their ids.
  /// REQUIRES: member_index < member_count().
  const NodeId& node(std::uint16_t member_index) const;
  std::optional<std::uint16_t> index_of(const NodeId& id) const;

  /// The first `n` nodes of the walk, or all of them when there are fewer. REQUIRES: n >= 0.
  std::vector<NodeId> preference_list(Slot slot, int n) const;

  /// True when `id` is among the first `n` of the slot's walk.
  bool owns(const NodeId& id, Slot slot, int n) const;

  /// For each member index, the number of slots it owns for buckets with `n` copies.
  std::vector<std::uint32_t> slots_owned(int n) const;

 private:
  std::span<const std::uint16_t> owners(Slot slot, int n) const;

  std::vector<NodeId> nodes_;
  /// walk_length_ entries for each slot.
  std::vector<std::uint16_t> table_;
  std::size_t walk_length_ = 0;
};

/// Where a node or client gets the ring of a layout; empty = it builds its own. A pure function, so
/// that many of them in one process may share one result.
using RingSource = std::function<std::shared_ptr<const Ring>(const Layout&)>;

}  // namespace dynakv

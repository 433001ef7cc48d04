#include "dynakv/domain/ring.h"

#include <algorithm>

#include "dynakv/base/check.h"
#include "dynakv/domain/placement.h"

namespace dynakv {

Ring Ring::build(const Layout& layout) {
  const std::vector<Place> places = places_of(layout);
  Ring ring;
  for (const Place& place : places) {
    ring.nodes_.push_back(place.id);
  }
  ring.walk_length_ = std::min(kWalkLength, places.size());
  ring.table_ = place_slots(places, ring.walk_length_);
  return ring;
}

std::span<const std::uint16_t> Ring::walk(Slot slot) const {
  return std::span(table_).subspan(to_number(slot) * walk_length_, walk_length_);
}

const NodeId& Ring::node(std::uint16_t member_index) const {
  DYNAKV_CHECK(member_index < nodes_.size());
  return nodes_[member_index];
}

std::optional<std::uint16_t> Ring::index_of(const NodeId& id) const {
  const auto found = std::lower_bound(nodes_.begin(), nodes_.end(), id);
  if (found == nodes_.end() || *found != id) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(found - nodes_.begin());
}

std::span<const std::uint16_t> Ring::owners(Slot slot, int n) const {
  DYNAKV_CHECK(n >= 0);
  return walk(slot).first(std::min(walk_length_, static_cast<std::size_t>(n)));
}

std::vector<NodeId> Ring::preference_list(Slot slot, int n) const {
  std::vector<NodeId> list;
  for (const std::uint16_t member : owners(slot, n)) {
    list.push_back(nodes_[member]);
  }
  return list;
}

bool Ring::owns(const NodeId& id, Slot slot, int n) const {
  const std::optional<std::uint16_t> index = index_of(id);
  const auto list = owners(slot, n);
  return index && std::find(list.begin(), list.end(), *index) != list.end();
}

std::vector<std::uint32_t> Ring::slots_owned(int n) const {
  std::vector<std::uint32_t> owned(nodes_.size());
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
    for (const std::uint16_t member : owners(static_cast<Slot>(slot), n)) {
      ++owned[member];
    }
  }
  return owned;
}

}  // namespace dynakv

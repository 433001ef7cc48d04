#include "dynakv/domain/placement.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "dynakv/base/check.h"
#include "dynakv/domain/shares.h"

namespace dynakv {
namespace {

/// The first stretch of a walk that is settled together; the next ends at kReplicasMax.
constexpr std::size_t kDefaultCopies = 3;
/// Claims looked at before the few slots that still lack a member are served one by one; unit:
/// claims for each slot. Twice the length of a walk leaves little over.
constexpr std::size_t kClaimsPerSlot = 32;

class Draft {
 public:
  Draft(const std::vector<Place>& places, std::size_t walk_length)
      : places_(places),
        walk_length_(walk_length),
        order_(places),
        claims_(order_.earliest(kClaimsPerSlot * kSlotCount)),
        table_(kSlotCount * walk_length),
        taken_(kSlotCount),
        repeats_(kSlotCount),
        load_(places.size()) {}

  /// Extends every walk from `first` to `last` members.
  void settle(std::size_t first, std::size_t last);

  std::vector<std::uint16_t> take_table() { return std::move(table_); }

 private:
  std::span<std::uint16_t> walk(std::size_t slot) {
    return std::span(table_).subspan(slot * walk_length_, walk_length_);
  }
  std::size_t count_zone(std::span<const std::uint16_t> members, std::uint16_t member) const;
  bool accepts(std::size_t slot, std::uint16_t member);
  void add(std::size_t slot, std::uint16_t member);
  void complete(std::size_t slot, std::size_t last);
  void arrange(std::size_t first, std::size_t last);

  std::vector<std::uint32_t> limits(std::size_t depth) const;

  const std::vector<Place>& places_;
  std::size_t walk_length_;
  ClaimOrder order_;
  std::vector<Claim> claims_;
  std::vector<std::uint16_t> table_;
  /// For each slot: members in its walk, and those whose zone an earlier one has.
  std::vector<std::uint8_t> taken_;
  std::vector<std::uint8_t> repeats_;
  std::size_t repeats_max_ = 0;
  std::vector<std::size_t> zone_copies_max_;
  /// For each member: walks it is in, and the most it may be in.
  std::vector<std::uint32_t> load_;
  std::vector<std::uint32_t> limits_;
};

std::vector<std::uint32_t> Draft::limits(std::size_t depth) const {
  if (depth > static_cast<std::size_t>(kReplicasMax)) {
    return std::vector<std::uint32_t>(places_.size(), kSlotCount);  // fallbacks carry no load
  }
  return slot_limits(places_, depth);
}

std::size_t Draft::count_zone(std::span<const std::uint16_t> members, std::uint16_t member) const {
  return static_cast<std::size_t>(std::count_if(
      members.begin(), members.end(),
      [&](std::uint16_t other) { return places_[other].zone == places_[member].zone; }));
}

bool Draft::accepts(std::size_t slot, std::uint16_t member) {
  const auto members = walk(slot).first(taken_[slot]);
  const std::size_t copies = count_zone(members, member);
  if (copies == 0) {
    return true;
  }
  return repeats_[slot] < repeats_max_ && copies < zone_copies_max_[places_[member].zone] &&
         std::find(members.begin(), members.end(), member) == members.end();
}

void Draft::add(std::size_t slot, std::uint16_t member) {
  const auto members = walk(slot).first(taken_[slot]);
  if (count_zone(members, member) > 0) {
    ++repeats_[slot];
  }
  walk(slot)[taken_[slot]++] = member;
  ++load_[member];
}

void Draft::settle(std::size_t first, std::size_t last) {
  limits_ = limits(last);
  repeats_max_ = zone_repeats_max(places_, last);
  zone_copies_max_ = zone_copies_max(places_, last);
  const std::vector<std::uint32_t> load_before = load_;
  std::size_t open = kSlotCount;
  for (const Claim& claim : claims_) {
    if (taken_[claim.slot] < last && load_[claim.member] < limits_[claim.member] &&
        accepts(claim.slot, claim.member)) {
      add(claim.slot, claim.member);
      open -= taken_[claim.slot] == last;
      if (open == 0) {
        break;
      }
    }
  }
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
    complete(slot, last);
  }
  load_ = load_before;
  arrange(first, last);
}

/// Serves a slot that the claims left short: the earliest caller with room, or else the earliest.
void Draft::complete(std::size_t slot, std::size_t last) {
  while (taken_[slot] < last) {
    bool found = false;
    std::pair<bool, std::uint64_t> best;
    std::uint16_t chosen = 0;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const auto member = static_cast<std::uint16_t>(i);
      if (!accepts(slot, member)) {
        continue;
      }
      const std::uint16_t rank = order_.claim_of_slot(i, static_cast<std::uint16_t>(slot));
      const std::pair rating(load_[i] >= limits_[i], order_.time_of_claim(i, rank));
      if (!found || rating < best) {
        found = true;
        best = rating;
        chosen = member;
      }
    }
    DYNAKV_CHECK(found);
    add(slot, chosen);
  }
}

/// Puts the members from `first` to `last` of each walk in order: a new zone before a known one,
/// then one with room at that length before a full one, then by claim. Leaves load_ as it is when
/// whole walks of length `last` are counted.
void Draft::arrange(std::size_t first, std::size_t last) {
  for (std::size_t position = first; position < last; ++position) {
    limits_ = limits(position + 1);
    for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
      const auto members = walk(slot);
      std::pair best(2, 2);
      std::size_t chosen = position;
      for (std::size_t i = position; i < last; ++i) {
        const std::pair<int, int> rating(count_zone(members.first(position), members[i]) > 0,
                                         load_[members[i]] >= limits_[members[i]]);
        if (rating < best) {
          best = rating;
          chosen = i;
        }
      }
      const auto range = members.subspan(position, chosen - position + 1);
      std::rotate(range.begin(), range.end() - 1, range.end());
      ++load_[members[position]];
    }
  }
}

}  // namespace

std::vector<Place> places_of(const Layout& layout) {
  std::vector<const Member*> members;
  std::vector<std::string> zones;
  for (const Member& member : layout.members) {
    members.push_back(&member);
    zones.push_back(member.zone);
  }
  std::sort(members.begin(), members.end(),
            [](const Member* a, const Member* b) { return a->id < b->id; });
  std::sort(zones.begin(), zones.end());
  zones.erase(std::unique(zones.begin(), zones.end()), zones.end());
  std::vector<Place> places;
  for (const Member* member : members) {
    const auto zone = std::lower_bound(zones.begin(), zones.end(), member->zone) - zones.begin();
    places.push_back({member->id, static_cast<std::uint16_t>(zone), member->capacity_percent});
  }
  return places;
}

std::vector<std::uint16_t> place_slots(const std::vector<Place>& places, std::size_t walk_length) {
  DYNAKV_CHECK(walk_length <= places.size());
  Draft draft(places, walk_length);
  std::size_t settled = 0;
  for (const std::size_t end :
       {kDefaultCopies, static_cast<std::size_t>(kReplicasMax), walk_length}) {
    const std::size_t last = std::min(end, walk_length);
    if (last > settled) {
      draft.settle(settled, last);
      settled = last;
    }
  }
  return draft.take_table();
}

}  // namespace dynakv

// The ring: B32 (no machine twice), I9 and I16 (one layout, one ring), zones, and the interface.
#include "dynakv/domain/ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bitset>
#include <set>
#include <vector>

#include "dynakv/base/random.h"
#include "dynakv/domain/placement.h"
#include "tests/cpp/support/ring_layouts.h"

namespace dynakv {
namespace {

using test::digest_text;
using test::make_layout;
using test::make_member;
using test::table_digest;

/// Fails unless every walk is as long as it can be, without repetition, and every prefix covers
/// as many zones as it can.
void expect_sound(const Layout& layout, const Ring& ring) {
  const std::vector<Place> places = places_of(layout);
  std::set<std::uint16_t> all_zones;
  for (const Place& place : places) {
    all_zones.insert(place.zone);
  }
  std::size_t unsound = 0;
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
    const auto walk = ring.walk(static_cast<Slot>(slot));
    std::bitset<64> members;
    std::bitset<64> zones;
    for (const std::uint16_t member : walk) {
      members.set(member);
      zones.set(places.at(member).zone);
      unsound += zones.count() < std::min(members.count(), all_zones.size());
    }
    unsound += members.count() != std::min(kWalkLength, places.size());
    unsound += members.count() != walk.size();
  }
  EXPECT_EQ(unsound, 0U) << layout.members.size() << " members, " << all_zones.size() << " zones";
}

TEST(Ring, B32_NoMachineTwiceAndZonesDistinctOnTheWholeGrid) {
  struct Shape {
    test::Numbers zone_sizes;
    test::Numbers capacities;
  };
  const std::vector<Shape> shapes{{{1}, {100}},
                                  {{1}, {1, 1600}},
                                  {{1, 1, 1}, {100}},
                                  {{7, 1}, {50, 100, 200}},
                                  {{2, 2, 1, 1}, {1, 1600}},
                                  {{}, {50, 100, 200}}};
  for (const std::size_t nodes : {1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 50}) {
    for (const Shape& shape : shapes) {
      const Layout layout = make_layout(nodes, nodes, shape.zone_sizes, shape.capacities);
      expect_sound(layout, Ring::build(layout));
    }
  }
}

TEST(Ring, B32_I16_JoinAndLeaveOrdersLeadToTheSameSoundRing) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    Random random(seed);
    Layout grown = make_layout(9, seed, {2, 1, 1}, {100, 50});
    for (int step = 0; step < 12; ++step) {
      if (random.chance(1, 2) && grown.members.size() > 1) {
        const auto gone = static_cast<std::ptrdiff_t>(random.below(grown.members.size()));
        grown.members.erase(grown.members.begin() + gone);
      } else {
        grown.members.push_back(
            make_member(100 + static_cast<std::size_t>(step), random, {2, 1, 1}, {100, 50}));
      }
      const Ring ring = Ring::build(grown);
      expect_sound(grown, ring);
      Layout shuffled = grown;
      random.shuffle(shuffled.members);
      EXPECT_EQ(table_digest(ring), table_digest(Ring::build(shuffled)));
    }
  }
}

TEST(Ring, I16_AddressNameAndVersionDoNotMoveData) {
  Layout layout = make_layout(6, 1, {1, 1}, {100});
  const Hash128 before = table_digest(Ring::build(layout));
  layout.version = LayoutVersion{9};
  for (Member& member : layout.members) {
    member.address += "0";
    member.name += "x";
  }
  EXPECT_EQ(before, table_digest(Ring::build(layout)));
}

TEST(Ring, I16_GoldenTablesMustNotChange) {
  // A new digest means that every running cluster would move data on upgrade: change the version
  // of the layout's format together with it.
  EXPECT_EQ(digest_text(Ring::build(make_layout(5, 1, {}, {100}))),
            "146f510a82a49931976aa3da2f95aad3");
  const Layout uneven = make_layout(20, 2, {2, 1, 1}, {50, 100, 200});
  EXPECT_EQ(digest_text(Ring::build(uneven)), "bfc8e3dcf8398edd11e2f352c674ac1c");
}

TEST(Ring, I9_FewerNodesThanCopiesGiveShortListsNotRepeatedOnes) {
  const Ring ring = Ring::build(make_layout(2, 3, {1}, {100}));
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
    const auto list = ring.preference_list(static_cast<Slot>(slot), 3);
    ASSERT_EQ(list.size(), 2U);
    ASSERT_NE(list[0], list[1]);
  }
  EXPECT_EQ(ring.slots_owned(7), (std::vector<std::uint32_t>{kSlotCount, kSlotCount}));
}

TEST(Ring, AnswersAgreeWithTheWalk) {
  const Layout layout = make_layout(20, 4, {1}, {100});
  const Ring ring = Ring::build(layout);
  ASSERT_EQ(ring.member_count(), 20U);
  std::vector<std::uint32_t> owned(20);
  for (std::size_t i = 0; i < kSlotCount; ++i) {
    const Slot slot = static_cast<Slot>(i);
    const auto walk = ring.walk(slot);
    const auto list = ring.preference_list(slot, 3);
    ASSERT_EQ(walk.size(), kWalkLength);
    ASSERT_EQ(list.size(), 3U);
    for (std::size_t position = 0; position < walk.size(); ++position) {
      const NodeId& id = ring.node(walk[position]);
      ASSERT_EQ(ring.owns(id, slot, 3), position < 3);
      ASSERT_TRUE(position >= 3 || list[position] == id);
      owned[walk[position]] += position < 3;
    }
  }
  EXPECT_EQ(owned, ring.slots_owned(3));
  for (std::uint16_t member = 0; member < 20; ++member) {
    EXPECT_EQ(ring.index_of(layout.members[member].id), member);
    EXPECT_EQ(ring.node(member), layout.members[member].id);
  }
  EXPECT_EQ(ring.index_of(NodeId{1, 2}), std::nullopt);
  EXPECT_FALSE(ring.owns(NodeId{1, 2}, Slot{0}, 3));
}

TEST(Ring, OfNoMembersIsEmpty) {
  const Ring ring = Ring::build(Layout{});
  EXPECT_EQ(ring.member_count(), 0U);
  EXPECT_TRUE(ring.walk(Slot{7}).empty());
  EXPECT_TRUE(ring.preference_list(Slot{7}, 3).empty());
}

}  // namespace
}  // namespace dynakv

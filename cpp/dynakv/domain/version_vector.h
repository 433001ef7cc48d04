// Version vector: for each actor, the highest counter that is known.
//
// An entry (a, n) stands for all events (a, 1) … (a, n). Kept as a sorted flat list, because real
// vectors have a handful of entries and are compared far more often than changed.
//
// Invariants: 1. entries are sorted by actor, each actor once; 2. no entry has counter 0.
// Source: Dynamo §4.4; it departs from the paper in that nothing is ever pruned (DESIGN §4, B14).
#pragma once

#include <cstdint>
#include <vector>

#include "dynakv/domain/dot.h"

namespace dynakv {

class VersionVector {
 public:
  /// The highest counter known of `actor`; 0 when it is unknown.
  std::uint64_t counter_of(ActorId actor) const;

  bool covers(const Dot& dot) const { return counter_of(dot.actor) >= dot.counter; }

  /// Raises the actor's entry to the dot's counter; a lower one changes nothing.
  void advance(const Dot& dot);

  /// The least vector that descends both.
  void join(const VersionVector& other);

  /// True when every event of `other` is covered here (equal vectors descend each other).
  bool descends(const VersionVector& other) const;

  bool empty() const { return entries_.empty(); }
  const std::vector<Dot>& entries() const { return entries_; }

  bool operator==(const VersionVector&) const = default;

 private:
  std::vector<Dot> entries_;
};

}  // namespace dynakv

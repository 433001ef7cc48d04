// Context: the set of write events that a state or a reader has seen. It is a version vector plus
// isolated dots.
//
// The vector says "everything of this actor up to n"; an isolated dot says "this one event, and
// nothing about those before it". A put's reply needs the second kind: the writer has seen its own
// write, but not what else the coordinator held (DESIGN §4).
//
// Invariants: 1. isolated dots are sorted, each once; 2. none is covered by the vector; 3. none is
// the vector's next event (such a dot enters the vector, so that each set has one canonical form).
// So equal sets have equal representations, and == is equality of sets.
// Source: dotted version vectors [DVV]; relations as in Dynamo §4.4.
#pragma once

#include <cstdint>
#include <vector>

#include "dynakv/domain/version_vector.h"

namespace dynakv {

class Context {
 public:
  bool covers(const Dot& dot) const;

  /// Adds every event of the dot's actor up to the dot. That is true only because an actor is
  /// continuous: the replica that calls this has seen all of the actor's earlier events (DESIGN §4,
  /// Identity).
  void advance(const Dot& dot);

  /// Adds this one event.
  void add_isolated(const Dot& dot);

  /// Set union.
  void join(const Context& other);

  /// This context has seen everything that `other` has (equal contexts descend each other).
  bool descends(const Context& other) const;
  /// This context descends `other` and has seen more.
  bool dominates(const Context& other) const;
  /// Neither context descends the other.
  bool concurrent(const Context& other) const;

  /// The highest counter of `actor` in either part; 0 when there is none.
  std::uint64_t highest_counter_of(ActorId actor) const;

  bool empty() const { return vector_.empty() && isolated_.empty(); }
  const VersionVector& vector() const { return vector_; }
  const std::vector<Dot>& isolated() const { return isolated_; }

  bool operator==(const Context&) const = default;

 private:
  void normalize();

  VersionVector vector_;
  std::vector<Dot> isolated_;
};

}  // namespace dynakv

// Where the copies of one write are: at its owners, and at fallbacks that stand in for owners which
// are down or silent (Dynamo §4.6). The pure half of a quorum write: W of each group of owners must
// hold it. A stand-in counts in the groups of the owner that it stands in for.
//
// Invariant 1: a physical node counts once (I9, B33): it holds its own copy or one owner's hint.
// Invariant 2: hints count towards W only in a sloppy quorum.
#pragma once

#include <cstdint>
#include <vector>

#include "dynakv/base/types.h"
#include "dynakv/domain/joint_quorum.h"
#include "dynakv/domain/quorum.h"
#include "dynakv/protocol/messages.h"

namespace dynakv {

class Replication {
 public:
  /// Of no owner, until there is something to count.
  Replication() = default;
  /// Every owner is waited for at first.
  Replication(int required, bool is_sloppy, const QuorumGroups& owners);

  /// `node`, which is asked to keep a hint for `owner`, is waited for too.
  /// REQUIRES: `node` is not asked yet.
  void add_stand_in(const NodeId& node, const NodeId& owner);
  /// No further fallback can be asked.
  void set_exhausted() { is_exhausted_ = true; }

  /// Each returns true when this was the node's first answer.
  bool add_held(const NodeId& node);
  bool add_failed(const NodeId& node);
  /// Says that the owner has not answered in time; a late answer still counts.
  void add_silent(const NodeId& owner);
  /// The coordinator itself keeps a hint for the owner; it is not counted a second time.
  void cover(const NodeId& owner);

  /// Owners that failed or are silent, and for which no node stands in.
  std::vector<NodeId> uncovered_owners() const;
  /// Owners that do not have the write, and for which no node is known to hold a hint.
  std::vector<NodeId> unsettled_owners() const;
  /// Owners that have not been heard from and have not been replaced.
  std::vector<NodeId> waiting_owners() const;
  bool is_asked(const NodeId& node) const;

  QuorumState state() const;
  /// True when each owner has the write or some node keeps a hint for it.
  bool is_settled() const;

  int required() const { return required_; }
  /// In the group that has the fewest.
  int held_count() const { return counted().yes_count(); }
  /// The quorum is met by owners alone.
  bool is_strict() const { return held_by_owners_.state() == QuorumState::met; }
  /// In the order of their answers.
  const std::vector<NodeId>& acked() const { return acked_; }
  const std::vector<StandIn>& hinted() const { return hinted_; }

 private:
  enum class CopyState : std::uint8_t { waiting, silent, held, failed };
  struct Copy {
    NodeId node;
    /// Whose copy it is: the node itself, or the owner that it stands in for.
    NodeId owner;
    GroupSet groups = 0;
    CopyState state = CopyState::waiting;
    /// For an owner's own copy: another node stands in, or the coordinator keeps a hint.
    bool is_covered = false;

    bool is_own() const { return node == owner; }
    bool is_open() const { return state == CopyState::waiting || state == CopyState::silent; }
  };

  Copy* find(const NodeId& node);
  bool is_settled(const Copy& copy) const;
  bool counts(const Copy& copy) const { return copy.is_own() || is_sloppy_; }
  const JointCount& counted() const { return is_sloppy_ ? held_by_any_ : held_by_owners_; }

  int required_ = 0;
  bool is_sloppy_ = false;
  bool is_exhausted_ = false;
  std::vector<Copy> copies_;
  JointCount held_by_owners_{0, 1};
  /// By owners, and as hints.
  JointCount held_by_any_{0, 1};
  std::vector<NodeId> acked_;
  std::vector<StandIn> hinted_;
};

}  // namespace dynakv

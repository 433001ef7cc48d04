// A quorum that must be met in each of several groups of nodes at once: one group in a settled
// cluster, one for each layout that counts while layouts change (DESIGN §5 rule 7).
//
// A group is met, has failed, or waits, and the whole follows from these (as quorum/joint does in
// etcd's raft): it is met when each group is, and has failed as soon as one has.
//
// Invariant 1: a node that is in several groups counts once in each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dynakv/base/types.h"
#include "dynakv/domain/quorum.h"

namespace dynakv {

inline constexpr std::size_t kQuorumGroupsMax = 8;

/// Bit g stands for group g.
using GroupSet = std::uint8_t;

/// Who is in which group.
class QuorumGroups {
 public:
  struct Member {
    NodeId node;
    GroupSet groups = 0;

    bool operator==(const Member&) const = default;
  };

  /// One group.
  explicit QuorumGroups(std::span<const NodeId> nodes) { add(nodes); }

  /// One more group. REQUIRES: its nodes are distinct; fewer than kQuorumGroupsMax groups so far.
  void add(std::span<const NodeId> nodes);

  std::size_t count() const { return count_; }
  /// Each node once, in the order of the groups.
  const std::vector<Member>& members() const { return members_; }

 private:
  std::size_t count_ = 0;
  std::vector<Member> members_;
};

/// Counts what the nodes of each group have said.
class JointCount {
 public:
  /// `required` of each group. REQUIRES: 1 to kQuorumGroupsMax groups.
  JointCount(int required, std::size_t group_count);

  /// A node of these groups has said yes.
  void add_yes(GroupSet groups) { add(groups, yes_); }
  /// A node of these groups may still say yes.
  void add_open(GroupSet groups) { add(groups, open_); }

  QuorumState state() const;
  /// Of the group that has the fewest.
  int yes_count() const;

 private:
  using Counts = std::array<std::uint8_t, kQuorumGroupsMax>;

  void add(GroupSet groups, Counts& counts);

  int required_;
  std::size_t group_count_;
  Counts yes_{};
  Counts open_{};
};

}  // namespace dynakv

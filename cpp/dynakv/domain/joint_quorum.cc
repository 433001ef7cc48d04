#include "dynakv/domain/joint_quorum.h"

#include <algorithm>

#include "dynakv/base/check.h"

namespace dynakv {

void QuorumGroups::add(std::span<const NodeId> nodes) {
  DYNAKV_CHECK(count_ < kQuorumGroupsMax);
  const auto group = static_cast<GroupSet>(1u << count_++);
  for (const NodeId& node : nodes) {
    const auto at = std::find_if(members_.begin(), members_.end(),
                                 [&](const Member& member) { return member.node == node; });
    if (at == members_.end()) {
      members_.push_back({node, group});
      continue;
    }
    DYNAKV_CHECK((at->groups & group) == 0);
    at->groups |= group;
  }
}

JointCount::JointCount(int required, std::size_t group_count)
    : required_(required), group_count_(group_count) {
  DYNAKV_CHECK(group_count >= 1 && group_count <= kQuorumGroupsMax);
}

void JointCount::add(GroupSet groups, Counts& counts) {
  for (std::size_t group = 0; group < group_count_; ++group) {
    counts[group] += (groups >> group) & 1u;
  }
}

QuorumState JointCount::state() const {
  QuorumState joint = QuorumState::met;
  for (std::size_t group = 0; group < group_count_; ++group) {
    if (yes_[group] >= required_) continue;
    if (yes_[group] + open_[group] < required_) return QuorumState::failed;
    joint = QuorumState::waiting;
  }
  return joint;
}

int JointCount::yes_count() const {
  return *std::min_element(yes_.begin(), yes_.begin() + static_cast<std::ptrdiff_t>(group_count_));
}

}  // namespace dynakv

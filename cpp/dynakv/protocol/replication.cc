#include "dynakv/protocol/replication.h"

#include <algorithm>

#include "dynakv/base/check.h"
#include "dynakv/domain/canary.h"

namespace dynakv {

namespace {

int counted_as_enough(int required) {
  return canary(DomainCanary::quorum_one_too_few) ? required - 1 : required;
}

}  // namespace

Replication::Replication(int required, bool is_sloppy, const QuorumGroups& owners)
    : required_(required),
      is_sloppy_(is_sloppy),
      held_by_owners_(counted_as_enough(required), owners.count()),
      held_by_any_(held_by_owners_) {
  copies_.reserve(owners.members().size());
  for (const auto& [node, groups] : owners.members()) copies_.push_back({node, node, groups});
}

Replication::Copy* Replication::find(const NodeId& node) {
  const auto at = std::find_if(copies_.begin(), copies_.end(),
                               [&](const Copy& copy) { return copy.node == node; });
  return at == copies_.end() ? nullptr : &*at;
}

bool Replication::is_asked(const NodeId& node) const {
  return std::any_of(copies_.begin(), copies_.end(),
                     [&](const Copy& copy) { return copy.node == node; });
}

void Replication::add_stand_in(const NodeId& node, const NodeId& owner) {
  DYNAKV_CHECK(!is_asked(node));
  Copy* const own = find(owner);
  own->is_covered = true;
  copies_.push_back({node, owner, own->groups});
}

bool Replication::add_held(const NodeId& node) {
  Copy* copy = find(node);
  if (copy == nullptr) return false;
  if (!copy->is_open() && !canary(DomainCanary::quorum_counts_twice)) return false;
  copy->state = CopyState::held;
  held_by_any_.add_yes(copy->groups);
  if (copy->is_own()) {
    held_by_owners_.add_yes(copy->groups);
    acked_.push_back(node);
  } else {
    hinted_.push_back({node, copy->owner});
  }
  return true;
}

bool Replication::add_failed(const NodeId& node) {
  Copy* copy = find(node);
  if (copy == nullptr || !copy->is_open()) return false;
  copy->state = CopyState::failed;
  // The owner needs another to stand in for it.
  if (!copy->is_own()) find(copy->owner)->is_covered = false;
  return true;
}

void Replication::add_silent(const NodeId& owner) {
  Copy* copy = find(owner);
  if (copy != nullptr && copy->state == CopyState::waiting) copy->state = CopyState::silent;
}

void Replication::cover(const NodeId& owner) { find(owner)->is_covered = true; }

std::vector<NodeId> Replication::uncovered_owners() const {
  std::vector<NodeId> owners;
  for (const Copy& copy : copies_) {
    const bool is_lost = copy.state == CopyState::failed || copy.state == CopyState::silent;
    if (copy.is_own() && is_lost && !copy.is_covered) owners.push_back(copy.node);
  }
  return owners;
}

std::vector<NodeId> Replication::waiting_owners() const {
  std::vector<NodeId> owners;
  for (const Copy& copy : copies_) {
    if (copy.is_own() && copy.state == CopyState::waiting) owners.push_back(copy.node);
  }
  return owners;
}

QuorumState Replication::state() const {
  JointCount count = counted();
  for (const Copy& copy : copies_) {
    if (counts(copy) && copy.is_open()) count.add_open(copy.groups);
  }
  const QuorumState state = count.state();
  const bool may_grow = is_sloppy_ && !is_exhausted_;
  return state == QuorumState::failed && may_grow ? QuorumState::waiting : state;
}

bool Replication::is_settled(const Copy& copy) const {
  if (!copy.is_own() || copy.state == CopyState::held) return true;
  if (!copy.is_covered) return false;
  // Covered by the coordinator, or by a stand-in that must hold it.
  return std::none_of(copies_.begin(), copies_.end(), [&](const Copy& other) {
    return !other.is_own() && other.owner == copy.node && other.is_open();
  });
}

bool Replication::is_settled() const {
  return std::all_of(copies_.begin(), copies_.end(),
                     [this](const Copy& copy) { return is_settled(copy); });
}

std::vector<NodeId> Replication::unsettled_owners() const {
  std::vector<NodeId> owners;
  for (const Copy& copy : copies_) {
    if (!is_settled(copy)) owners.push_back(copy.node);
  }
  return owners;
}

}  // namespace dynakv

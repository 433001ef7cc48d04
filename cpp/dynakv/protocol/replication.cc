#include "dynakv/protocol/replication.h"

#include <algorithm>

#include "dynakv/base/canary.h"
#include "dynakv/base/check.h"

namespace dynakv {

Replication::Replication(int required, bool is_sloppy, const std::vector<NodeId>& owners)
    : required_(required), is_sloppy_(is_sloppy) {
  copies_.reserve(owners.size());
  for (const NodeId& owner : owners) copies_.push_back({owner, owner});
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
  find(owner)->is_covered = true;
  copies_.push_back({node, owner});
}

bool Replication::add_held(const NodeId& node) {
  Copy* copy = find(node);
  if (copy == nullptr) return false;
  if (!copy->is_open() && !canary(Canary::quorum_counts_twice)) return false;
  copy->state = CopyState::held;
  if (copy->is_own()) {
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

int Replication::held_count() const {
  return static_cast<int>(acked_.size() + (is_sloppy_ ? hinted_.size() : 0));
}

QuorumState Replication::state() const {
  const int held = held_count();
  if (held >= required_ - (canary(Canary::quorum_one_too_few) ? 1 : 0)) return QuorumState::met;
  const auto open = std::count_if(copies_.begin(), copies_.end(), [this](const Copy& copy) {
    return counts(copy) && copy.is_open();
  });
  const bool may_grow = is_sloppy_ && !is_exhausted_;
  if (held + static_cast<int>(open) < required_ && !may_grow) return QuorumState::failed;
  return QuorumState::waiting;
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

bool Replication::is_strict() const { return static_cast<int>(acked_.size()) >= required_; }

}  // namespace dynakv

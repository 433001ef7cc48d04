#include "dynakv/domain/quorum.h"

#include <algorithm>

#include "dynakv/base/check.h"
#include "dynakv/domain/canary.h"

namespace dynakv {

Result<int> QuorumSize::resolve(int n) const {
  DYNAKV_CHECK(!is_default());
  if (*this == majority()) return n / 2 + 1;
  if (*this == all()) return n;
  if (number_ >= 1 && number_ <= n) return static_cast<int>(number_);
  return fail(ErrorCode::invalid_argument,
              "a quorum of " + text() + " does not fit N=" + std::to_string(n) + "; use 1 to " +
                  std::to_string(n) + ", \"quorum\" or \"all\"");
}

std::string QuorumSize::text() const {
  if (*this == bucket_default()) return "default";
  if (*this == majority()) return "quorum";
  if (*this == all()) return "all";
  return std::to_string(number_);
}

QuorumTally::QuorumTally(int required, std::vector<NodeId> asked)
    : required_(required), asked_(std::move(asked)), pending_(asked_) {
  DYNAKV_CHECK(required_ >= 1 && static_cast<std::size_t>(required_) <= asked_.size());
  for (auto node = asked_.begin(); node != asked_.end(); ++node) {
    DYNAKV_CHECK(std::find(asked_.begin(), node, *node) == node);
  }
}

void QuorumTally::ask(const NodeId& node) {
  DYNAKV_CHECK(!is_asked(node));
  asked_.push_back(node);
  pending_.push_back(node);
}

bool QuorumTally::take(const NodeId& node) {
  const auto at = std::find(pending_.begin(), pending_.end(), node);
  if (at == pending_.end()) return false;
  pending_.erase(at);
  return true;
}

bool QuorumTally::add_success(const NodeId& node) {
  if (!take(node) && !canary(DomainCanary::quorum_counts_twice)) return false;
  succeeded_.push_back(node);
  return true;
}

bool QuorumTally::add_failure(const NodeId& node) { return take(node); }

QuorumState QuorumTally::state() const {
  if (success_count() >= required_ - (canary(DomainCanary::quorum_one_too_few) ? 1 : 0)) {
    return QuorumState::met;
  }
  if (success_count() + static_cast<int>(pending_.size()) < required_) return QuorumState::failed;
  return QuorumState::waiting;
}

bool QuorumTally::is_asked(const NodeId& node) const {
  return std::find(asked_.begin(), asked_.end(), node) != asked_.end();
}

bool QuorumTally::is_pending(const NodeId& node) const {
  return std::find(pending_.begin(), pending_.end(), node) != pending_.end();
}

bool QuorumTally::all_answered() const { return pending_.empty(); }

}  // namespace dynakv

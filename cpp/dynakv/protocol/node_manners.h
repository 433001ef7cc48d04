// What a client sees of the manners of nodes: which owe it an answer for too long, and how much it
// may still ask twice.
//
// A client hears no gossip. A node from which nothing came since a request was sent to it is silent
// after a while; then others are asked, and it is sent a small question each second, so that its
// return is noticed. Writes that are out at a silent node stay out: to repeat them is not safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "dynakv/base/time.h"
#include "dynakv/base/types.h"

namespace dynakv {

class NodeManners {
 public:
  explicit NodeManners(Duration silent_after) : silent_after_(silent_after) {}

  void note_asked(Instant now, const NodeId& node) {
    unanswered_.try_emplace(node, Asked{now, now});
  }
  void note_heard(const NodeId& node) { unanswered_.erase(node); }
  void forget(const NodeId& node) { unanswered_.erase(node); }

  bool is_silent(Instant now, const NodeId& node) const {
    const auto at = unanswered_.find(node);
    return at != unanswered_.end() && now - at->second.since >= silent_after_;
  }
  /// Silent nodes that were not asked for a second; they count as asked from now on.
  std::vector<NodeId> to_be_probed(Instant now) {
    std::vector<NodeId> nodes;
    for (auto& [node, asked] : unanswered_) {
      if (now - asked.since < silent_after_ || now - asked.probed_at < seconds(1)) continue;
      asked.probed_at = now;
      nodes.push_back(node);
    }
    return nodes;
  }

 private:
  struct Asked {
    /// The first request after the last word of the node.
    Instant since;
    Instant probed_at;
  };
  Duration silent_after_;
  std::map<NodeId, Asked> unanswered_;
};

/// Repeated requests as a share of all: what is overloaded must not be asked ever more
/// (metastability, INVARIANTS §3.8). Full at first, so that one node's loss costs nothing.
class RetryBudget {
 public:
  RetryBudget(int percent, int burst)
      : percent_(percent), cents_(100 * burst), cents_max_(cents_) {}

  void note_request() { cents_ = std::min(cents_ + percent_, cents_max_); }
  bool allows() const { return cents_ >= 100; }
  void note_retry() { cents_ -= std::min(cents_, 100); }

 private:
  int percent_;
  int cents_;
  int cents_max_;
};

}  // namespace dynakv

// What a client notices of how nodes behave: which have owed it an answer for too long, and how
// many requests it may still repeat.
//
// A client hears no gossip. If nothing comes from a node for a while after a request was sent to
// it, the node counts as silent. Then the client asks others, and sends the silent node a small
// question each second to notice its return. Writes that wait for a silent node keep waiting:
// repeating them is not safe.
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
  /// Silent nodes that have not been asked for a second; this call marks them as asked.
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
    /// The first request since the node's last message.
    Instant since;
    Instant probed_at;
  };
  Duration silent_after_;
  std::map<NodeId, Asked> unanswered_;
};

/// Limits repeated requests to a share of all: an overloaded node must not be asked more and more
/// (metastability, INVARIANTS §3.8). It starts full, so that losing one node costs nothing.
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

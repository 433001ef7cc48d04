// Which nodes owe this client an answer for too long.
//
// A client hears no gossip. A node that says nothing for a while after a request was sent to it is
// silent: then others are asked, and the node is sent a small question each second, so that its
// return is noticed. Writes that are out at a silent node stay out: to repeat them is not safe.
#pragma once

#include <map>
#include <vector>

#include "dynakv/base/time.h"
#include "dynakv/base/types.h"

namespace dynakv {

class NodeSilence {
 public:
  explicit NodeSilence(Duration silent_after) : silent_after_(silent_after) {}

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

}  // namespace dynakv

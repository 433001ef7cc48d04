// Which nodes are worth sending a request to: those that this node (or client) is connected to and
// does not suspect. Connections and suspicions change routing, never ownership (I17).
#pragma once

#include <algorithm>
#include <set>
#include <span>
#include <vector>

#include "dynakv/base/types.h"

namespace dynakv {

class Reachability {
 public:
  void set_up(const NodeId& node) {
    const auto at = std::lower_bound(up_.begin(), up_.end(), node);
    if (at == up_.end() || *at != node) up_.insert(at, node);
  }
  void set_down(const NodeId& node) { std::erase(up_, node); }
  bool is_up(const NodeId& node) const { return std::binary_search(up_.begin(), up_.end(), node); }
  /// In their order.
  const std::vector<NodeId>& up() const { return up_; }

  void set_suspect(const NodeId& node, bool is_suspect) {
    if (is_suspect) {
      suspects_.insert(node);
    } else {
      suspects_.erase(node);
    }
  }
  bool is_suspect(const NodeId& node) const { return suspects_.contains(node); }
  const std::set<NodeId>& suspects() const { return suspects_; }

  /// Connected, and not suspected.
  bool is_usable(const NodeId& node) const { return is_up(node) && !is_suspect(node); }
  /// How many of the nodes are usable; `self` always is.
  int usable_count(std::span<const NodeId> nodes, const NodeId& self) const {
    return static_cast<int>(std::count_if(nodes.begin(), nodes.end(), [&](const NodeId& node) {
      return node == self || is_usable(node);
    }));
  }
  /// The first usable one; nil when there is none.
  NodeId first_usable(std::span<const NodeId> nodes) const {
    const auto at = std::find_if(nodes.begin(), nodes.end(),
                                 [this](const NodeId& node) { return is_usable(node); });
    return at == nodes.end() ? NodeId{} : *at;
  }

 private:
  /// Sorted: each round of gossip takes a copy.
  std::vector<NodeId> up_;
  std::set<NodeId> suspects_;
};

}  // namespace dynakv

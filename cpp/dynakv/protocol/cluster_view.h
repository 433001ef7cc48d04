// What one node (or client) knows of the cluster: the layout, the ring made from it, which members
// it is connected to, and which it suspects. Both change routing, never ownership (I17).
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "dynakv/base/hash.h"
#include "dynakv/domain/layout.h"
#include "dynakv/domain/ring.h"

namespace dynakv {

class ClusterView {
 public:
  bool has_layout() const { return layout_.has_value(); }
  const Layout& layout() const { return *layout_; }
  const Ring& ring() const { return *ring_; }
  const Hash128& digest() const { return digest_; }
  LayoutVersion version() const { return layout_ ? layout_->version : LayoutVersion{}; }

  /// `ring`, when given, was built from this very layout: many nodes in one process share it.
  void adopt(Layout layout, std::shared_ptr<const Ring> ring = nullptr) {
    digest_ = digest_of(layout);
    ring_ = ring ? std::move(ring) : std::make_shared<const Ring>(Ring::build(layout));
    layout_ = std::move(layout);
  }

  /// The owners of a key in a bucket with N = n, nearest to the slot first.
  std::vector<NodeId> owners(Slot slot, int n) const { return ring_->preference_list(slot, n); }

  void set_up(const NodeId& node) { up_.insert(node); }
  void set_down(const NodeId& node) { up_.erase(node); }
  bool is_up(const NodeId& node) const { return up_.contains(node); }
  const std::set<NodeId>& up() const { return up_; }

  void set_suspect(const NodeId& node, bool is_suspect) {
    if (is_suspect) {
      suspects_.insert(node);
    } else {
      suspects_.erase(node);
    }
  }
  bool is_suspect(const NodeId& node) const { return suspects_.contains(node); }
  const std::set<NodeId>& suspects() const { return suspects_; }
  /// Connected, and not suspected: worth sending a request to.
  bool is_usable(const NodeId& node) const { return is_up(node) && !is_suspect(node); }

 private:
  std::optional<Layout> layout_;
  std::shared_ptr<const Ring> ring_;
  Hash128 digest_;
  std::set<NodeId> up_;
  std::set<NodeId> suspects_;
};

}  // namespace dynakv

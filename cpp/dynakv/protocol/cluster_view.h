// What one node (or client) knows of the cluster: the layout, the ring made from it, and which
// members can be reached.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dynakv/base/hash.h"
#include "dynakv/base/result.h"
#include "dynakv/domain/layout.h"
#include "dynakv/domain/ring.h"
#include "dynakv/protocol/messages.h"
#include "dynakv/protocol/reachability.h"
#include "dynakv/protocol/route.h"

namespace dynakv {

class ClusterView : public Reachability {
 public:
  bool has_layout() const { return layout_.has_value(); }
  const Layout& layout() const { return *layout_; }
  const Ring& ring() const { return *ring_; }
  const Hash128& digest() const { return digest_; }
  bool has_member(const NodeId& node) const { return layout_ && layout_->find(node) != nullptr; }
  LayoutVersion version() const { return layout_ ? layout_->version : LayoutVersion{}; }

  /// What this node's messages say of its layouts.
  LayoutStamp stamp() const { return {version()}; }
  /// Errors: stale_layout, when the sender of a message knows other layouts than this node.
  Status check(const LayoutStamp& of_sender) const {
    if (of_sender == stamp()) return {};
    return fail(ErrorCode::stale_layout, "the sender's layout is not this node's");
  }

  /// `ring`, when given, was built from this very layout: many nodes in one process share it.
  void adopt(Layout layout, std::shared_ptr<const Ring> ring = nullptr) {
    digest_ = digest_of(layout);
    ring_ = ring ? std::move(ring) : std::make_shared<const Ring>(Ring::build(layout));
    layout_ = std::move(layout);
  }

  /// Where a request for the key goes; `mode` is the request's own wish. REQUIRES: has_layout().
  Route route_to(const KeyRef& key, QuorumMode mode) const;

  /// Owners and fallbacks of a slot in their order (Ring::walk).
  std::vector<NodeId> walk(Slot slot) const {
    return ring_->preference_list(slot, static_cast<int>(kWalkLength));
  }
  /// The owners of a slot in a bucket with N = n, nearest first.
  std::vector<NodeId> owners(Slot slot, int n) const { return ring_->preference_list(slot, n); }

 private:
  std::optional<Layout> layout_;
  std::shared_ptr<const Ring> ring_;
  Hash128 digest_;
};

}  // namespace dynakv

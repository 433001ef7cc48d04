// What one node (or client) knows of the cluster: the layout, the ring made from it, which members
// it is connected to, and which it suspects. Connections and suspicions change routing, never
// ownership (I17).
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "dynakv/base/hash.h"
#include "dynakv/base/result.h"
#include "dynakv/domain/layout.h"
#include "dynakv/domain/ring.h"
#include "dynakv/protocol/explain.h"
#include "dynakv/protocol/messages.h"

namespace dynakv {

class ClusterView {
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

  /// Owners and fallbacks of a slot in their order (Ring::walk).
  std::vector<NodeId> walk(Slot slot) const {
    return ring_->preference_list(slot, static_cast<int>(kWalkLength));
  }
  /// Sloppy or strict, as the request or else its bucket says.
  QuorumMode mode_of(const RequestHead& head) const {
    if (head.mode != QuorumMode::bucket_default) return head.mode;
    return layout_->properties_of(head.bucket).mode;
  }
  /// How many of the nodes are worth sending a request to; `self` always is.
  int usable_count(const std::vector<NodeId>& nodes, const NodeId& self) const {
    return static_cast<int>(std::count_if(nodes.begin(), nodes.end(), [&](const NodeId& node) {
      return node == self || is_usable(node);
    }));
  }
  /// The nearest owner that can be reached, never this node itself; nil when there is none.
  NodeId usable_owner(Slot slot, int n) const {
    for (const NodeId& owner : owners(slot, n)) {
      if (is_usable(owner)) return owner;
    }
    return {};
  }
  /// The same for owners and fallbacks of a slot; `self` coordinates, so it counts as one of them.
  int usable_in_sloppy(Slot slot, const NodeId& self) const {
    const std::vector<NodeId> nodes = walk(slot);
    const bool is_in_walk = std::find(nodes.begin(), nodes.end(), self) != nodes.end();
    return usable_count(nodes, self) + (is_in_walk ? 0 : 1);
  }
  /// Begins the decision record of a request that this node coordinates.
  Explainer explainer(Now now, const NodeId& self, Slot slot, int n, int required,
                      bool is_strict) const {
    const std::vector<NodeId> nodes = walk(slot);
    const auto owner_count = std::min(nodes.size(), static_cast<std::size_t>(n));
    const auto middle = nodes.begin() + static_cast<std::ptrdiff_t>(owner_count);
    Explain record{version(), self, {nodes.begin(), middle}, {middle, nodes.end()}};
    record.required = static_cast<std::uint16_t>(required);
    record.strict = is_strict;
    record.begun_at = now.steady;
    Explainer explainer(std::move(record));
    explainer.note(now.steady, ExplainKind::received, self);
    return explainer;
  }

  /// The record of a request that this node refuses, because too few can be reached.
  ExplainRecord explain_refusal(Now now, const NodeId& self, Slot slot, int n, int required,
                                bool is_strict) const {
    Explainer record = explainer(now, self, slot, n, required, is_strict);
    for (const NodeId& node : is_strict ? owners(slot, n) : walk(slot)) {
      const bool is_lost = node != self && !is_usable(node);
      if (is_lost) record.note(now.steady, ExplainKind::skipped, node);
    }
    record.note(now.steady, ExplainKind::refused, self);
    record.note(now.steady, ExplainKind::replied, self);
    return record.record();
  }

  /// The owners of a key in a bucket with N = n, nearest to the slot first.
  std::vector<NodeId> owners(Slot slot, int n) const { return ring_->preference_list(slot, n); }

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
  /// Connected, and not suspected: worth sending a request to.
  bool is_usable(const NodeId& node) const { return is_up(node) && !is_suspect(node); }

 private:
  std::optional<Layout> layout_;
  std::shared_ptr<const Ring> ring_;
  Hash128 digest_;
  /// Sorted: each round of gossip takes a copy.
  std::vector<NodeId> up_;
  std::set<NodeId> suspects_;
};

}  // namespace dynakv

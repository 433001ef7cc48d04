// What one request needs to know of the layout, found once, when the request comes in. Machines ask
// the route and never the layout. So a layout that changes under a request is one question, to be
// answered where routes are made and kept, and not in each machine (DESIGN §5 rule 4).
//
// Invariant 1: owners and fallbacks are the slot's walk, so no two of them are one node.
#pragma once

#include <algorithm>
#include <vector>

#include "dynakv/domain/bucket.h"
#include "dynakv/domain/joint_quorum.h"
#include "dynakv/domain/key_ref.h"
#include "dynakv/protocol/explain.h"
#include "dynakv/protocol/messages.h"
#include "dynakv/protocol/reachability.h"

namespace dynakv {

struct Route {
  Token token{};
  /// The layouts under which the route was found.
  LayoutStamp layout;
  BucketProperties bucket;
  /// Fallbacks count: the request says so, or else its bucket.
  bool is_sloppy = false;
  /// The nodes whose copies are read, nearest to the slot first.
  std::vector<NodeId> owners;
  /// In the order in which they stand in.
  std::vector<NodeId> fallbacks;

  Slot slot() const { return slot_of(token); }
  bool is_owner(const NodeId& node) const {
    return std::find(owners.begin(), owners.end(), node) != owners.end();
  }
  /// A write needs W nodes of each. While layouts change there is one group for each that counts.
  QuorumGroups write_groups() const { return QuorumGroups(owners); }

  KeyRef key_in(BytesView bucket_name, BytesView key) const { return {bucket_name, key, token}; }
  /// What messages to these nodes about the key begin with.
  Envelope envelope(const KeyRef& key) const { return {Bytes(key.bucket), Bytes(key.key), layout}; }
};

/// What a coordinator is about to wait for.
struct QuorumNeed {
  int required = 0;
  bool is_strict = false;
};

/// How many nodes can be asked: owners, and fallbacks where they count. `self` coordinates, so it
/// counts as well.
int usable_count(const Route& route, const Reachability& peers, const NodeId& self);

/// Begins the decision record of a request that `self` coordinates.
Explainer begin_explain(Now now, const NodeId& self, const Route& route, QuorumNeed need);
/// Ends the record of a request that is refused because too few nodes can be reached. Null when
/// none was begun.
ExplainRecord explain_refusal(Explainer begun, Now now, const Route& route,
                              const Reachability& peers);

}  // namespace dynakv

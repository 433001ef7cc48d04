// Adopts layouts and keeps them: the first one from whoever formed the cluster, later ones from
// other nodes. Serves them to whoever asks.
//
// Invariant 1: a layout is in the store with the step that adopts it. Invariant 2: only a newer
// layout of the same cluster takes the place of one. Invariant 3: no layout is adopted in which
// this node's name belongs to another id, and nobody joins a cluster without being told to.
#pragma once

#include "dynakv/domain/layout.h"
#include "dynakv/domain/membership.h"
#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/machine.h"
#include "dynakv/protocol/node_core_options.h"
#include "dynakv/protocol/store.h"

namespace dynakv {

class LayoutKeeper final : public Machine {
 public:
  struct Needs {
    const NodeCoreOptions& options;
    const Identity& identity;
    Store& store;
    ClusterView& view;
    const Membership& membership;
  };
  explicit LayoutKeeper(const Needs& needs)
      : options_(needs.options),
        identity_(needs.identity),
        store_(needs.store),
        view_(needs.view),
        membership_(needs.membership) {}

  /// Gives a node without a layout its first one. The same layout again changes nothing. Errors:
  /// invalid_argument when the node has another layout, or is not a member of this one.
  Status adopt(const Layout& layout);

  /// Takes in the byte form of another node's layout. True when it was adopted.
  bool learn(BytesView encoded);

  /// The view has another layout than when this was last asked; a start does not count.
  bool take_adopted() { return std::exchange(is_adopted_, false); }

  MachineInputs inputs() const override { return {.requests = {kKindOf<LayoutRequest>}}; }
  /// Takes up the layout of earlier starts.
  Status start(Now now, Outbox& out) override;
  void handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) override;
  void add_to(Counters& counters) const override;

  void handle_message(Now now, const Origin& from, const LayoutRequest& request, Outbox& out);

 private:
  void show(Layout layout);
  void keep(Layout layout);
  /// The layout with the addresses that gossip has: its readers want to connect.
  Layout reachable_layout() const;

  const NodeCoreOptions& options_;
  const Identity& identity_;
  Store& store_;
  ClusterView& view_;
  const Membership& membership_;
  bool is_adopted_ = false;
  std::uint64_t learned_count_ = 0;
};

}  // namespace dynakv

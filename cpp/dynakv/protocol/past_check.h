// Checks after a restart that the directory still holds the node's whole past: actors of earlier
// starts may be used only after every member said how far it has seen this node get (B6, I4).
//
// What the members say is compared by RollbackDetector; this machine waits until all were heard, or
// for no longer than a timeout: then it goes on under new actors, because waiting on for who stays
// away would cost availability for as long.
//
// Invariant 1: before the past is proven, or given up, the node makes no event. Invariant 2: while
// neither is the case a timer is armed.
#pragma once

#include <set>

#include "dynakv/protocol/actor_table.h"
#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/hint_table.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/machine.h"
#include "dynakv/protocol/options.h"

namespace dynakv {

/// What makes events, and so must not go on as if it knew its past.
struct EventSources {
  ActorTable& actors;
  HintTable& hints;
};

/// Gives the past up: nothing that was counted before is counted on under the same actors.
void lose_past(EventSources& sources, Identity& identity);

class PastCheck final : public Machine {
 public:
  PastCheck(Identity& identity, EventSources sources, const ClusterView& view,
            const PastCheckOptions& options)
      : identity_(identity), sources_(sources), view_(view), options_(options) {}

  /// The past is proven when every member of the layout was heard.
  void review();

  MachineInputs inputs() const override { return {.timers = {TimerKind::identity_check}}; }
  Status start(Now now, Outbox& out) override;
  void handle_peer_up(Now now, const Hello& hello, Outbox& out) override;
  void handle_timer(Now now, TimerId timer, Outbox& out) override;

 private:
  Identity& identity_;
  EventSources sources_;
  const ClusterView& view_;
  const PastCheckOptions& options_;
  /// Who said what it knows of this node, until the past is checked.
  std::set<NodeId> members_heard_;
};

}  // namespace dynakv

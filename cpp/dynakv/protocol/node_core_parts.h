// What a NodeCore is made of: the state that machines share, the machines, and the one list in
// which they are registered. Only its own source includes this.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "dynakv/domain/membership.h"
#include "dynakv/protocol/actor_table.h"
#include "dynakv/protocol/admission.h"
#include "dynakv/protocol/cluster_formation.h"
#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/contacts.h"
#include "dynakv/protocol/forwarder.h"
#include "dynakv/protocol/get_coordinator.h"
#include "dynakv/protocol/gossip.h"
#include "dynakv/protocol/hint_table.h"
#include "dynakv/protocol/hinted_handoff.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/layout_keeper.h"
#include "dynakv/protocol/machine.h"
#include "dynakv/protocol/node_core.h"
#include "dynakv/protocol/node_greeter.h"
#include "dynakv/protocol/object_table.h"
#include "dynakv/protocol/past_check.h"
#include "dynakv/protocol/recovery.h"
#include "dynakv/protocol/rejoin.h"
#include "dynakv/protocol/replica.h"
#include "dynakv/protocol/rollback_detector.h"
#include "dynakv/protocol/write_coordinator.h"

namespace dynakv {

struct NodeCore::Parts {
  Parts(NodeCoreOptions node_options, DurableStore& durable_store, Random node_random)
      : options(std::move(node_options)), store(durable_store), random(node_random) {
    for (const auto& machine : machines) route_to(*machine);
  }

  template <typename M, typename... Arguments>
  M& add(Arguments&&... arguments) {
    auto machine = std::make_unique<M>(std::forward<Arguments>(arguments)...);
    M& added = *machine;
    machines.push_back(std::move(machine));
    return added;
  }
  /// Notes which inputs go to the machine. REQUIRES: they go to no other.
  void route_to(Machine& machine);
  /// The machine that a message is for; null when nobody waits for it.
  Machine* machine_for(const Message& message) const;
  /// A client's request: admits it, and gives it to the machine that coordinates or forwards it.
  void handle_request(Now now, const NodeId& from, Message&& message, Outbox& out);
  /// What no machine need ask of another node's message: that its sender may send it (the table of
  /// messages says who may; only the layout knows members, B49), and that both sides know the same
  /// layouts. Errors: auth, stale_layout.
  Status check(const NodeId& from, const Body& body) const;
  /// Brings what one machine has decided to those whom it concerns. Called after each of them.
  void follow(Now now, Outbox& out);
  /// What gossip heard of this very node, from a peer.
  void follow_own_state(const NodeId& from);
  Status take_up_past(const StartEvidence& evidence, Now now);
  KnownPeers known() const { return {options, identity, view, membership, formation}; }
  NodeGreeter greeter() const { return NodeGreeter(known()); }
  std::size_t in_flight() const;
  Counters counters() const;
  StatusReply status(Now now) const;

  // What machines share.
  NodeCoreOptions options;
  DurableStore& store;
  Random random;
  Identity identity{store};
  ActorTable actors{store, random.stream("actors")};
  ObjectTable objects{store, actors, options.protocol.objects};
  HintTable hints{store, random.stream("hint actors"), options.protocol.hints};
  ClusterView view;
  Membership membership;

  // Every machine, one line each, in the order in which they hear what concerns all: first what
  // this node is, then who is there, then what is done with that.
  std::vector<std::unique_ptr<Machine>> machines;
  ClusterFormation& formation = add<ClusterFormation>(options.name, identity, view);
  RollbackDetector& rollbacks = add<RollbackDetector>(identity, EventSources{actors, hints});
  LayoutKeeper& layouts = add<LayoutKeeper>(LayoutKeeper::Needs{
      .options = options,
      .identity = identity,
      .store = store,
      .view = view,
      .membership = membership,
  });
  Gossip& gossip = add<Gossip>(
      Gossip::Needs{
          .options = options,
          .identity = identity,
          .store = store,
          .view = view,
          .membership = membership,
      },
      random.stream("gossip"));
  PastCheck& past =
      add<PastCheck>(identity, EventSources{actors, hints}, view, options.protocol.past_check);
  Rejoin& rejoin = add<Rejoin>(options, identity, view, formation);
  Admission& admission = add<Admission>(identity, view, store, options.protocol.admission);
  GetCoordinator& gets = add<GetCoordinator>(GetCoordinator::Needs{
      .identity = identity,
      .peers = view,
      .objects = objects,
      .hints = hints,
      .options = options.protocol.coordinators,
  });
  WriteCoordinator& writes = add<WriteCoordinator>(WriteCoordinator::Needs{
      .identity = identity,
      .peers = view,
      .objects = objects,
      .actors = actors,
      .hints = hints,
      .options = options.protocol.coordinators,
  });
  Forwarder& forwarder = add<Forwarder>(identity, view);
  Replica& replica = add<Replica>(identity, view, objects, hints);
  HintedHandoff& handoff = add<HintedHandoff>(HintedHandoff::Needs{
      .identity = identity,
      .view = view,
      .hints = hints,
      .objects = objects,
      .options = options.protocol.hints,
  });
  Recovery& recovery = add<Recovery>(Recovery::Needs{
      .identity = identity,
      .view = view,
      .store = store,
      .objects = objects,
      .options = options.protocol.recovery,
  });

  std::map<TimerKind, Machine*> by_timer;
  std::array<Machine*, 256> by_waiter{};
  std::array<Machine*, std::variant_size_v<AnyMessage>> by_request{};
};

}  // namespace dynakv

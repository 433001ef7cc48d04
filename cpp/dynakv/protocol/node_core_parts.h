// What a NodeCore is made of. Only its own sources include this.
#pragma once

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "dynakv/protocol/actor_table.h"
#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/forwarder.h"
#include "dynakv/protocol/get_coordinator.h"
#include "dynakv/protocol/gossip.h"
#include "dynakv/protocol/hint_table.h"
#include "dynakv/protocol/hinted_handoff.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/node_core.h"
#include "dynakv/protocol/object_table.h"
#include "dynakv/protocol/recovery.h"
#include "dynakv/protocol/rejoin.h"
#include "dynakv/protocol/repeat_filter.h"
#include "dynakv/protocol/replica.h"
#include "dynakv/protocol/request_error.h"
#include "dynakv/protocol/write_coordinator.h"

namespace dynakv {

struct NodeCounters {
  std::uint64_t gets = 0;
  std::uint64_t writes = 0;
  std::uint64_t forwarded = 0;
  std::uint64_t refused = 0;
  std::uint64_t replica_gets = 0;
  std::uint64_t replica_puts = 0;
  std::uint64_t hint_puts = 0;
  std::uint64_t rollbacks_found = 0;
  std::uint64_t rejoins = 0;
  std::uint64_t layouts_learned = 0;
};

struct NodeCore::Parts {
  Parts(NodeCoreOptions node_options, DurableStore& durable_store, Random node_random)
      : options(std::move(node_options)),
        store(durable_store),
        random(node_random),
        identity(store),
        actors(store, random.stream("actors")),
        objects(store, actors, options.protocol),
        hints(store, random.stream("hint actors"), options.protocol),
        gets(identity, view, objects, actors, hints, options.protocol),
        writes(identity, view, objects, actors, hints, options.protocol),
        forwarder(identity, view),
        replica(view, objects, actors, hints, identity),
        handoff(identity, view, hints, objects, options.protocol),
        recovery(identity, view, store, objects, actors, options.protocol),
        gossip(options, identity, store, view, random.stream("gossip")) {}

  void adopt(Layout layout) {
    auto ring = options.ring_source ? options.ring_source(layout) : nullptr;
    view.adopt(std::move(layout), std::move(ring));
  }
  void become_ready_if_checked();
  /// Nothing that was counted before may be counted on under the same actors.
  void lose_past();
  /// Others know of steps that this directory has forgotten: of its events, and of data that it
  /// acknowledged.
  void be_rolled_back(Now now, Outbox& out);
  void note_superseded(const NodeId& by);
  bool may_rejoin() const;
  void take_over(Now now, const IdentityClaim& claim, Outbox& out);
  IdentityClaim claim_for(const Hello& hello) const;
  bool admit(Now now, const NodeId& from, RequestId id, RequestHead& head, Outbox& out);
  /// An owner of the key, other than this node, can be reached.
  bool has_other_owner(const RequestHead& head) const;
  bool owns(const RequestHead& head) const;
  /// Owns the key, or stands in because no owner can be reached and the quorum is sloppy.
  bool coordinates(const RequestHead& head) const;
  bool is_member(const NodeId& node) const;
  void handle_get(Now now, const NodeId& from, RequestId id, GetRequest request, Outbox& out);
  void handle_write(Now now, const NodeId& from, RequestId id, WriteRequest request, Outbox& out);
  void handle_replica_request(Now now, const NodeId& from, Message& message, Outbox& out);
  void handle_reply(Now now, const NodeId& from, Message& message, Outbox& out);
  void handle_gossip(Now now, const NodeId& from, const Message& message, Outbox& out);
  void handle_layout_reply(Now now, const Message& message, Outbox& out);
  /// The layout with the addresses that gossip has: its readers want to connect.
  Layout reachable_layout() const;
  StatusReply status(Now now) const;
  void refuse(const NodeId& from, RequestId id, Error error, Outbox& out) {
    ++counters.refused;
    out.send(from, id, dynakv::refused(std::move(error)));
  }

  NodeCoreOptions options;
  DurableStore& store;
  Random random;
  Identity identity;
  ActorTable actors;
  ObjectTable objects;
  ClusterView view;
  HintTable hints;
  GetCoordinator gets;
  WriteCoordinator writes;
  Forwarder forwarder;
  Replica replica;
  HintedHandoff handoff;
  Recovery recovery;
  Rejoin rejoin;
  Gossip gossip;
  RepeatFilter repeats;
  /// The first members while their ids are being learned; none otherwise.
  std::vector<Member> forming;
  BucketProperties forming_defaults;
  std::map<Bytes, BucketProperties> forming_buckets;
  /// Actors of earlier starts may be used only after every member said what it knows of this node.
  bool past_is_proven = false;
  /// Who said so, until the past is checked.
  std::set<NodeId> members_heard;
  std::optional<Error> failure;
  NodeCounters counters;
};

}  // namespace dynakv

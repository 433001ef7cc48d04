// The coordinator of puts and deletes (Dynamo §4.5, §4.6, DESIGN §4 and §6).
//
// It joins the write into its own copy, sends the finished object (never "please coordinate", B10)
// to the other owners, and replies after W durable acknowledgements of distinct nodes. For an owner
// that is down, or silent past the hint timeout, the next fallback keeps a hint; when there is none
// left, the coordinator does. It stays with a write until each owner has it or some node keeps it
// for them. When no owner can be reached at all, a fallback coordinates, and its own copy is a
// hint. A write with a precondition first reads a quorum. Messages per put at N=3: 2 objects and 2
// replies of 40 bytes.
//
// Invariant 1: each request gets exactly one reply, at its deadline at the latest. Invariant 2: a
// write makes at most one dot (B10, B11). Invariant 3: an error says "not applied" only when
// nothing was stored or sent (I13, B35). Invariant 4: the reply's context holds only what the
// request had seen, and its own dot (DESIGN §4).
#pragma once

#include <map>
#include <optional>

#include "dynakv/protocol/actor_table.h"
#include "dynakv/protocol/deadlines.h"
#include "dynakv/protocol/hint_table.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/machine.h"
#include "dynakv/protocol/object_table.h"
#include "dynakv/protocol/options.h"
#include "dynakv/protocol/reachability.h"
#include "dynakv/protocol/read_phase.h"
#include "dynakv/protocol/replication.h"
#include "dynakv/protocol/route.h"
#include "dynakv/protocol/write_event.h"

namespace dynakv {

class WriteCoordinator final : public Machine {
 public:
  struct Needs {
    Identity& identity;
    const Reachability& peers;
    ObjectTable& objects;
    ActorTable& actors;
    HintTable& hints;
    const CoordinatorOptions& options;
  };
  explicit WriteCoordinator(const Needs& needs)
      : identity_(needs.identity),
        peers_(needs.peers),
        objects_(needs.objects),
        actors_(needs.actors),
        hints_(needs.hints),
        options_(needs.options) {}

  MachineInputs inputs() const override;
  /// REQUIRES: the request is valid, and this node is an owner of the key, or the quorum is sloppy
  /// and no owner can be reached.
  void handle_request(Now now, RoutedRequest&& request, Outbox& out) override;
  void handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) override;
  void handle_peer_down(Now now, const NodeId& peer, Outbox& out) override;
  void handle_timer(Now now, TimerId timer, Outbox& out) override;
  std::size_t in_flight() const override { return in_flight_.size() - replied_count_; }
  void add_to(Counters& counters) const override;

  void handle_message(Now now, const Origin& from, ReplicaGetReply reply, Outbox& out);
  void handle_message(Now now, const Origin& from, const ReplicaPutReply& reply, Outbox& out);
  void handle_message(Now now, const Origin& from, const ReplicaError& error, Outbox& out);

 private:
  struct Flight {
    Origin client;
    WriteRequest request;
    Route route;
    Instant deadline;
    /// When the flight is checked next: at the hint timeout, then at the deadline.
    Instant wake_at;
    int w = 0;
    /// This node is one of the owners.
    bool is_owner = false;
    bool is_replied = false;
    /// While the precondition's quorum read goes on; nothing is stored yet.
    std::optional<ReadPhase> reading;
    Replication copies;
    /// How many of the route's fallbacks have been tried.
    std::size_t fallbacks_used = 0;
    std::vector<NodeError> node_errors;
    ActorId actor{};
    /// The object that a fallback wrote. Its own hint may come home, and be forgotten here, before
    /// it asks another node to stand in.
    Object written;
    WriteReply reply;
    Explainer explain;

    KeyRef key_ref() const { return route.key_in(request.head.bucket, request.head.key); }
    /// What messages about the key begin with.
    Envelope envelope() const { return route.envelope(key_ref()); }
    ObjectKind kind() const { return route.bucket.kind; }
  };
  using Flights = std::map<RequestId, Flight>;

  void begin_reading(Now now, Flights::iterator flight, int r, Outbox& out);
  /// Goes from reading to storing when the read is decided; ends the flight when it cannot.
  void continue_after_read(Now now, Flights::iterator flight, Outbox& out);
  /// What the write has seen, or why its condition does not hold.
  Result<Context> check_precondition(const Flight& flight) const;
  /// Joins the write into this node's copy and sends it on.
  void store(Now now, Flights::iterator flight, const Context& seen, Outbox& out);
  /// The local half of store(): the new object in its byte form. Errors: nothing was stored.
  Result<Bytes> apply_as_owner(Now now, Flight& flight, const Context& seen);
  Result<Bytes> apply_as_fallback(Now now, Flight& flight, const Context& seen);
  /// Finds a node to keep a hint for each owner that failed or is silent.
  void stand_in(Now now, Flights::iterator flight, Outbox& out);
  bool send_hint(Now now, Flights::iterator flight, const NodeId& owner, Outbox& out);
  NodeId next_fallback(Flight& flight) const;
  /// This node keeps the hint itself.
  void keep_hint(Now now, Flight& flight, const NodeId& owner);
  /// The hint that a stand-in is to keep, or is asked to keep in place of another node.
  Result<Bytes> current_object(const Flight& flight);
  Result<Object> known_as_fallback(const Flight& flight);
  void advance(Now now, Flights::iterator flight, Outbox& out);
  /// Replies; the flight goes on until its copies are settled.
  void reply(Now now, Flight& flight, Body body, Outbox& out);
  void reply_failure(Now now, Flight& flight, bool timed_out, Outbox& out);
  /// Keeps hints for all owners that do not have the write yet, and forgets it.
  void settle_here(Now now, Flights::iterator flight);
  void settle_oldest_replied(Now now);
  void forget(Flights::iterator flight);

  Identity& identity_;
  const Reachability& peers_;
  ObjectTable& objects_;
  ActorTable& actors_;
  HintTable& hints_;
  const CoordinatorOptions& options_;
  EventMaker events_{options_};
  RequestIds ids_{Waiter::write_coordinator};
  Flights in_flight_;
  Deadlines deadlines_{TimerKind::write_deadline};
  std::size_t replied_count_ = 0;
  /// Owners for which a write was left to a hint.
  std::uint64_t hinted_count_ = 0;
};

}  // namespace dynakv

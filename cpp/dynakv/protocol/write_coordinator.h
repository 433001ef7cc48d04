// The coordinator of puts and deletes (Dynamo §4.5, DESIGN §4 and §6).
//
// It joins the write into its own copy, sends the finished object (never "please coordinate", B10)
// to the other owners, and replies after W durable acknowledgements of distinct nodes. A write with
// a precondition first reads a quorum. Messages per put at N=3: 2 objects and 2 replies of 40
// bytes.
//
// Invariant 1: each request gets exactly one reply, at its deadline at the latest. Invariant 2: a
// write makes at most one dot (B10, B11). Invariant 3: an error says "not applied" only when
// nothing was stored or sent (I13, B35). Invariant 4: the reply's context holds nothing that the
// request had not seen but its own dot (DESIGN §4).
#pragma once

#include <map>
#include <optional>

#include "dynakv/domain/hybrid_clock.h"
#include "dynakv/protocol/actor_table.h"
#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/deadlines.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/object_table.h"
#include "dynakv/protocol/options.h"
#include "dynakv/protocol/outbox.h"
#include "dynakv/protocol/read_phase.h"
#include "dynakv/protocol/request_id.h"

namespace dynakv {

class WriteCoordinator {
 public:
  WriteCoordinator(const Identity& identity, const ClusterView& view, ObjectTable& objects,
                   ActorTable& actors, const ProtocolOptions& options)
      : identity_(identity), view_(view), objects_(objects), actors_(actors), options_(options) {}

  /// REQUIRES: this node is an owner of the key; the request is valid.
  void handle_request(Now now, const NodeId& from, RequestId id, WriteRequest request, Outbox& out);

  void handle_message(Now now, const NodeId& from, RequestId id, ReplicaGetReply reply,
                      Outbox& out);
  void handle_message(Now now, const NodeId& from, RequestId id, const ReplicaPutReply& reply,
                      Outbox& out);
  void handle_message(Now now, const NodeId& from, RequestId id, const ReplicaError& error,
                      Outbox& out);
  void handle_peer_down(Now now, const NodeId& peer, Outbox& out);
  void handle_timer(Now now, Outbox& out);

  std::size_t in_flight() const { return in_flight_.size(); }

 private:
  struct Flight {
    NodeId client;
    RequestId client_request{};
    WriteRequest request;
    Instant deadline;
    int w = 0;
    std::vector<NodeId> owners;
    /// While the precondition's quorum read goes on; nothing is stored yet.
    std::optional<ReadPhase> reading;
    QuorumTally tally;
    std::vector<NodeError> node_errors;
    Slot slot{};
    ActorId actor{};
    WriteReply reply;
  };
  using Flights = std::map<RequestId, Flight>;

  void begin_reading(RequestId id, Flight& flight, int r, Outbox& out);
  /// Goes from reading to storing when the read is decided; ends the flight when it cannot.
  void continue_after_read(Now now, Flights::iterator flight, Outbox& out);
  /// What the write has seen, or why its condition does not hold.
  Result<Context> check_precondition(const Flight& flight) const;
  /// Joins the write into this node's copy and sends it on.
  void store(Now now, Flights::iterator flight, const Context& seen, Outbox& out);
  /// The local half of store(): the new object in its byte form. Errors: nothing was stored.
  Result<Bytes> apply(Now now, Flight& flight, const Context& seen);
  Result<std::optional<Dot>> add_event(Now now, const Flight& flight, const Context& seen,
                                       Object& object);
  /// The value and the siblings that stay beside it would pass object_bytes_max.
  bool too_large_together(const WriteRequest& request, const Context& seen,
                          const Object& object) const;
  void finish_if_decided(Flights::iterator flight, Outbox& out);
  void end(Flights::iterator flight, Body reply, Outbox& out);

  const Identity& identity_;
  const ClusterView& view_;
  ObjectTable& objects_;
  ActorTable& actors_;
  const ProtocolOptions& options_;
  HybridClock clock_;
  RequestIds ids_{Waiter::write_coordinator};
  Flights in_flight_;
  Deadlines deadlines_{TimerKind::write_deadline};
};

}  // namespace dynakv

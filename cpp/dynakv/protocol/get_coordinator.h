// The coordinator of gets: asks every owner, replies after R (Dynamo §4.5, DESIGN §6).
//
// This node is an owner itself: its own copy is the full object, the others send digests.
// Messages per get at N=3: 2 requests and 2 replies of about 60 bytes, plus one full object for
// each owner that differs.
//
// Invariant 1: each request gets exactly one reply, at its deadline at the latest.
// Invariant 2: an error of an owner is never taken for "not found" (I20).
#pragma once

#include <map>

#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/deadlines.h"
#include "dynakv/protocol/object_table.h"
#include "dynakv/protocol/outbox.h"
#include "dynakv/protocol/read_phase.h"
#include "dynakv/protocol/request_id.h"

namespace dynakv {

class GetCoordinator {
 public:
  GetCoordinator(const NodeId& self, const ClusterView& view, ObjectTable& objects)
      : self_(self), view_(view), objects_(objects) {}

  /// REQUIRES: this node is an owner of the key; the request is valid.
  void handle_request(Now now, const NodeId& from, RequestId id, const GetRequest& request,
                      Outbox& out);

  void handle_message(Now now, const NodeId& from, RequestId id, ReplicaGetReply reply,
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
    Bytes bucket;
    Bytes key;
    Instant deadline;
    ReadPhase phase;
  };
  using Flights = std::map<RequestId, Flight>;

  /// Replies and forgets the flight when its quorum is met or out of reach.
  void finish_if_decided(Now now, Flights::iterator flight, Outbox& out);
  void finish(Now now, Flights::iterator flight, bool timed_out, Outbox& out);

  const NodeId& self_;
  const ClusterView& view_;
  ObjectTable& objects_;
  RequestIds ids_{Waiter::get_coordinator};
  Flights in_flight_;
  Deadlines deadlines_{TimerKind::get_deadline};
};

}  // namespace dynakv

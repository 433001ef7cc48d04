// Passes a request for a key that this node does not own on to an owner, once, and passes the reply
// back (DESIGN §6). The owner coordinates; this node adds nothing.
//
// Invariant 1: each request gets exactly one reply, at its deadline at the latest. Invariant 2: a
// request that was forwarded is never forwarded again (B10), nor sent to a second owner after the
// first may have applied it (B11).
#pragma once

#include <map>

#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/deadlines.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/outbox.h"
#include "dynakv/protocol/request_id.h"

namespace dynakv {

class Forwarder {
 public:
  Forwarder(const Identity& identity, const ClusterView& view) : identity_(identity), view_(view) {}

  void handle_request(Now now, const NodeId& from, RequestId id, GetRequest request, Outbox& out);
  void handle_request(Now now, const NodeId& from, RequestId id, WriteRequest request, Outbox& out);

  /// A reply from the owner: GetReply, WriteReply or ErrorReply.
  void handle_reply(const NodeId& from, RequestId id, Body reply, Outbox& out);
  void handle_peer_down(const NodeId& peer, Outbox& out);
  void handle_timer(Now now, Outbox& out);

  std::size_t in_flight() const { return in_flight_.size(); }

 private:
  struct Flight {
    NodeId client;
    RequestId client_request{};
    NodeId owner;
    Instant deadline;
    bool is_write = false;
  };

  /// The owner, or in a sloppy quorum the fallback, to send to; nil when none can be reached.
  NodeId choose_owner(const RequestHead& head) const;
  template <typename Request>
  void forward(Now now, const NodeId& from, RequestId id, Request request, bool is_write,
               Outbox& out);
  void fail_flight(std::map<RequestId, Flight>::iterator flight, ErrorCode code, const char* reason,
                   Outbox& out);

  const Identity& identity_;
  const ClusterView& view_;
  RequestIds ids_{Waiter::forwarder};
  std::map<RequestId, Flight> in_flight_;
  Deadlines deadlines_{TimerKind::forward_deadline};
};

}  // namespace dynakv

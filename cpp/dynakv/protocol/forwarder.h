// Passes a request for a key that this node does not own on to an owner, once, and passes the reply
// back (DESIGN §6). The owner coordinates; this node adds nothing.
//
// Invariant 1: each request gets exactly one reply, at its deadline at the latest. Invariant 2: a
// request that was forwarded is never forwarded again (B10), nor sent to a second owner after the
// first may have applied it (B11).
#pragma once

#include <map>

#include "dynakv/protocol/deadlines.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/machine.h"
#include "dynakv/protocol/reachability.h"

namespace dynakv {

class Forwarder final : public Machine {
 public:
  Forwarder(const Identity& identity, const Reachability& peers)
      : identity_(identity), peers_(peers) {}

  MachineInputs inputs() const override;
  void handle_request(Now now, RoutedRequest&& request, Outbox& out) override;
  void handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) override;
  void handle_peer_down(Now now, const NodeId& peer, Outbox& out) override;
  void handle_timer(Now now, TimerId timer, Outbox& out) override;
  std::size_t in_flight() const override { return in_flight_.size(); }

  /// Replies of the owner.
  void handle_message(Now now, const Origin& from, GetReply reply, Outbox& out);
  void handle_message(Now now, const Origin& from, WriteReply reply, Outbox& out);
  void handle_message(Now now, const Origin& from, ErrorReply reply, Outbox& out);

 private:
  struct Flight {
    Origin client;
    NodeId owner;
    Instant deadline;
    bool is_write = false;
  };

  /// The owner, or in a sloppy quorum the fallback, to send to; nil when none can be reached.
  NodeId choose_owner(const Route& route) const;
  void pass_back(const Origin& from, Body reply, Outbox& out);
  void fail_flight(std::map<RequestId, Flight>::iterator flight, ErrorCode code, const char* reason,
                   Outbox& out);

  const Identity& identity_;
  const Reachability& peers_;
  RequestIds ids_{Waiter::forwarder};
  std::map<RequestId, Flight> in_flight_;
  Deadlines deadlines_{TimerKind::forward_deadline};
};

}  // namespace dynakv

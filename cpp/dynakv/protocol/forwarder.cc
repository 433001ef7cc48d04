#include "dynakv/protocol/forwarder.h"

#include <string>
#include <utility>

#include "dynakv/protocol/request_error.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {

MachineInputs Forwarder::inputs() const {
  return {.timers = {TimerKind::forward_deadline}, .waiter = Waiter::forwarder};
}

void Forwarder::handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) {
  dispatch(*this, now, {from, message}, out);
}

NodeId Forwarder::choose_owner(const Route& route) const {
  const NodeId owner = peers_.first_usable(route.owners);
  if (!owner.is_nil() || !route.is_sloppy) return owner;
  // In a sloppy quorum a fallback may coordinate where no owner can be reached.
  return peers_.first_usable(route.fallbacks);
}

void Forwarder::handle_request(Now now, RoutedRequest&& request, Outbox& out) {
  Message& message = request.message;
  const NodeId owner = choose_owner(request.route);
  sometimes(Sometimes::request_forwarded);
  sometimes(Sometimes::forward_found_no_owner, owner.is_nil());
  if (owner.is_nil()) {
    return out.answer(request.origin(),
                      refused(ErrorCode::quorum_unavailable,
                              "this node owns no copy of the key and can reach no owner; "
                              "nothing was applied; try another node"));
  }
  auto* write = std::get_if<WriteRequest>(&message.body);
  RequestHead& head = write ? write->head : std::get<GetRequest>(message.body).head;
  head.forwarded = true;
  const Flight flight{request.origin(), owner, now.steady + head.time_left, write != nullptr};
  const RequestId flight_id = ids_.next(identity_.progress());
  in_flight_.emplace(flight_id, flight);
  deadlines_.add(flight.deadline, flight_id, out);
  out.send(owner, flight_id, std::move(message.body));
}

void Forwarder::pass_back(const Origin& from, Body reply, Outbox& out) {
  const auto at = in_flight_.find(from.request);
  if (at == in_flight_.end() || at->second.owner != from.node) return;
  out.answer(at->second.client, std::move(reply));
  deadlines_.remove(at->second.deadline, from.request);
  in_flight_.erase(at);
}

void Forwarder::handle_message(Now, const Origin& from, GetReply reply, Outbox& out) {
  pass_back(from, std::move(reply), out);
}

void Forwarder::handle_message(Now, const Origin& from, WriteReply reply, Outbox& out) {
  pass_back(from, std::move(reply), out);
}

void Forwarder::handle_message(Now, const Origin& from, ErrorReply reply, Outbox& out) {
  pass_back(from, std::move(reply), out);
}

void Forwarder::handle_peer_down(Now, const NodeId& peer, Outbox& out) {
  for (auto at = in_flight_.begin(); at != in_flight_.end();) {
    const auto current = at++;
    if (current->second.owner != peer) continue;
    sometimes(Sometimes::forward_lost_owner);
    fail_flight(current, ErrorCode::quorum_timeout, "the connection to the owner was lost", out);
  }
}

void Forwarder::handle_timer(Now now, TimerId, Outbox& out) {
  for (const RequestId id : deadlines_.take_expired(now.steady, out)) {
    const auto at = in_flight_.find(id);
    if (at != in_flight_.end()) {
      sometimes(Sometimes::forward_timed_out);
      fail_flight(at, ErrorCode::quorum_timeout, "the owner did not answer in time", out);
    }
  }
}

void Forwarder::fail_flight(std::map<RequestId, Flight>::iterator flight, ErrorCode code,
                            const char* reason, Outbox& out) {
  const Flight& lost = flight->second;
  ErrorReply reply = refused(
      code, std::string(reason) + (lost.is_write ? "; the write may have been applied" : ""));
  reply.in_doubt = lost.is_write;
  reply.node_errors.push_back({lost.owner, ErrorCode::no_nodes_available});
  out.answer(lost.client, std::move(reply));
  deadlines_.remove(lost.deadline, flight->first);
  in_flight_.erase(flight);
}

}  // namespace dynakv

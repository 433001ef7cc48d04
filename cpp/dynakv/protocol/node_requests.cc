// How a NodeCore routes messages to its machines.
#include <algorithm>
#include <utility>

#include "dynakv/base/canary.h"
#include "dynakv/base/sometimes.h"
#include "dynakv/protocol/admission.h"
#include "dynakv/protocol/node_core_parts.h"

namespace dynakv {

void NodeCore::handle_message(Now now, const NodeId& from, Message message, Outbox& out) {
  Parts& p = *parts_;
  if (p.failure) return;
  p.gossip.note_heard(now, from);
  Body& body = message.body;
  const bool is_data_request =
      std::holds_alternative<GetRequest>(body) || std::holds_alternative<WriteRequest>(body);
  if (is_data_request && p.repeats.is_repeated(from, message.id) &&
      !canary(Canary::repeats_executed)) {
    return sometimes(Sometimes::repeated_request_dropped);
  }
  if (auto* get = std::get_if<GetRequest>(&body)) {
    return p.handle_get(now, from, message.id, std::move(*get), out);
  }
  if (auto* write = std::get_if<WriteRequest>(&body)) {
    return p.handle_write(now, from, message.id, std::move(*write), out);
  }
  if (std::holds_alternative<LayoutRequest>(body)) {
    LayoutReply reply;
    if (p.view.has_layout()) reply.layout = encode_layout(p.reachable_layout());
    return out.send(from, message.id, std::move(reply));
  }
  if (std::holds_alternative<StatusRequest>(body)) {
    StatusReply status = p.status(now);
    for (const auto& [name, value] : counters()) status.counters.emplace_back(name, value);
    return out.send(from, message.id, std::move(status));
  }
  if (std::holds_alternative<ReplicaGet>(body) || std::holds_alternative<ReplicaPut>(body) ||
      std::holds_alternative<HintPut>(body) || std::holds_alternative<HintGet>(body) ||
      std::holds_alternative<RecoveryRequest>(body)) {
    p.handle_replica_request(now, from, message, out);
    return p.handoff.arm(now, out);
  }
  if (is_gossip(body)) return p.handle_gossip(now, from, message, out);
  p.handle_reply(now, from, message, out);
  p.handoff.arm(now, out);
}

void NodeCore::Parts::handle_replica_request(Now now, const NodeId& from, Message& message,
                                             Outbox& out) {
  if (!is_member(from)) {
    return out.send(from, message.id,
                    ReplicaError{Error{ErrorCode::auth, "only members may send replica requests"}});
  }
  if (const auto* get = std::get_if<ReplicaGet>(&message.body)) {
    ++counters.replica_gets;
    replica.handle_message(now, from, message.id, *get, out);
  } else if (const auto* put = std::get_if<ReplicaPut>(&message.body)) {
    ++counters.replica_puts;
    replica.handle_message(now, from, message.id, *put, out);
  } else if (const auto* hint = std::get_if<HintPut>(&message.body)) {
    ++counters.hint_puts;
    replica.handle_message(now, from, message.id, *hint, out);
  } else if (const auto* wanted = std::get_if<HintGet>(&message.body)) {
    replica.handle_message(now, from, message.id, *wanted, out);
  } else if (const auto* lost = std::get_if<RecoveryRequest>(&message.body)) {
    recovery.handle_message(now, from, message.id, *lost, out);
  }
}

void NodeCore::Parts::handle_reply(Now now, const NodeId& from, Message& message, Outbox& out) {
  Body& body = message.body;
  const auto deliver_to = [&](auto& machine, auto&& reply) {
    machine.handle_message(now, from, message.id, std::forward<decltype(reply)>(reply), out);
  };
  const Waiter waiter = RequestIds::waiter_of(message.id);
  if (auto* got = std::get_if<ReplicaGetReply>(&body)) {
    if (waiter == Waiter::write_coordinator) deliver_to(writes, std::move(*got));
    if (waiter == Waiter::get_coordinator) deliver_to(gets, std::move(*got));
  } else if (const auto* put = std::get_if<ReplicaPutReply>(&body)) {
    // A hint that came home is erased with this step, and so is the word of it kept with it.
    if (waiter == Waiter::hinted_handoff) {
      identity.peers().note(from, put->progress);
    } else {
      identity.peers().hear(from, put->progress);
    }
    if (waiter == Waiter::write_coordinator) deliver_to(writes, *put);
    if (waiter == Waiter::get_coordinator) deliver_to(gets, *put);
    if (waiter == Waiter::hinted_handoff) deliver_to(handoff, *put);
  } else if (const auto* error = std::get_if<ReplicaError>(&body)) {
    if (waiter == Waiter::write_coordinator) deliver_to(writes, *error);
    if (waiter == Waiter::get_coordinator) deliver_to(gets, *error);
    if (waiter == Waiter::hinted_handoff) deliver_to(handoff, *error);
    if (waiter == Waiter::recovery) deliver_to(recovery, *error);
  } else if (const auto* page = std::get_if<RecoveryPage>(&body)) {
    if (waiter == Waiter::recovery) deliver_to(recovery, *page);
  } else if (std::holds_alternative<GetReply>(body) || std::holds_alternative<WriteReply>(body) ||
             std::holds_alternative<ErrorReply>(body)) {
    forwarder.handle_reply(from, message.id, std::move(body), out);
  } else if (std::holds_alternative<LayoutReply>(body)) {
    handle_layout_reply(now, message, out);
  }
  // Anything else is a reply that nobody waits for; it carries nothing to act on.
}

bool NodeCore::Parts::admit(Now now, const NodeId& from, RequestId id, RequestHead& head,
                            Outbox& out) {
  (void)now;
  if (!view.has_layout()) {
    refuse(from, id, {ErrorCode::not_ready, "this node has no layout yet; try another node"}, out);
  } else if (head.layout != view.version()) {
    refuse(from, id, {ErrorCode::stale_layout, "the request's layout is not this node's"}, out);
  } else if (store.condition() == StoreCondition::failed) {
    refuse(from, id, {ErrorCode::storage, "this node's storage failed; it serves no more"}, out);
  } else if (head.time_left <= Duration{}) {
    refuse(from, id, {ErrorCode::timeout, "the deadline had passed on arrival"}, out);
  } else if (gets.in_flight() + writes.in_flight() + forwarder.in_flight() >=
             options.protocol.in_flight_max) {
    sometimes(Sometimes::overload_refused);
    refuse(from, id,
           {ErrorCode::overloaded, "this node has too many requests in flight; slow down"}, out);
  } else {
    head.time_left = std::min(head.time_left, options.protocol.request_timeout_max);
    if (!head.forwarded || coordinates(head)) return true;
    refuse(from, id, {ErrorCode::stale_layout, "forwarded to a node that does not own the key"},
           out);
  }
  return false;
}

bool NodeCore::Parts::owns(const RequestHead& head) const {
  const int n = view.layout().properties_of(head.bucket).n;
  return view.ring().owns(identity.id(), slot_of(token_of_key(head.key)), n);
}

bool NodeCore::Parts::coordinates(const RequestHead& head) const {
  if (owns(head)) return true;
  if (view.mode_of(head) == QuorumMode::strict || !is_member(identity.id())) return false;
  const int n = view.layout().properties_of(head.bucket).n;
  return view.usable_owner(slot_of(token_of_key(head.key)), n).is_nil();
}

bool NodeCore::Parts::has_other_owner(const RequestHead& head) const {
  const int n = view.layout().properties_of(head.bucket).n;
  return !view.usable_owner(slot_of(token_of_key(head.key)), n).is_nil();
}

bool NodeCore::Parts::is_member(const NodeId& node) const {
  return view.has_layout() && view.layout().find(node) != nullptr;
}

void NodeCore::Parts::handle_get(Now now, const NodeId& from, RequestId id, GetRequest request,
                                 Outbox& out) {
  if (const Status valid = validate_head(request.head); !valid) {
    return refuse(from, id, valid.error(), out);
  }
  if (!admit(now, from, id, request.head, out)) return;
  if (coordinates(request.head)) {
    ++counters.gets;
    return gets.handle_request(now, from, id, request, out);
  }
  ++counters.forwarded;
  forwarder.handle_request(now, from, id, std::move(request), out);
}

void NodeCore::Parts::handle_write(Now now, const NodeId& from, RequestId id, WriteRequest request,
                                   Outbox& out) {
  if (const Status valid = validate_write(request, options.protocol); !valid) {
    return refuse(from, id, valid.error(), out);
  }
  if (!admit(now, from, id, request.head, out)) return;
  // A node that still checks its past may make no event yet, but knows who may.
  const bool passes_on =
      !past_is_proven && !request.head.forwarded && has_other_owner(request.head);
  sometimes(Sometimes::write_passed_on_early, passes_on && coordinates(request.head));
  if (passes_on || !coordinates(request.head)) {
    ++counters.forwarded;
    return forwarder.handle_request(now, from, id, std::move(request), out);
  }
  if (!past_is_proven) {
    sometimes(Sometimes::not_ready_refused);
    return refuse(from, id,
                  {ErrorCode::not_ready,
                   "this node was just restarted and still checks its past; try another owner"},
                  out);
  }
  ++counters.writes;
  writes.handle_request(now, from, id, std::move(request), out);
  handoff.arm(now, out);
}

}  // namespace dynakv

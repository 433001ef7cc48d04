#include "dynakv/protocol/client_session.h"

#include <algorithm>
#include <utility>

#include "dynakv/base/sometimes.h"
#include "dynakv/protocol/client_session_parts.h"
#include "dynakv/protocol/request_error.h"

namespace dynakv {

ClientSession::ClientSession(ClientOptions options, Random random)
    : parts_(std::make_unique<Parts>(options, random)) {}

ClientSession::~ClientSession() = default;

const NodeId& ClientSession::id() const { return parts_->id; }

Hello ClientSession::hello() const {
  Hello hello;
  hello.role = Role::client;
  hello.sender = parts_->id;
  if (parts_->view.has_layout()) hello.cluster = parts_->view.layout().cluster;
  return hello;
}

const Layout* ClientSession::layout() const {
  return parts_->view.has_layout() ? &parts_->view.layout() : nullptr;
}

void ClientSession::set_layout(Now now, Layout layout, Outbox& out,
                               std::shared_ptr<const Ring> ring) {
  Parts& p = *parts_;
  p.view.adopt(std::move(layout), std::move(ring));
  const Member* preferred = p.view.layout().find_by_name(p.options.prefer);
  p.preferred = preferred != nullptr ? preferred->id : NodeId{};
  for (auto& [id, flight] : p.flights) {
    if (!flight.waits_for_layout) continue;
    flight.waits_for_layout = false;
    if (!flight.retry_at) p.wait_and_retry(now, flight, Duration{}, out);
  }
}

void ClientSession::start(Now now, OperationId id, GetOperation operation, Outbox& out) {
  const OperationOptions options = operation.options;
  ClientFlight flight;
  flight.operation = id;
  flight.scope = context_scope(operation.bucket, operation.key);
  flight.what = std::move(operation);
  parts_->begin(now, std::move(flight), options, out);
}

void ClientSession::start(Now now, OperationId id, WriteOperation operation, Outbox& out) {
  const OperationOptions options = operation.options;
  ClientFlight flight;
  flight.operation = id;
  flight.scope = context_scope(operation.bucket, operation.key);
  flight.write_id = parts_->random.next();
  if (!operation.has_context) {
    operation.context_scope = flight.scope;
    const Context* seen = parts_->memory.find(options.flow, flight.scope);
    if (seen != nullptr && operation.precondition == Precondition::none) {
      operation.context = *seen;
    } else if (operation.kind == WriteKind::remove) {
      operation.precondition = Precondition::overwrite;
    }
  }
  flight.what = std::move(operation);
  parts_->begin(now, std::move(flight), options, out);
}

void ClientSession::start(Now now, OperationId id, StatusOperation operation, Outbox& out) {
  const OperationOptions options = operation.options;
  ClientFlight flight;
  flight.operation = id;
  flight.what = std::move(operation);
  parts_->begin(now, std::move(flight), options, out);
}

void ClientSession::cancel(OperationId id, Outbox&) {
  Parts& p = *parts_;
  const auto at = p.flights.find(id);
  if (at == p.flights.end()) return;
  Outbox ignored;
  p.finish(at->second, StatusReply{}, ignored);
}

void ClientSession::forget_flow(FlowId flow) { parts_->memory.forget(flow); }

void ClientSession::close(Now, Outbox& out) {
  Parts& p = *parts_;
  while (!p.flights.empty()) {
    ClientFlight& flight = p.flights.begin()->second;
    ErrorReply error = refused(ErrorCode::closed, "the client was closed");
    error.in_doubt = std::holds_alternative<WriteOperation>(flight.what) &&
                     (flight.maybe_applied || !flight.target.is_nil());
    p.finish(flight, std::move(error), out);
  }
}

void ClientSession::handle_peer_up(Now now, const NodeId& node, Outbox& out) {
  Parts& p = *parts_;
  p.view.set_up(node);
  // Operations that had found no connected node go on at once.
  for (auto& [id, flight] : p.flights) {
    if (flight.attempts > 0 || !flight.retry_at) continue;
    p.retries.remove(*std::exchange(flight.retry_at, std::nullopt), as_request(id));
    p.attempt(now, flight, out);
  }
}

void ClientSession::handle_peer_down(Now now, const NodeId& node, Outbox& out) {
  Parts& p = *parts_;
  p.view.set_down(node);
  p.manners.forget(node);
  for (auto at = p.flights.begin(); at != p.flights.end();) {
    ClientFlight& flight = (at++)->second;
    if (flight.target == node) p.handle_lost_target(now, flight, out);
  }
}

void ClientSession::handle_message(Now now, const NodeId& from, Message message, Outbox& out) {
  Parts& p = *parts_;
  p.manners.note_heard(from);
  ClientFlight* flight = p.flight_of(message.id);
  sometimes(Sometimes::reply_after_deadline, flight == nullptr);
  if (flight == nullptr || flight->target != from) return;
  sometimes(Sometimes::reply_at_deadlines_edge,
            flight->deadline < now.steady + p.options.timeout / 10);
  Body& body = message.body;
  if (auto* got = std::get_if<GetReply>(&body);
      got != nullptr && std::holds_alternative<GetOperation>(flight->what)) {
    p.handle_get_reply(now, *flight, std::move(*got), out);
  } else if (auto* written = std::get_if<WriteReply>(&body);
             written != nullptr && std::holds_alternative<WriteOperation>(flight->what)) {
    p.handle_write_reply(*flight, std::move(*written), out);
  } else if (auto* status = std::get_if<StatusReply>(&body);
             status != nullptr && std::holds_alternative<StatusOperation>(flight->what)) {
    p.finish(*flight, std::move(*status), out);
  } else if (auto* error = std::get_if<ErrorReply>(&body)) {
    p.handle_failure(now, *flight, std::move(*error), out);
  } else {
    p.finish(*flight, refused(ErrorCode::protocol, "the node answered with another kind of reply"),
             out);
  }
}

void ClientSession::handle_timer(Now now, TimerId timer, Outbox& out) {
  Parts& p = *parts_;
  if (timer.id == kClientSilenceTimer) return p.look_for_silence(now, out);
  if (timer.id == kClientRetryTimer) {
    for (const RequestId id : p.retries.take_expired(now.steady, out)) {
      const auto at = p.flights.find(as_operation(id));
      if (at == p.flights.end()) continue;
      at->second.retry_at.reset();
      p.attempt(now, at->second, out);
    }
    return;
  }
  for (const RequestId id : p.deadlines.take_expired(now.steady, out)) {
    const auto at = p.flights.find(as_operation(id));
    if (at != p.flights.end()) p.finish_at_deadline(at->second, out);
  }
}

}  // namespace dynakv

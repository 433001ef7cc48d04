#include "dynakv/protocol/client_session.h"

#include <algorithm>
#include <utility>

#include "dynakv/protocol/client_session_parts.h"
#include "dynakv/protocol/request_error.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {

ClientSession::ClientSession(ClientOptions options, Random random, RingSource ring_source)
    : parts_(std::make_unique<Parts>(std::move(options), random, std::move(ring_source))) {}

ClientSession::~ClientSession() = default;

const NodeId& ClientSession::id() const { return parts_->id; }

Hello ClientSession::hello_for(const NodeId&) const {
  Hello hello;
  hello.role = Role::client;
  hello.sender = parts_->id;
  if (parts_->view.has_layout()) hello.cluster = parts_->view.layout().cluster;
  return hello;
}

Status ClientSession::check_hello(const Hello& hello) const {
  const ClusterView& view = parts_->view;
  if (!view.has_layout() || hello.cluster.is_nil() || hello.cluster == view.layout().cluster) {
    return {};
  }
  return fail(ErrorCode::auth, "the node belongs to another cluster; check the address");
}

const Layout* ClientSession::layout() const {
  return parts_->view.has_layout() ? &parts_->view.layout() : nullptr;
}

std::uint64_t ClientSession::layout_revision() const { return parts_->layout_revision; }

void ClientSession::open(Now now, Outbox& out) { parts_->ask_for_layout(now, out); }

void ClientSession::Parts::ask_for_layout(Now now, Outbox& out) {
  if (view.has_layout()) return;
  out.send(view.up(), RequestId{}, LayoutRequest{});
  out.set_timer({TimerKind::client_deadline, kClientLayoutTimer}, now.steady + kLayoutAskPause);
}

void ClientSession::set_layout(Now now, Layout layout, Outbox& out) {
  Parts& p = *parts_;
  const bool is_first = !p.view.has_layout();
  // The same one too: operations may wait for the answer.
  if (is_first || layout != p.view.layout()) {
    auto ring = p.ring_source ? p.ring_source(layout) : nullptr;
    p.view.adopt(std::move(layout), std::move(ring));
    const Member* preferred = p.view.layout().find_by_name(p.options.prefer);
    p.preferred = preferred != nullptr ? preferred->id : NodeId{};
    ++p.layout_revision;
  }
  if (is_first) out.cancel_timer({TimerKind::client_deadline, kClientLayoutTimer});
  for (auto& [id, flight] : p.flights) {
    if (!flight.waits_for_layout) continue;
    flight.waits_for_layout = false;
    // The next try may be out already.
    const bool is_idle = !flight.retry_at && flight.target.is_nil();
    if (is_idle) p.wait_and_retry(now, flight, Duration{}, out);
  }
}

void ClientSession::handle_layout_reply(Now now, const LayoutReply& reply, Outbox& out) {
  // Empty: the node has none yet. What cannot be read, and what is older, teaches nothing.
  if (reply.layout.empty()) return;
  auto layout = decode_layout(reply.layout);
  const Layout* known = this->layout();
  if (!layout || (known != nullptr && layout->version < known->version)) return;
  sometimes(Sometimes::client_learned_layout, known == nullptr);
  set_layout(now, std::move(*layout), out);
}

void ClientSession::start(Now now, OperationId id, GetOperation operation, Outbox& out) {
  const OperationOptions options = operation.options;
  ClientFlight flight;
  flight.operation = id;
  const KeyRef key(operation.bucket, operation.key);
  flight.token = key.token;
  flight.scope = context_scope(key);
  flight.what = std::move(operation);
  parts_->begin(now, std::move(flight), options, out);
}

void ClientSession::start(Now now, OperationId id, WriteOperation operation, Outbox& out) {
  const OperationOptions options = operation.options;
  ClientFlight flight;
  flight.operation = id;
  const KeyRef key(operation.bucket, operation.key);
  flight.token = key.token;
  flight.scope = context_scope(key);
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

void ClientSession::handle_peer_up(Now now, const Hello& hello, Outbox& out) {
  Parts& p = *parts_;
  p.view.set_up(hello.sender);
  const bool is_news = !p.view.has_layout() || hello.layout > p.view.version();
  if (is_news) out.send(hello.sender, RequestId{}, LayoutRequest{});
  // Operations that found nobody to talk to go on at once.
  for (auto& [id, flight] : p.flights) {
    if (flight.attempts > 0 || !flight.retry_at) continue;
    p.retries.remove(*std::exchange(flight.retry_at, std::nullopt), as_request(id));
    p.attempt(now, flight, out);
  }
}

void ClientSession::handle_peer_down(Now now, const NodeId& node, Outbox& out) {
  Parts& p = *parts_;
  p.view.set_down(node);
  p.silence.forget(node);
  for (auto at = p.flights.begin(); at != p.flights.end();) {
    ClientFlight& flight = (at++)->second;
    if (flight.target == node) p.handle_lost_target(now, flight, out);
  }
}

void ClientSession::handle_message(Now now, const NodeId& from, Message message, Outbox& out) {
  Parts& p = *parts_;
  p.silence.note_heard(from);
  if (const auto* reply = std::get_if<LayoutReply>(&message.body)) {
    return handle_layout_reply(now, *reply, out);
  }
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
  if (timer.id == kClientLayoutTimer) return p.ask_for_layout(now, out);
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

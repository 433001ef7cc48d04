#include "dynakv/protocol/client_session.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "dynakv/base/canary.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/admission.h"
#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/deadlines.h"
#include "dynakv/protocol/request_error.h"
#include "dynakv/protocol/session_memory.h"

namespace dynakv {
namespace {

constexpr std::uint64_t kDeadlineTimer = 0;
constexpr std::uint64_t kRetryTimer = 1;

// An operation on its way, through all of its tries.
struct Flight {
  OperationId operation{};
  std::variant<GetOperation, WriteOperation, StatusOperation> what;
  Instant deadline;
  std::uint64_t scope = 0;
  int attempts = 0;
  /// The try that is out; nil target = none is.
  RequestId request{};
  NodeId target;
  std::vector<NodeId> failed_targets;
  std::vector<NodeError> node_errors;
  /// The last try's error, when there was one.
  std::optional<ErrorReply> last_error;
  std::optional<Instant> retry_at;
  std::uint64_t write_id = 0;
  /// A write that an earlier try may have applied.
  bool maybe_applied = false;
  /// A read that came back behind its flow asks all owners.
  bool ask_all = false;
  bool waits_for_layout = false;
};

RequestId as_request(OperationId id) { return static_cast<RequestId>(to_number(id)); }
OperationId as_operation(RequestId id) { return static_cast<OperationId>(to_number(id)); }

ErrorReply behind_its_flow() {
  return refused(ErrorCode::stale,
                 "the owners that answered are behind what this session has seen; try again when "
                 "more of them are up");
}

Bytes key_of(const Flight& flight, Bytes& bucket) {
  if (const auto* get = std::get_if<GetOperation>(&flight.what)) {
    bucket = get->bucket;
    return get->key;
  }
  const auto& write = std::get<WriteOperation>(flight.what);
  bucket = write.bucket;
  return write.key;
}

}  // namespace

struct ClientSession::Parts {
  Parts(ClientOptions client_options, Random client_random)
      : options(client_options), random(client_random), memory(options.session_context_count_max) {
    Random ids = random.stream("client id");
    id = {ids.next(), ids.next()};
  }

  using Flights = std::map<OperationId, Flight>;

  void begin(Now now, Flight flight, const OperationOptions& operation, Outbox& out);
  void attempt(Now now, Flight& flight, Outbox& out);
  NodeId choose_target(const Flight& flight) const;
  Body request_for(const Flight& flight, Duration time_left);
  void wait_and_retry(Now now, Flight& flight, Duration pause, Outbox& out);
  void handle_failure(Now now, Flight& flight, ErrorReply error, Outbox& out);
  void handle_lost_target(Now now, Flight& flight, Outbox& out);
  void handle_get_reply(Now now, Flight& flight, GetReply reply, Outbox& out);
  void handle_write_reply(Flight& flight, WriteReply reply, Outbox& out);
  bool remembers(const Flight& flight, FlowId flow) const;
  void finish(Flight& flight, decltype(Reply::outcome) outcome, Outbox& out);
  void finish_at_deadline(Flight& flight, Outbox& out);
  Flight* flight_of(RequestId request);

  ClientOptions options;
  Random random;
  NodeId id;
  ClusterView view;
  SessionMemory memory;
  Flights flights;
  std::unordered_map<std::uint64_t, OperationId> requests;  // lookup only
  std::uint64_t request_count = 0;
  Deadlines deadlines{TimerKind::client_deadline, kDeadlineTimer};
  Deadlines retries{TimerKind::client_deadline, kRetryTimer};
};

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
  for (auto& [id, flight] : p.flights) {
    if (!flight.waits_for_layout) continue;
    flight.waits_for_layout = false;
    if (!flight.retry_at) p.wait_and_retry(now, flight, Duration{}, out);
  }
}

void ClientSession::start(Now now, OperationId id, GetOperation operation, Outbox& out) {
  const OperationOptions options = operation.options;
  Flight flight;
  flight.operation = id;
  flight.scope = context_scope(operation.bucket, operation.key);
  flight.what = std::move(operation);
  parts_->begin(now, std::move(flight), options, out);
}

void ClientSession::start(Now now, OperationId id, WriteOperation operation, Outbox& out) {
  const OperationOptions options = operation.options;
  Flight flight;
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
  Flight flight;
  flight.operation = id;
  flight.what = std::move(operation);
  parts_->begin(now, std::move(flight), options, out);
}

void ClientSession::Parts::begin(Now now, Flight flight, const OperationOptions& operation,
                                 Outbox& out) {
  const Duration timeout = operation.timeout > Duration{} ? operation.timeout : options.timeout;
  flight.deadline = now.steady + timeout;
  if (!std::holds_alternative<StatusOperation>(flight.what)) {
    RequestHead head;
    head.key = key_of(flight, head.bucket);
    if (const Status valid = validate_head(head); !valid) {
      return out.reply({flight.operation, refused(valid.error())});
    }
  }
  if (flights.size() >= options.in_flight_max) {
    return out.reply({flight.operation, refused(ErrorCode::overloaded,
                                                "the client has too many operations in flight; "
                                                "wait for some, or raise max_in_flight")});
  }
  Flight& kept = flights.emplace(flight.operation, std::move(flight)).first->second;
  deadlines.add(kept.deadline, as_request(kept.operation), out);
  attempt(now, kept, out);
}

void ClientSession::Parts::attempt(Now now, Flight& flight, Outbox& out) {
  flight.target = choose_target(flight);
  if (flight.target.is_nil()) {
    // Nobody is connected: peers may come back before the deadline.
    return wait_and_retry(now, flight, options.retry_pause, out);
  }
  ++flight.attempts;
  flight.request = static_cast<RequestId>(++request_count);
  requests.emplace(to_number(flight.request), flight.operation);
  out.send(flight.target, flight.request, request_for(flight, flight.deadline - now.steady));
}

NodeId ClientSession::Parts::choose_target(const Flight& flight) const {
  if (const auto* status = std::get_if<StatusOperation>(&flight.what)) {
    if (!status->node.is_nil()) return view.is_up(status->node) ? status->node : NodeId{};
    return view.up().empty() ? NodeId{} : *view.up().begin();
  }
  if (!view.has_layout()) return {};
  Bytes bucket;
  const Bytes key = key_of(flight, bucket);
  const int n = view.layout().properties_of(bucket).n;
  const auto has_failed = [&](const NodeId& node) {
    const auto& failed = flight.failed_targets;
    return std::find(failed.begin(), failed.end(), node) != failed.end();
  };
  const std::vector<NodeId> owners = view.owners(slot_of(token_of_key(key)), n);
  for (const NodeId& owner : owners) {
    if (view.is_up(owner) && !has_failed(owner)) return owner;
  }
  for (const NodeId& node : view.up()) {
    if (!has_failed(node)) return node;
  }
  for (const NodeId& owner : owners) {
    if (view.is_up(owner)) return owner;
  }
  return {};
}

Body ClientSession::Parts::request_for(const Flight& flight, Duration time_left) {
  RequestHead head;
  head.layout = view.version();
  head.time_left = time_left;
  if (const auto* get = std::get_if<GetOperation>(&flight.what)) {
    head.bucket = get->bucket;
    head.key = get->key;
    return GetRequest{std::move(head), flight.ask_all ? QuorumSize::all() : get->options.quorum};
  }
  if (const auto* write = std::get_if<WriteOperation>(&flight.what)) {
    head.bucket = write->bucket;
    head.key = write->key;
    return WriteRequest{std::move(head),       write->kind,         write->precondition,
                        write->options.quorum, write->context,      write->context_scope,
                        write->value,          write->content_type, write->ttl,
                        flight.write_id};
  }
  return StatusRequest{};
}

void ClientSession::Parts::wait_and_retry(Now now, Flight& flight, Duration pause, Outbox& out) {
  flight.target = {};
  flight.retry_at = now.steady + pause;
  retries.add(*flight.retry_at, as_request(flight.operation), out);
}

Flight* ClientSession::Parts::flight_of(RequestId request) {
  const auto at = requests.find(to_number(request));
  if (at == requests.end()) return nullptr;
  const OperationId operation = at->second;
  requests.erase(at);
  return &flights.at(operation);
}

void ClientSession::Parts::finish(Flight& flight, decltype(Reply::outcome) outcome, Outbox& out) {
  if (!flight.target.is_nil()) requests.erase(to_number(flight.request));
  deadlines.remove(flight.deadline, as_request(flight.operation));
  if (flight.retry_at) retries.remove(*flight.retry_at, as_request(flight.operation));
  out.reply({flight.operation, std::move(outcome)});
  flights.erase(flight.operation);
}

void ClientSession::Parts::finish_at_deadline(Flight& flight, Outbox& out) {
  const bool is_write = std::holds_alternative<WriteOperation>(flight.what);
  const bool is_out = !flight.target.is_nil();
  ErrorReply error;
  if (!is_out && flight.last_error) {
    error = *flight.last_error;
  } else if (!is_out && flight.attempts == 0) {
    error = refused(ErrorCode::no_nodes_available,
                    "no node could be reached before the deadline; nothing was applied");
  } else {
    error = refused(ErrorCode::timeout, "no reply before the deadline");
  }
  error.in_doubt = is_write && (error.in_doubt || is_out || flight.maybe_applied);
  if (error.in_doubt && error.error.code == ErrorCode::timeout) {
    error.error.message += "; the write may have been applied";
  }
  error.node_errors.insert(error.node_errors.end(), flight.node_errors.begin(),
                           flight.node_errors.end());
  if (is_out) error.node_errors.push_back({flight.target, ErrorCode::timeout});
  finish(flight, std::move(error), out);
}

void ClientSession::Parts::handle_failure(Now now, Flight& flight, ErrorReply error, Outbox& out) {
  const NodeId target = std::exchange(flight.target, NodeId{});
  const ErrorCode code = error.error.code;
  if (flight.ask_all &&
      (code == ErrorCode::quorum_unavailable || code == ErrorCode::quorum_timeout)) {
    return finish(flight, behind_its_flow(), out);
  }
  const bool may_repeat = !error.in_doubt && error_is_retryable(code) && code != ErrorCode::timeout;
  if (may_repeat && flight.attempts < options.attempts_max) {
    flight.node_errors.push_back({target, code});
    flight.last_error = std::move(error);
    if (code == ErrorCode::stale_layout) {
      flight.waits_for_layout = true;
      out.send(target, RequestId{}, LayoutRequest{});
    } else {
      flight.failed_targets.push_back(target);
    }
    const std::int64_t factor = std::int64_t{1} << std::min(flight.attempts - 1, 6);
    return wait_and_retry(now, flight, options.retry_pause * factor, out);
  }
  const bool is_write = std::holds_alternative<WriteOperation>(flight.what);
  error.in_doubt = error.in_doubt || (is_write && flight.maybe_applied);
  error.node_errors.insert(error.node_errors.begin(), flight.node_errors.begin(),
                           flight.node_errors.end());
  finish(flight, std::move(error), out);
}

void ClientSession::Parts::handle_lost_target(Now now, Flight& flight, Outbox& out) {
  requests.erase(to_number(flight.request));
  const NodeId target = std::exchange(flight.target, NodeId{});
  flight.failed_targets.push_back(target);
  flight.node_errors.push_back({target, ErrorCode::no_nodes_available});
  const auto* write = std::get_if<WriteOperation>(&flight.what);
  if (write != nullptr) flight.maybe_applied = true;
  // A condition that the first try may itself have changed must not be asked again.
  const bool is_conditional = write != nullptr && (write->precondition == Precondition::if_absent ||
                                                   write->precondition == Precondition::if_context);
  if (!is_conditional && flight.attempts < options.attempts_max) {
    return wait_and_retry(now, flight, Duration{}, out);
  }
  ErrorReply error =
      refused(write != nullptr ? ErrorCode::quorum_timeout : ErrorCode::no_nodes_available,
              "the connection was lost before the reply");
  error.in_doubt = write != nullptr;
  error.node_errors = flight.node_errors;
  finish(flight, std::move(error), out);
}

/// A register's context is only its last writer's dot: nothing that a later one must descend.
bool ClientSession::Parts::remembers(const Flight& flight, FlowId flow) const {
  Bytes bucket;
  key_of(flight, bucket);
  return flow != FlowId{} && view.layout().properties_of(bucket).kind == ObjectKind::siblings;
}

void ClientSession::Parts::handle_get_reply(Now now, Flight& flight, GetReply reply, Outbox& out) {
  const FlowId flow = std::get<GetOperation>(flight.what).options.flow;
  if (!remembers(flight, flow)) return finish(flight, std::move(reply), out);
  Context context;
  if (!reply.object.empty()) {
    auto decoded = decode_object_context(reply.object);
    if (!decoded) return finish(flight, refused(decoded.error()), out);
    context = std::move(*decoded);
  }
  const Context* seen = memory.find(flow, flight.scope);
  if (seen != nullptr && !context.descends(*seen) && !reply.all_answered &&
      !canary(Canary::session_goes_back)) {
    if (!flight.ask_all && flight.attempts < options.attempts_max) {
      flight.ask_all = true;
      return wait_and_retry(now, flight, Duration{}, out);
    }
    return finish(flight, behind_its_flow(), out);
  }
  memory.set(flow, flight.scope, std::move(context));
  finish(flight, std::move(reply), out);
}

void ClientSession::Parts::handle_write_reply(Flight& flight, WriteReply reply, Outbox& out) {
  const auto& write = std::get<WriteOperation>(flight.what);
  const FlowId flow = write.options.flow;
  if (remembers(flight, flow)) {
    const Context* seen = memory.find(flow, flight.scope);
    Context known = reply.context;
    // What the flow saw in the meantime, beside this write, stays seen.
    if (seen != nullptr && *seen != write.context) known.join(*seen);
    memory.set(flow, flight.scope, std::move(known));
  }
  finish(flight, std::move(reply), out);
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
    Flight& flight = p.flights.begin()->second;
    ErrorReply error = refused(ErrorCode::closed, "the client was closed");
    error.in_doubt = std::holds_alternative<WriteOperation>(flight.what) &&
                     (flight.maybe_applied || !flight.target.is_nil());
    p.finish(flight, std::move(error), out);
  }
}

void ClientSession::handle_peer_up(Now now, const NodeId& node, Outbox& out) {
  Parts& p = *parts_;
  p.view.set_up(node);
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
  for (auto at = p.flights.begin(); at != p.flights.end();) {
    Flight& flight = (at++)->second;
    if (flight.target == node) p.handle_lost_target(now, flight, out);
  }
}

void ClientSession::handle_message(Now now, const NodeId& from, Message message, Outbox& out) {
  Parts& p = *parts_;
  Flight* flight = p.flight_of(message.id);
  if (flight == nullptr || flight->target != from) return;
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
  if (timer.id == kRetryTimer) {
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

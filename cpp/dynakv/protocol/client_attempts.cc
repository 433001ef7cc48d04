// The tries of a client's operations: where each one goes, and what its outcome means for the next.
#include <algorithm>
#include <utility>

#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/admission.h"
#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/client_session_parts.h"
#include "dynakv/protocol/request_error.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {
namespace {

ErrorReply behind_its_flow() {
  sometimes(Sometimes::read_went_stale);
  return refused(ErrorCode::stale,
                 "the owners that answered are behind what this session has seen; try again when "
                 "more of them are up");
}

/// A refusal of the last try says nothing of an earlier one whose connection was lost (I13).
void admit_doubt(const ClientFlight& flight, ErrorReply& error) {
  if (!flight.maybe_applied || error.in_doubt) return;
  const std::string reason(error_name(error.error.code));
  error.error = {ErrorCode::quorum_timeout,
                 "an earlier try lost its connection, so the write may have been applied; the last "
                 "try was refused (" +
                     reason + ")"};
  error.in_doubt = true;
}

}  // namespace

KeyRef key_of(const ClientFlight& flight) {
  if (const auto* get = std::get_if<GetOperation>(&flight.what)) {
    return {get->bucket, get->key, flight.token};
  }
  const auto& write = std::get<WriteOperation>(flight.what);
  return {write.bucket, write.key, flight.token};
}

void ClientSession::Parts::begin(Now now, ClientFlight flight, const OperationOptions& operation,
                                 Outbox& out) {
  const Duration timeout = operation.timeout > Duration{} ? operation.timeout : options.timeout;
  flight.deadline = now.steady + timeout;
  if (!std::holds_alternative<StatusOperation>(flight.what)) {
    RequestHead head;
    head.bucket = key_of(flight).bucket;
    head.key = key_of(flight).key;
    if (const Status valid = validate_head(head); !valid) {
      return out.reply({flight.operation, refused(valid.error())});
    }
  }
  if (flights.size() >= options.in_flight_max) {
    return out.reply({flight.operation, refused(ErrorCode::overloaded,
                                                "the client has too many operations in flight; "
                                                "wait for some, or raise max_in_flight")});
  }
  ClientFlight& kept = flights.emplace(flight.operation, std::move(flight)).first->second;
  deadlines.add(kept.deadline, as_request(kept.operation), out);
  budget.note_request();
  arm_silence_timer(now, out);
  attempt(now, kept, out);
}

void ClientSession::Parts::attempt(Now now, ClientFlight& flight, Outbox& out) {
  flight.target = choose_target(now, flight);
  sometimes(Sometimes::client_found_nobody, flight.target.is_nil());
  if (flight.target.is_nil()) {
    // No node is connected, but one may come back before the deadline.
    return wait_and_retry(now, flight, options.retry_pause, out);
  }
  if (flight.attempts > 0) budget.note_retry();
  ++flight.attempts;
  flight.sent_at = now.steady;
  silence.note_asked(now.steady, flight.target);
  sometimes(Sometimes::client_tried_second_owner, !flight.failed_targets.empty());
  flight.request = static_cast<RequestId>(++request_count);
  requests.emplace(to_number(flight.request), flight.operation);
  out.send(flight.target, flight.request, request_for(flight, flight.deadline - now.steady));
}

NodeId ClientSession::Parts::choose_target(Now now, const ClientFlight& flight) const {
  if (const auto* status = std::get_if<StatusOperation>(&flight.what)) {
    if (!status->node.is_nil()) return view.is_up(status->node) ? status->node : NodeId{};
    if (view.is_up(preferred)) return preferred;
    return view.up().empty() ? NodeId{} : *view.up().begin();
  }
  if (!view.has_layout()) return {};
  const std::vector<NodeId> walk = view.walk(key_of(flight).slot());
  const auto has_failed = [&](const NodeId& node) {
    const auto& failed = flight.failed_targets;
    return std::find(failed.begin(), failed.end(), node) != failed.end();
  };
  const auto first_of = [](const auto& nodes, const auto& is_good) {
    const auto at = std::find_if(nodes.begin(), nodes.end(), is_good);
    return at == nodes.end() ? NodeId{} : *at;
  };
  const auto is_good = [&](const NodeId& node) {
    return view.is_up(node) && !has_failed(node) && !silence.is_silent(now.steady, node);
  };
  if (is_good(preferred)) return preferred;
  // Owners first, then those that stand in for them, then anybody; a second time round also those
  // that are silent or failed before.
  if (const NodeId node = first_of(walk, is_good); !node.is_nil()) return node;
  if (const NodeId node = first_of(view.up(), is_good); !node.is_nil()) return node;
  const auto is_untried = [&](const NodeId& node) { return view.is_up(node) && !has_failed(node); };
  if (const NodeId node = first_of(walk, is_untried); !node.is_nil()) return node;
  return first_of(walk, [&](const NodeId& node) { return view.is_up(node); });
}

void ClientSession::Parts::arm_silence_timer(Now now, Outbox& out) {
  if (silence_timer_is_armed || flights.empty()) return;
  silence_timer_is_armed = true;
  const Duration quarter{options.silent_after.nanoseconds / 4};
  out.set_timer({TimerKind::client_deadline, kClientSilenceTimer}, now.steady + quarter);
}

void ClientSession::Parts::look_for_silence(Now now, Outbox& out) {
  silence_timer_is_armed = false;
  for (const NodeId& node : silence.to_be_probed(now.steady)) {
    if (view.is_up(node)) out.send(node, RequestId{}, StatusRequest{});
  }
  for (auto& [operation, flight] : flights) {
    const bool is_read = std::holds_alternative<GetOperation>(flight.what);
    if (!is_read || flight.target.is_nil() || now.steady - flight.sent_at < options.silent_after) {
      continue;
    }
    if (!may_try_again(flight) || view.up().size() < 2) continue;
    sometimes(Sometimes::slow_read_tried_elsewhere);
    requests.erase(to_number(flight.request));
    flight.node_errors.push_back({flight.target, ErrorCode::timeout});
    flight.failed_targets.push_back(std::exchange(flight.target, NodeId{}));
    attempt(now, flight, out);
  }
  arm_silence_timer(now, out);
}

Body ClientSession::Parts::request_for(const ClientFlight& flight, Duration time_left) {
  RequestHead head;
  head.layout = view.version();
  head.time_left = time_left;
  const auto describe = [&head](const Bytes& bucket, const Bytes& key,
                                const OperationOptions& operation) {
    head.bucket = bucket;
    head.key = key;
    head.mode = operation.mode;
    head.explain = operation.explain;
  };
  if (const auto* get = std::get_if<GetOperation>(&flight.what)) {
    describe(get->bucket, get->key, get->options);
    return GetRequest{std::move(head), flight.ask_all ? QuorumSize::all() : get->options.quorum,
                      get->options.read_repair};
  }
  if (const auto* write = std::get_if<WriteOperation>(&flight.what)) {
    describe(write->bucket, write->key, write->options);
    return WriteRequest{std::move(head),       write->kind,         write->precondition,
                        write->options.quorum, write->context,      write->context_scope,
                        write->value,          write->content_type, write->ttl,
                        flight.write_id};
  }
  return StatusRequest{};
}

void ClientSession::Parts::wait_and_retry(Now now, ClientFlight& flight, Duration pause,
                                          Outbox& out) {
  flight.target = {};
  flight.retry_at = now.steady + pause;
  retries.add(*flight.retry_at, as_request(flight.operation), out);
}

ClientFlight* ClientSession::Parts::flight_of(RequestId request) {
  const auto at = requests.find(to_number(request));
  if (at == requests.end()) return nullptr;
  const OperationId operation = at->second;
  requests.erase(at);
  return &flights.at(operation);
}

void ClientSession::Parts::finish(ClientFlight& flight, decltype(Reply::outcome) outcome,
                                  Outbox& out) {
  if (!flight.target.is_nil()) requests.erase(to_number(flight.request));
  deadlines.remove(flight.deadline, as_request(flight.operation));
  if (flight.retry_at) retries.remove(*flight.retry_at, as_request(flight.operation));
  out.reply({flight.operation, std::move(outcome)});
  flights.erase(flight.operation);
}

void ClientSession::Parts::finish_at_deadline(ClientFlight& flight, Outbox& out) {
  const bool is_write = std::holds_alternative<WriteOperation>(flight.what);
  const bool is_out = !flight.target.is_nil();
  sometimes(Sometimes::client_timed_out, is_out);
  ErrorReply error;
  if (!is_out && flight.last_error) {
    error = *flight.last_error;
    admit_doubt(flight, error);
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

void ClientSession::Parts::handle_failure(Now now, ClientFlight& flight, ErrorReply error,
                                          Outbox& out) {
  const NodeId target = std::exchange(flight.target, NodeId{});
  const ErrorCode code = error.error.code;
  if (flight.ask_all &&
      (code == ErrorCode::quorum_unavailable || code == ErrorCode::quorum_timeout)) {
    return finish(flight, behind_its_flow(), out);
  }
  const bool may_repeat = !error.in_doubt && error_is_retryable(code) && code != ErrorCode::timeout;
  if (may_repeat && may_try_again(flight)) {
    sometimes(Sometimes::client_retried_refusal);
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
  admit_doubt(flight, error);
  error.node_errors.insert(error.node_errors.begin(), flight.node_errors.begin(),
                           flight.node_errors.end());
  finish(flight, std::move(error), out);
}

void ClientSession::Parts::handle_lost_target(Now now, ClientFlight& flight, Outbox& out) {
  requests.erase(to_number(flight.request));
  const NodeId target = std::exchange(flight.target, NodeId{});
  flight.failed_targets.push_back(target);
  flight.node_errors.push_back({target, ErrorCode::no_nodes_available});
  const auto* write = std::get_if<WriteOperation>(&flight.what);
  sometimes(Sometimes::connection_lost_under_read, write == nullptr);
  sometimes(Sometimes::connection_lost_under_write, write != nullptr);
  if (write != nullptr) flight.maybe_applied = true;
  // A condition that the first try may itself have changed must not be asked again.
  const bool is_conditional = write != nullptr && (write->precondition == Precondition::if_absent ||
                                                   write->precondition == Precondition::if_context);
  sometimes(Sometimes::conditional_not_retried, is_conditional);
  if (!is_conditional && may_try_again(flight)) {
    return wait_and_retry(now, flight, Duration{}, out);
  }
  ErrorReply error =
      refused(write != nullptr ? ErrorCode::quorum_timeout : ErrorCode::no_nodes_available,
              "the connection was lost before the reply");
  error.in_doubt = write != nullptr;
  error.node_errors = flight.node_errors;
  finish(flight, std::move(error), out);
}

/// A register's context is only its last writer's dot, which a later context need not descend.
bool ClientSession::Parts::remembers(const ClientFlight& flight, FlowId flow) const {
  const BytesView bucket = key_of(flight).bucket;
  return flow != FlowId{} && view.layout().properties_of(bucket).kind == ObjectKind::siblings;
}

void ClientSession::Parts::handle_get_reply(Now now, ClientFlight& flight, GetReply reply,
                                            Outbox& out) {
  const GetOperation& get = std::get<GetOperation>(flight.what);
  const FlowId flow = get.options.flow;
  if (!remembers(flight, flow)) return finish(flight, std::move(reply), out);
  Context context;
  if (!reply.object.empty()) {
    auto decoded = decode_object_context(reply.object);
    if (!decoded) return finish(flight, refused(decoded.error()), out);
    context = std::move(*decoded);
  }
  const Context* seen = memory.find(flow, flight.scope);
  // When only owners count, acknowledged writes are nowhere else: what all owners lack is gone.
  // When fallbacks count, it may be on its way home.
  const bool is_all_there_is = reply.all_answered && get.options.mode != QuorumMode::sloppy &&
                               view.layout().properties_of(get.bucket).mode == QuorumMode::strict;
  if (seen != nullptr && !context.descends(*seen) && !is_all_there_is &&
      !canary(Canary::session_goes_back)) {
    if (!flight.ask_all && may_try_again(flight)) {
      flight.ask_all = true;
      sometimes(Sometimes::read_asked_all);
      return wait_and_retry(now, flight, Duration{}, out);
    }
    return finish(flight, behind_its_flow(), out);
  }
  memory.set(flow, flight.scope, std::move(context));
  finish(flight, std::move(reply), out);
}

void ClientSession::Parts::handle_write_reply(ClientFlight& flight, WriteReply reply, Outbox& out) {
  const auto& write = std::get<WriteOperation>(flight.what);
  const FlowId flow = write.options.flow;
  if (remembers(flight, flow)) {
    const Context* seen = memory.find(flow, flight.scope);
    Context known = reply.context;
    sometimes(Sometimes::flow_wrote_concurrently, seen != nullptr && *seen != write.context);
    // What else the flow has seen in the meantime stays seen.
    if (seen != nullptr && *seen != write.context) known.join(*seen);
    memory.set(flow, flight.scope, std::move(known));
  }
  finish(flight, std::move(reply), out);
}

}  // namespace dynakv

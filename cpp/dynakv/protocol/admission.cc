#include "dynakv/protocol/admission.h"

#include <algorithm>

#include "dynakv/base/canary.h"
#include "dynakv/base/sometimes.h"
#include "dynakv/domain/bucket.h"
#include "dynakv/protocol/request_error.h"

namespace dynakv {

Status validate_head(const RequestHead& head) {
  if (const Status valid = validate_bucket_name(head.bucket); !valid) return fail(valid.error());
  if (head.key.empty()) {
    return fail(ErrorCode::invalid_argument, "the key is empty; a key has 1 to 4096 bytes");
  }
  if (head.key.size() > kKeyBytesMax) {
    return fail(ErrorCode::key_too_large, "the key has " + std::to_string(head.key.size()) +
                                              " bytes; a key has 1 to 4096 bytes");
  }
  return {};
}

Status validate_write(const WriteRequest& request, const ProtocolOptions& options) {
  if (const Status valid = validate_head(request.head); !valid) return fail(valid.error());
  if (request.value.size() > options.value_bytes_max) {
    return fail(ErrorCode::value_too_large,
                "the value has " + std::to_string(request.value.size()) + " bytes; at most " +
                    std::to_string(options.value_bytes_max) +
                    " are allowed; split it, or raise value_bytes_max (hard limit 16 MiB)");
  }
  if (request.content_type.size() > kContentTypeBytesMax) {
    return fail(ErrorCode::invalid_argument, "a content type has at most 255 bytes");
  }
  if (request.ttl < Duration{}) {
    return fail(ErrorCode::invalid_argument, "ttl is negative; give seconds above 0, or none");
  }
  if (!request.context.empty() && !canary(Canary::foreign_context_accepted) &&
      request.context_scope != context_scope(request.head.bucket, request.head.key)) {
    return fail(ErrorCode::context_mismatch,
                "the context was read from another key or bucket; read this key and use its own");
  }
  return {};
}

bool is_data_request(const Body& body) {
  return std::holds_alternative<GetRequest>(body) || std::holds_alternative<WriteRequest>(body);
}

Route Admission::admit(const NodeId& from, Message& message, std::size_t in_flight, Outbox& out) {
  if (repeats_.is_repeated(from, message.id) && !canary(Canary::repeats_executed)) {
    sometimes(Sometimes::repeated_request_dropped);
    return Route::none;
  }
  const Result<Route> route = judge(message, in_flight);
  if (route) {
    if (*route == Route::forward) ++forwarded_count_;
    return *route;
  }
  ++refused_count_;
  out.send(from, message.id, refused(route.error()));
  return Route::none;
}

Result<Route> Admission::judge(Message& message, std::size_t in_flight) {
  if (auto* get = std::get_if<GetRequest>(&message.body)) {
    if (const Status valid = validate_head(get->head); !valid) return fail(valid.error());
    if (const Status head = check_head(get->head, in_flight); !head) return fail(head.error());
    return route_get(get->head);
  }
  auto& write = std::get<WriteRequest>(message.body);
  if (const Status valid = validate_write(write, options_); !valid) return fail(valid.error());
  if (const Status head = check_head(write.head, in_flight); !head) return fail(head.error());
  return route_write(write.head);
}

Route Admission::route_get(const RequestHead& head) {
  if (!coordinates(head)) return Route::forward;
  ++get_count_;
  return Route::coordinate;
}

Result<Route> Admission::route_write(const RequestHead& head) {
  const bool is_proven = identity_.is_past_proven();
  const bool passes_on = !is_proven && !head.forwarded && has_other_owner(head);
  sometimes(Sometimes::write_passed_on_early, passes_on && coordinates(head));
  if (passes_on || !coordinates(head)) return Route::forward;
  if (!is_proven) {
    sometimes(Sometimes::not_ready_refused);
    return fail(ErrorCode::not_ready,
                "this node was just restarted and still checks its past; try another owner");
  }
  ++write_count_;
  return Route::coordinate;
}

Status Admission::check_head(RequestHead& head, std::size_t in_flight) const {
  if (!view_.has_layout()) {
    return fail(ErrorCode::not_ready, "this node has no layout yet; try another node");
  }
  if (head.layout != view_.version()) {
    return fail(ErrorCode::stale_layout, "the request's layout is not this node's");
  }
  if (store_.condition() == StoreCondition::failed) {
    return fail(ErrorCode::storage, "this node's storage failed; it serves no more");
  }
  if (head.time_left <= Duration{}) {
    return fail(ErrorCode::timeout, "the deadline had passed on arrival");
  }
  if (in_flight >= options_.in_flight_max) {
    sometimes(Sometimes::overload_refused);
    return fail(ErrorCode::overloaded, "this node has too many requests in flight; slow down");
  }
  head.time_left = std::min(head.time_left, options_.request_timeout_max);
  if (!head.forwarded || coordinates(head)) return {};
  return fail(ErrorCode::stale_layout, "forwarded to a node that does not own the key");
}

bool Admission::owns(const RequestHead& head) const {
  const int n = view_.layout().properties_of(head.bucket).n;
  return view_.ring().owns(identity_.id(), slot_of(token_of_key(head.key)), n);
}

bool Admission::coordinates(const RequestHead& head) const {
  if (owns(head)) return true;
  if (view_.mode_of(head) == QuorumMode::strict || !view_.has_member(identity_.id())) return false;
  const int n = view_.layout().properties_of(head.bucket).n;
  return view_.usable_owner(slot_of(token_of_key(head.key)), n).is_nil();
}

bool Admission::has_other_owner(const RequestHead& head) const {
  const int n = view_.layout().properties_of(head.bucket).n;
  return !view_.usable_owner(slot_of(token_of_key(head.key)), n).is_nil();
}

void Admission::add_to(Counters& counters) const {
  counters["forwarded"] += forwarded_count_;
  counters["gets"] += get_count_;
  counters["refused"] += refused_count_;
  counters["writes"] += write_count_;
}

}  // namespace dynakv

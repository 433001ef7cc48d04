#include "dynakv/protocol/admission.h"

#include <algorithm>

#include "dynakv/domain/bucket.h"
#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/request_error.h"
#include "dynakv/protocol/sometimes.h"

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

Status validate_write(const WriteRequest& request, const KeyRef& key,
                      const AdmissionOptions& options) {
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
      request.context_scope != context_scope(key)) {
    return fail(ErrorCode::context_mismatch,
                "the context was read from another key or bucket; read this key and use its own");
  }
  return {};
}

bool is_data_request(const Body& body) {
  return std::holds_alternative<GetRequest>(body) || std::holds_alternative<WriteRequest>(body);
}

std::optional<Admitted> Admission::admit(const NodeId& from, Message& message,
                                         std::size_t in_flight, Outbox& out) {
  if (repeats_.is_repeated(from, message.id) && !canary(Canary::repeats_executed)) {
    sometimes(Sometimes::repeated_request_dropped);
    return std::nullopt;
  }
  Result<Admitted> admitted = judge(message, in_flight);
  if (admitted) {
    if (admitted->verdict == Verdict::forward) ++forwarded_count_;
    return std::move(*admitted);
  }
  ++refused_count_;
  out.send(from, message.id, refused(admitted.error()));
  return std::nullopt;
}

Result<Admitted> Admission::judge(Message& message, std::size_t in_flight) {
  auto* write = std::get_if<WriteRequest>(&message.body);
  RequestHead& head = write ? write->head : std::get<GetRequest>(message.body).head;
  if (const Status valid = validate_head(head); !valid) return fail(valid.error());
  const KeyRef key(head.bucket, head.key);
  if (write) {
    if (const Status valid = validate_write(*write, key, options_); !valid) {
      return fail(valid.error());
    }
  }
  if (const Status good = check_head(head, in_flight); !good) return fail(good.error());
  Admitted admitted;
  admitted.route = view_.route_to(key, head.mode);
  const bool is_ours = coordinates(admitted.route);
  if (head.forwarded && !is_ours) {
    return fail(ErrorCode::stale_layout, "forwarded to a node that does not own the key");
  }
  if (write) {
    const Result<Verdict> verdict = judge_write(head, admitted.route);
    if (!verdict) return fail(verdict.error());
    admitted.verdict = *verdict;
  } else {
    admitted.verdict = is_ours ? Verdict::coordinate : Verdict::forward;
    get_count_ += is_ours ? 1 : 0;
  }
  return admitted;
}

Result<Verdict> Admission::judge_write(const RequestHead& head, const Route& route) {
  const bool is_ours = coordinates(route);
  const bool is_proven = identity_.is_past_proven();
  const bool passes_on =
      !is_proven && !head.forwarded && !view_.first_usable(route.owners).is_nil();
  sometimes(Sometimes::write_passed_on_early, passes_on && is_ours);
  if (passes_on || !is_ours) return Verdict::forward;
  if (!is_proven) {
    sometimes(Sometimes::not_ready_refused);
    return fail(ErrorCode::not_ready,
                "this node was just restarted and still checks its past; try another owner");
  }
  ++write_count_;
  return Verdict::coordinate;
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
  head.time_left = std::min(head.time_left, options_.timeout_max);
  return {};
}

bool Admission::coordinates(const Route& route) const {
  if (route.is_owner(identity_.id())) return true;
  if (!route.is_sloppy || !view_.has_member(identity_.id())) return false;
  return view_.first_usable(route.owners).is_nil();
}

void Admission::add_to(Counters& counters) const {
  counters["forwarded"] += forwarded_count_;
  counters["gets"] += get_count_;
  counters["refused"] += refused_count_;
  counters["writes"] += write_count_;
}

}  // namespace dynakv

#include "dynakv/protocol/request_error.h"

#include <utility>

#include "dynakv/protocol/canary.h"

namespace dynakv {

ErrorReply refused(Error error) {
  ErrorReply reply;
  reply.error = std::move(error);
  return reply;
}

ErrorReply refused(ErrorCode code, std::string message) {
  return refused(Error{code, std::move(message)});
}

ErrorReply quorum_unavailable(int required, int alive, bool is_sloppy) {
  ErrorReply reply =
      refused(ErrorCode::quorum_unavailable,
              "the quorum needs " + std::to_string(required) +
                  (is_sloppy ? " nodes and " : " owners and ") + std::to_string(alive) +
                  " can be reached; nothing was applied; start the missing nodes or "
                  "ask for a smaller quorum");
  reply.required = static_cast<std::uint16_t>(required);
  reply.received = 0;
  reply.alive = static_cast<std::uint16_t>(alive);
  return reply;
}

namespace {

/// `reply` knows the numbers and nodes already.
ErrorReply not_met(ErrorReply reply, bool timed_out) {
  std::string message =
      std::to_string(reply.received) + " of " + std::to_string(reply.required) + " nodes answered ";
  message += timed_out ? "before the deadline" : "and too few are left";
  message += reply.in_doubt ? "; the write may have been applied" : "; nothing was changed";
  reply.error = {ErrorCode::quorum_timeout, std::move(message)};
  if (canary(Canary::failure_called_definite)) reply.in_doubt = false;
  return reply;
}

}  // namespace

ErrorReply quorum_not_met(const QuorumTally& tally, bool timed_out,
                          std::vector<NodeError> node_errors) {
  ErrorReply reply;
  reply.required = static_cast<std::uint16_t>(tally.required());
  reply.received = static_cast<std::uint16_t>(tally.success_count());
  reply.acked = tally.succeeded();
  reply.node_errors = std::move(node_errors);
  return not_met(std::move(reply), timed_out);
}

ErrorReply quorum_not_met(const Replication& copies, bool timed_out,
                          std::vector<NodeError> node_errors) {
  ErrorReply reply;
  reply.in_doubt = true;
  reply.required = static_cast<std::uint16_t>(copies.required());
  reply.received = static_cast<std::uint16_t>(copies.held_count());
  reply.acked = copies.acked();
  reply.node_errors = std::move(node_errors);
  return not_met(std::move(reply), timed_out);
}

std::optional<TooLargeAnswer> answer_to_too_large(const Body& body) {
  const bool is_request =
      std::holds_alternative<WriteRequest>(body) || std::holds_alternative<GetRequest>(body);
  const Error error{ErrorCode::value_too_large,
                    is_request
                        ? "the value and its context are larger than a message may be"
                        : "the siblings of this key together are larger than a message may be"};
  // A reply to a write means that it was applied, whatever becomes of the reply (I13).
  const bool in_doubt = std::holds_alternative<WriteReply>(body);
  switch (row_of(body).too_large) {
    case TooLarge::fits:
      return std::nullopt;
    case TooLarge::fails_request:
      return TooLargeAnswer{true, ErrorReply{.error = error}};
    case TooLarge::fails_replica_request:
      return TooLargeAnswer{true, ReplicaError{error}};
    case TooLarge::becomes_error_reply:
      return TooLargeAnswer{false, ErrorReply{.error = error, .in_doubt = in_doubt}};
    case TooLarge::becomes_replica_error:
      return TooLargeAnswer{false, ReplicaError{error}};
  }
  return std::nullopt;
}

}  // namespace dynakv

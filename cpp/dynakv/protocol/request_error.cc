#include "dynakv/protocol/request_error.h"

#include <utility>
#include "dynakv/base/canary.h"

namespace dynakv {

ErrorReply refused(Error error) {
  ErrorReply reply;
  reply.error = std::move(error);
  return reply;
}

ErrorReply refused(ErrorCode code, std::string message) {
  return refused(Error{code, std::move(message)});
}

ErrorReply quorum_unavailable(int required, int alive) {
  ErrorReply reply = refused(ErrorCode::quorum_unavailable,
                             "the quorum needs " + std::to_string(required) + " owners and " +
                                 std::to_string(alive) +
                                 " can be reached; nothing was applied; start the missing nodes or "
                                 "ask for a smaller quorum");
  reply.required = static_cast<std::uint16_t>(required);
  reply.received = 0;
  return reply;
}

ErrorReply quorum_not_met(const QuorumTally& tally, bool timed_out, bool in_doubt,
                          std::vector<NodeError> node_errors) {
  std::string message = std::to_string(tally.success_count()) + " of " +
                        std::to_string(tally.required()) + " owners answered ";
  message += timed_out ? "before the deadline" : "and too few are left";
  message += in_doubt ? "; the write may have been applied" : "; nothing was changed";
  ErrorReply reply = refused(ErrorCode::quorum_timeout, std::move(message));
  reply.in_doubt = in_doubt && !canary(Canary::failure_called_definite);
  reply.required = static_cast<std::uint16_t>(tally.required());
  reply.received = static_cast<std::uint16_t>(tally.success_count());
  reply.acked = tally.succeeded();
  reply.node_errors = std::move(node_errors);
  return reply;
}

}  // namespace dynakv

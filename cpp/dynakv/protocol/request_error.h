// How a coordinator says that a request failed. Each kind of failure has one place, so that the
// truth about "not applied" and "unknown" (I13) is written once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dynakv/domain/quorum.h"
#include "dynakv/protocol/messages.h"
#include "dynakv/protocol/replication.h"

namespace dynakv {

/// Refused before anything was stored or sent: never in doubt.
ErrorReply refused(Error error);
ErrorReply refused(ErrorCode code, std::string message);

/// Fewer owners are reachable than the quorum needs, known before anything was done.
ErrorReply quorum_unavailable(int required, int alive, bool is_sloppy);

/// The quorum of a read was not met: nothing was changed.
ErrorReply quorum_not_met(const QuorumTally& tally, bool timed_out,
                          std::vector<NodeError> node_errors);

/// The same for a write that was stored at the coordinator at least: always in doubt.
ErrorReply quorum_not_met(const Replication& copies, bool timed_out,
                          std::vector<NodeError> node_errors);

/// What stands for a message that is larger than a frame, as its row of the table says.
struct TooLargeAnswer {
  /// The sender gets it, as if the receiver had answered so; else the receiver does.
  bool is_for_sender = false;
  Body body;
};
/// Nothing: nobody waits for the message.
std::optional<TooLargeAnswer> answer_to_too_large(const Body& body);

}  // namespace dynakv

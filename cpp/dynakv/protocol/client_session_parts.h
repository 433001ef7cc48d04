// What a ClientSession is made of. Only its own sources include this.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "dynakv/protocol/client_session.h"
#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/deadlines.h"
#include "dynakv/protocol/node_silence.h"
#include "dynakv/protocol/retry_budget.h"
#include "dynakv/protocol/session_memory.h"

namespace dynakv {

inline constexpr std::uint64_t kClientDeadlineTimer = 0;
inline constexpr std::uint64_t kClientRetryTimer = 1;
inline constexpr std::uint64_t kClientSilenceTimer = 2;
inline constexpr std::uint64_t kClientLayoutTimer = 3;
/// Pause before nodes that had no layout are asked again.
inline constexpr Duration kLayoutAskPause = milliseconds(100);

/// An operation on its way, through all of its tries.
struct ClientFlight {
  OperationId operation{};
  std::variant<GetOperation, WriteOperation, StatusOperation> what;
  Instant deadline;
  /// Of a get or a write: the hash of its key, and what its contexts are bound to.
  Token token{};
  std::uint64_t scope = 0;
  int attempts = 0;
  /// The try that is out; nil target = none is.
  RequestId request{};
  NodeId target;
  Instant sent_at;
  std::vector<NodeId> failed_targets;
  std::vector<NodeError> node_errors;
  /// The last try's error, when there was one.
  std::optional<ErrorReply> last_error;
  std::optional<Instant> retry_at;
  std::uint64_t write_id = 0;
  /// A write that an earlier try may have applied.
  bool maybe_applied = false;
  /// A read that returned less than its flow has seen asks all owners.
  bool ask_all = false;
  bool waits_for_layout = false;
};

inline RequestId as_request(OperationId id) { return static_cast<RequestId>(to_number(id)); }
inline OperationId as_operation(RequestId id) { return static_cast<OperationId>(to_number(id)); }

/// The key of a get or a write. REQUIRES: the operation is one of these.
KeyRef key_of(const ClientFlight& flight);

struct ClientSession::Parts {
  Parts(ClientOptions client_options, Random client_random, RingSource rings)
      : options(std::move(client_options)),
        random(client_random),
        ring_source(std::move(rings)),
        memory(options.session_context_count_max),
        silence(options.silent_after),
        budget(options.retry_percent, options.retry_burst) {
    Random ids = random.stream("client id");
    id = {ids.next(), ids.next()};
  }

  using Flights = std::map<OperationId, ClientFlight>;

  void begin(Now now, ClientFlight flight, const OperationOptions& operation, Outbox& out);
  void attempt(Now now, ClientFlight& flight, Outbox& out);
  NodeId choose_target(Now now, const ClientFlight& flight) const;
  bool may_try_again(const ClientFlight& flight) const {
    return flight.attempts < options.attempts_max && budget.allows();
  }
  /// Tries reads elsewhere that have waited too long, and asks silent nodes for an answer.
  void look_for_silence(Now now, Outbox& out);
  void arm_silence_timer(Now now, Outbox& out);
  Body request_for(const ClientFlight& flight, Duration time_left);
  void wait_and_retry(Now now, ClientFlight& flight, Duration pause, Outbox& out);
  void handle_failure(Now now, ClientFlight& flight, ErrorReply error, Outbox& out);
  void handle_lost_target(Now now, ClientFlight& flight, Outbox& out);
  void handle_get_reply(Now now, ClientFlight& flight, GetReply reply, Outbox& out);
  void handle_write_reply(ClientFlight& flight, WriteReply reply, Outbox& out);
  /// Asks everybody who is connected, and again after a pause, while there is no layout.
  void ask_for_layout(Now now, Outbox& out);
  bool remembers(const ClientFlight& flight, FlowId flow) const;
  void finish(ClientFlight& flight, decltype(Reply::outcome) outcome, Outbox& out);
  void finish_at_deadline(ClientFlight& flight, Outbox& out);
  ClientFlight* flight_of(RequestId request);

  ClientOptions options;
  Random random;
  RingSource ring_source;
  NodeId id;
  ClusterView view;
  std::uint64_t layout_revision = 0;
  /// The member that options.prefer names; nil = none.
  NodeId preferred;
  SessionMemory memory;
  Flights flights;
  std::unordered_map<std::uint64_t, OperationId> requests;  // lookup only
  std::uint64_t request_count = 0;
  NodeSilence silence;
  RetryBudget budget;
  bool silence_timer_is_armed = false;
  Deadlines deadlines{TimerKind::client_deadline, kClientDeadlineTimer};
  Deadlines retries{TimerKind::client_deadline, kClientRetryTimer};
};

}  // namespace dynakv

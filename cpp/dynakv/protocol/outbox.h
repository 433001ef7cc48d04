// Effects as data: what a machine wants done, in order. The driver does it after the step's batch
// is durable (DESIGN §3).
#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "dynakv/base/time.h"
#include "dynakv/protocol/messages.h"
#include "dynakv/protocol/timer.h"

namespace dynakv {

/// The same message to each of `to`; a peer that is not connected does not get it.
struct Send {
  std::vector<NodeId> to;
  Message message;
};

struct SetTimer {
  TimerId timer;
  Instant at;
};

struct CancelTimer {
  TimerId timer;
};

/// Names a client's operation between the application and its ClientSession.
enum class OperationId : std::uint64_t {};

/// The end of an operation that the application started: its reply or its error. As for Body, what
/// copies, moves and ends it is compiled once.
struct Reply {
  using Outcome = std::variant<GetReply, WriteReply, ErrorReply, StatusReply, LayoutReply>;

  Reply();
  Reply(OperationId of, Outcome end);
  Reply(const Reply&);
  Reply(Reply&&) noexcept;
  Reply& operator=(const Reply&);
  Reply& operator=(Reply&&) noexcept;
  ~Reply();

  OperationId operation{};
  Outcome outcome;
};

using Effect = std::variant<Send, SetTimer, CancelTimer, Reply>;

/// Where a request came from: its answer goes there, under the same id.
struct Origin {
  NodeId node;
  RequestId request{};
};

class Outbox {
 public:
  Outbox();
  Outbox(Outbox&&) noexcept;
  Outbox& operator=(Outbox&&) noexcept;
  ~Outbox();

  void send(const NodeId& to, RequestId id, Body body);
  void send(std::vector<NodeId> to, RequestId id, Body body);
  void answer(const Origin& origin, Body body);
  void set_timer(TimerId timer, Instant at);
  void cancel_timer(TimerId timer);
  void reply(Reply reply);

  bool empty() const { return effects_.empty(); }
  const std::vector<Effect>& effects() const { return effects_; }
  std::vector<Effect> take() { return std::exchange(effects_, {}); }

 private:
  std::vector<Effect> effects_;
};

}  // namespace dynakv

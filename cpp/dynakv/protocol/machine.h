// The one shape of a node's machines: what comes in, in which order, and what goes out (DESIGN §3).
//
// NodeCore holds its machines in one list and routes by what each says of itself in inputs(): a
// timer by its kind, a request by its message type, a reply by the Waiter in its id. Everything
// else goes to all, in the order of the list: the start, connections that come and go, refusals.
//
// Invariant 1: a machine never calls another one, and knows nothing of NodeCore. It may read the
// state that others own; what it decides for others it keeps until NodeCore takes it (take_*).
// Invariant 2: effects go only to the Outbox, in the order in which they are to be done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "dynakv/base/result.h"
#include "dynakv/protocol/messages.h"
#include "dynakv/protocol/outbox.h"
#include "dynakv/protocol/request_id.h"
#include "dynakv/protocol/route.h"
#include "dynakv/protocol/timer.h"

namespace dynakv {

/// Values by name; what several machines count under one name is added up.
using Counters = std::map<std::string, std::uint64_t>;

/// A message type as a number: its place in Body.
using BodyKind = std::size_t;

namespace detail {
template <typename T, typename... Ts>
constexpr BodyKind place_in(std::type_identity<std::variant<Ts...>>) {
  BodyKind place = 0;
  (void)((std::is_same_v<T, Ts> ? true : (++place, false)) || ...);
  return place;
}
}  // namespace detail

template <typename T>
inline constexpr BodyKind kKindOf = detail::place_in<T>(std::type_identity<AnyMessage>{});

/// What comes to one machine and to no other.
struct MachineInputs {
  std::vector<TimerKind> timers;
  /// Replies to what the machine asked.
  std::optional<Waiter> waiter;
  std::vector<BodyKind> requests;
};

/// A client's request that was admitted, and where it goes.
struct RoutedRequest {
  NodeId from;
  Message message;
  Route route;

  Origin origin() const { return {from, message.id}; }
};

class Machine {
 public:
  Machine() = default;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  virtual ~Machine() = default;

  virtual MachineInputs inputs() const { return {}; }

  /// Once, before any other input; identity, actors and hints are there. Errors: corruption,
  /// storage.
  virtual Status start(Now, Outbox&) { return {}; }
  /// The peer's Hello was checked, and the connection is usable in both directions.
  virtual void handle_peer_up(Now, const Hello&, Outbox&) {}
  virtual void handle_peer_down(Now, const NodeId&, Outbox&) {}
  /// Another node refused this one's Hello, or took back its own.
  virtual void handle_refusal(Now, const Refusal&, Outbox&) {}
  /// A client's request, or one that another node passed on.
  virtual void handle_request(Now, RoutedRequest&&, Outbox&) {}
  virtual void handle_message(Now, const NodeId&, Message&&, Outbox&) {}
  virtual void handle_timer(Now, TimerId, Outbox&) {}

  /// Clients' requests that wait for their reply here.
  virtual std::size_t in_flight() const { return 0; }
  /// Adds what the machine counted, each under its own name.
  virtual void add_to(Counters&) const {}
};

/// A message on its way into a machine.
struct Incoming {
  const NodeId& from;
  Message& message;
};

/// Gives a message to the overload of handle_message() that takes its type. A type for which there
/// is none is a reply that nobody waits for; it carries nothing to act on.
template <typename M>
void dispatch(M& machine, Now now, Incoming incoming, Outbox& out) {
  const Origin from{incoming.from, incoming.message.id};
  std::visit(
      [&](auto& body) {
        if constexpr (requires { machine.handle_message(now, from, std::move(body), out); }) {
          machine.handle_message(now, from, std::move(body), out);
        }
      },
      incoming.message.body);
}

}  // namespace dynakv

// What a simulated host sees of the world around it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dynakv/base/random.h"
#include "dynakv/base/time.h"
#include "dynakv/protocol/messages.h"
#include "dynakv/sim/event_queue.h"

namespace dynakv {

/// One thing that happened, as data. `host` and `peer` are indices; -1 = none.
struct SimEvent {
  Instant at;
  std::string kind;
  int host = -1;
  int peer = -1;
  std::string detail;
};

/// How often odd things happen in a run: chances in thousandths. 0 = never.
struct Disturbances {
  /// A step takes one of the inputs that are ready.
  std::uint32_t single_input_permille = 0;
  /// A step, a sync or a timer comes up to this much later.
  std::uint32_t late_step_permille = 0;
  std::uint32_t late_sync_permille = 0;
  std::uint32_t late_timer_permille = 0;
  Duration late_by_max = milliseconds(300);
  /// A connection is dialled up to two seconds later.
  std::uint32_t late_dial_permille = 0;
  /// A connection breaks behind a message that was just sent on it.
  std::uint32_t reset_permille = 0;
};

class SimWorld {
 public:
  virtual ~SimWorld() = default;

  virtual EventQueue& events() = 0;
  virtual Now now_at(int host) = 0;
  /// The virtual time at which the host's steady clock will say `steady`, as it goes now.
  virtual Instant when(int host, Instant steady) = 0;
  /// Carries a message to each of `to` that the host is connected with.
  virtual void send(int from, const std::vector<NodeId>& to, const Message& message) = 0;
  /// The host's storage or an invariant failed: its process ends.
  virtual void host_failed(int host, const std::string& reason) = 0;
  /// The host goes on under another id: its connections end.
  virtual void identity_changed(int host) = 0;
  virtual void trace(SimEvent event) = 0;
  /// As trace(), for remarks that follow from the run and are not part of it: the trace hash stays
  /// the same.
  virtual void remark(SimEvent event) = 0;
  virtual bool is_tracing() const = 0;
  virtual const Disturbances& disturbances() const = 0;
  /// -1 when no host has this id.
  virtual int host_of(const NodeId& id) const = 0;
};

}  // namespace dynakv

// One node's process without its input and output: a NodeCore, the step that is under way, and the
// effects that wait until their step is durable.
//
// A server and the simulator both drive this class, so a rule that stands here is the rule that is
// simulated. The driver hands in what is ready, ends the step, lets the store sync, and performs
// the effects that take_released() gives it. It owns sockets, threads and clocks, virtual or real.
//
// Invariant 1: effects are released in order, and only when the step's batch and all earlier ones
// are durable; where effects do not wait for syncs (DESIGN §8, `os`), when they are written.
// Invariant 2: a batch that finds no room on the disk is kept, and tried again with the next step,
// after kRoomRetryPause at the latest; the effects of its steps wait for it (I22). Invariant 3:
// timers are effects: a core that set one does not see it fire before its step is released.
// Invariant 4: no Hello speaks of a step that could still be lost. Source: DESIGN §3, "The step
// contract".
//
// Threads: one strand; the store's sync() may run elsewhere between begin_sync() and end_sync().
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "dynakv/base/timer_queue.h"
#include "dynakv/protocol/effect_queue.h"
#include "dynakv/protocol/handshake.h"
#include "dynakv/protocol/node_core.h"

namespace dynakv {

/// Pause before a batch or a sync that met a full disk is tried again.
inline constexpr Duration kRoomRetryPause = milliseconds(200);

struct StepCounters {
  std::uint64_t steps = 0;
  std::uint64_t batches = 0;
  std::uint64_t disk_full_retries = 0;
};

class StepRunner final : public Greeter {
 public:
  using Waiter = std::function<void(const Status&)>;

  StepRunner(NodeCoreOptions options, DurableStore& store, Random random);

  /// Begins the first step. Errors: as NodeCore::start.
  Status start(Now now, const StartEvidence& evidence);

  // Inputs. Each belongs to the step that is under way, and begins one where there is none.
  void handle_message(Now now, const NodeId& from, Message&& message);
  void handle_peer_up(Now now, const Hello& hello);
  void handle_peer_down(Now now, const NodeId& peer);
  void handle_refusal(Now now, const Refusal& refusal);
  void handle_timer(Now now, TimerId timer);
  /// `waiter`, if there is one, is told when the step is released, or at once of an error.
  void adopt_layout(Now now, const Layout& layout, Waiter waiter = nullptr);
  void form_cluster(Now now, const FirstCluster& first, Waiter waiter = nullptr);

  /// There was an input since the last end_step().
  bool has_open_step() const { return step_is_open_; }
  /// Ends the step and writes its batch. Errors: storage, and what the core failed with; then the
  /// process must end.
  Status end_step(Now now);

  /// True when a sync should begin now; it must cover all that is written. REQUIRES: the driver
  /// then syncs the store and calls end_sync().
  bool begin_sync();
  /// Errors: `result`, unless the disk was full: then the sync is tried again.
  Status end_sync(Now now, const Status& result);

  /// The earliest step that may be released: its timers are set, its other effects are the
  /// driver's to perform, in order, and then its waiters are to be told.
  std::optional<WaitingStep> take_released();

  /// When a full disk is looked at again; far_future() when it is not waited for.
  Instant retry_at() const { return retry_at_; }
  /// That time has come. A step is open then if a batch waits for room.
  void retry();
  bool has_held_batch() const { return batch_is_held_; }

  /// The earliest timer or retry; far_future() when there is none.
  Instant next_wake() const { return std::min(timers_.next(), retry_at_); }
  /// Handles every timer that is due, and the retry.
  void wake(Now now);
  /// When a timer is due; nothing when it is not set.
  std::optional<Instant> timer_at(TimerId timer) const { return timers_.at(timer); }
  /// For drivers that bring timers as inputs of their own time: it is not set any more.
  void take_timer(TimerId timer) { timers_.cancel(timer); }

  /// Ends the process cleanly: all is durable then, and all effects are released. Takes the place
  /// of a sync that is under way. REQUIRES: nothing else syncs the store. Errors: disk_full,
  /// storage.
  Status stop(Now now);
  /// Tells all waiters why what they wait for will not come, and drops all effects.
  void abandon(const Status& why);

  // How it introduces itself and whom it lets in: as its core says. A Hello goes out at once, so it
  // speaks of no step that is not released.
  NodeId own_id() const override { return core_.id(); }
  Hello hello_for(const NodeId& peer) const override;
  Status check_hello(const Hello& hello) const override { return core_.check_hello(hello); }
  Refusal refusal_for(const Hello& hello, const Error& error) const override {
    return core_.refusal_for(hello, error);
  }

  const NodeCore& core() const { return core_; }
  const EffectQueue& waiting() const { return queue_; }
  const StepCounters& counters() const { return counters_; }

 private:
  /// The last batch that effects need not wait for.
  std::uint64_t durable() const;
  void wait_for_room(Now now);
  void note_outcome(const Status& status, Waiter waiter);

  DurableStore& store_;
  const bool effects_wait_for_sync_;
  NodeCore core_;
  Outbox out_;
  bool step_is_open_ = false;
  std::vector<Waiter> waiters_;
  EffectQueue queue_;
  TimerQueue<TimerId> timers_;
  /// Batches written and synced so far; and being synced.
  std::uint64_t written_ = 0;
  std::uint64_t synced_ = 0;
  std::optional<std::uint64_t> syncing_;
  /// The store keeps the pending batch and adds later steps to it: their effects wait together.
  bool batch_is_held_ = false;
  bool sync_is_held_ = false;
  Instant retry_at_ = Instant::far_future();
  /// At the end of the last step that was released.
  Progress durable_progress_;
  StepCounters counters_;
};

}  // namespace dynakv

// The loop of one real node: it drives a StepRunner on one thread that owns the runner, the store
// and the connections.
//
// A turn: wait for input; hand all that is ready to the runner; end the step; ask the helper for a
// sync where one is due; send what is released; write each connection once.
//
// Threads: run() is the thread; post(), request_end() and wait_for_board() are for others.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "dynakv/node/links.h"
#include "dynakv/node/log.h"
#include "dynakv/node/mailbox.h"
#include "dynakv/node/node.h"
#include "dynakv/node/syncer.h"
#include "dynakv/protocol/local_requests.h"
#include "dynakv/protocol/step_runner.h"

namespace dynakv {

/// What other threads see of a node without asking its thread.
struct NodeBoard {
  /// Of the core; a takeover changes it (protocol/rejoin.h).
  NodeId id;
  bool ready = false;
  bool ended = false;
  std::size_t connected_peer_count = 0;
  /// What the last peer said that would not talk to this node; empty: none did.
  std::string refusal;
  std::optional<Error> failure;
  /// The result of a graceful end.
  Status end_status;
  /// Filled in at the end.
  NodeStatus last_status;
  Bytes last_layout;
};

class NodeLoop final : private LinksHandler, private ReactorHandler {
 public:
  enum class End : int { none = 0, graceful = 1, kill = 2 };

  NodeLoop(const NodeOptions& options, std::unique_ptr<DurableStore> store, Random random);

  /// Before run(): listens, starts the core and makes its first step durable.
  Status open(const StartEvidence& evidence, Random random);
  /// Until the end is requested, or something fails; then everything is closed.
  void run();

  void post(Mailbox::Task task);
  /// See Node::submit().
  void submit(LocalRequest request, LocalDone done);
  void request_end(End end);
  /// Waits until `is_done(board)`; false at the timeout.
  template <typename Predicate>
  bool wait_for_board(Duration timeout, Predicate is_done);
  NodeBoard board() const;

  /// The rest is for open() and for tasks that run on the loop's thread.
  const NodeCore& core() const { return runner_->core(); }
  const std::string& address() const { return address_; }
  NodeStatus status() const;
  void set_link_faults(const std::vector<LinkFault>& faults) { links_.set_faults(faults); }
  /// While paused, only tasks run.
  void set_paused(bool paused) { paused_ = paused; }
  Bytes encoded_layout() const;
  /// `done` is called when the layout is durable, or with what went wrong.
  void adopt_layout(const Layout& layout, std::function<void(const Status&)> done);
  /// The same for members whose ids are not known yet; `done` is called before the layout is made.
  void form_cluster(const FirstCluster& first, std::function<void(const Status&)> done);

 private:
  struct Counters {
    std::uint64_t syncs = 0;
    std::uint64_t sends_dropped = 0;
    std::uint64_t frames_too_large = 0;
    std::uint64_t reading_pauses = 0;
  };

  Now link_now() override;
  const Greeter& greeter() const override { return *runner_; }
  void handle_refusal(const Refusal& refusal) override;
  void handle_peer_up(const Hello& hello) override;
  void handle_peer_down(const NodeId& peer) override;
  void handle_peer_message(const NodeId& from, Message&& message) override;
  void handle_dial_failed(const std::string& address, const std::string& reason) override;
  void handle_wake() override;

  void turn();
  void wait_while_paused();
  void end_turn();
  void run_timers();
  void finish_step();
  void advance_durability();
  void end_sync(const Status& result);
  void release();
  void begin_local(LocalRequest request, LocalDone done);
  void send(Send& effect);
  void answer_too_large(Send& effect);
  void follow_peers();
  void limit_input();
  void arm_alarm();
  void publish();
  Status end_gracefully();
  void close(const Status& end_status);
  /// Throws: the run ends here.
  [[noreturn]] void stop_for_good(const Error& error);

  const NodeOptions options_;
  Log log_;
  std::string address_;
  std::unique_ptr<DurableStore> store_;
  std::unique_ptr<StepRunner> runner_;
  bool paused_ = false;
  std::optional<Now> now_;
  LocalRequests local_;
  /// Requests of submit() that have had no reply.
  std::atomic<std::size_t> local_count_ = 0;
  /// Answers of this node to itself, for requests that nobody else can be asked.
  std::vector<std::pair<NodeId, Message>> own_answers_;
  Bytes frame_;
  /// Whom to be connected to may have changed.
  bool peers_changed_ = true;
  std::uint64_t followed_peers_ = 0;
  Counters counters_;

  Mailbox mailbox_;
  std::atomic<End> end_{End::none};
  mutable std::mutex board_mutex_;
  mutable std::condition_variable board_changed_;
  NodeBoard board_;

  AsioReactor reactor_{{}, *this};
  Links links_;
  /// Last: it wakes the reactor.
  std::unique_ptr<Syncer> syncer_;
};

template <typename Predicate>
bool NodeLoop::wait_for_board(Duration timeout, Predicate is_done) {
  std::unique_lock lock(board_mutex_);
  return board_changed_.wait_for(lock, std::chrono::nanoseconds(timeout.nanoseconds),
                                 [&] { return is_done(board_); });
}

}  // namespace dynakv

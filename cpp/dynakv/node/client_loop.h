// The loop of one real client: it drives a ClientSession on one thread that owns the session and
// the connections. A turn takes all replies and submissions that are there, then writes each
// connection once and hands over what has ended.
//
// Threads: run() is the thread; submit(), post(), close() and the board are for others.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dynakv/node/batch.h"
#include "dynakv/node/completion_queue.h"
#include "dynakv/node/links.h"
#include "dynakv/node/mailbox.h"
#include "dynakv/protocol/client_session.h"

namespace dynakv {

/// What other threads see of a client without asking its thread.
struct ClientBoard {
  std::shared_ptr<const Layout> layout;
  /// Has a layout and has tried every member once.
  bool connected = false;
  bool ended = false;
  /// The last thing that went wrong with each contact point.
  std::map<std::string, std::string> contact_errors;
  ClientCounters counters;
};

class ClientLoop final : private LinksHandler, private ReactorHandler {
 public:
  ClientLoop(std::vector<std::string> contact_points, const ClientOptions& options, Random random);

  void run();
  void submit(std::shared_ptr<Batch> batch);
  void cancel(std::shared_ptr<Batch> batch);
  void forget_flow(FlowId flow);
  void request_end();

  /// Waits until the client is connected or has ended; false at the timeout.
  bool wait_connected(Duration timeout) const;
  ClientBoard board() const;
  const NodeId& id() const { return id_; }
  std::size_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  CompletionQueue& completions() { return completions_; }

 private:
  struct Place {
    std::shared_ptr<Batch> batch;
    std::size_t index = 0;
  };

  Now link_now() override;
  const Greeter& greeter() const override { return session_; }
  void handle_refusal(const Refusal&) override {}
  void handle_peer_up(const Hello& hello) override;
  void handle_peer_down(const NodeId& peer) override;
  void handle_peer_message(const NodeId& from, Message&& message) override;
  void handle_dial_failed(const std::string& address, const std::string& reason) override;
  void handle_wake() override { mailbox_.run_all(); }

  void end_turn();
  void run_timers();
  void post(Mailbox::Task task);
  void start(const std::shared_ptr<Batch>& batch);
  void start_one(const std::shared_ptr<Batch>& batch, std::size_t index);
  void cancel_started(const std::shared_ptr<Batch>& batch);
  void perform_effects();
  void send(Send& effect);
  void end_operation(Reply reply);
  void finish_place(const Place& place, Reply reply);
  /// Dials the members of a layout that the session has learned.
  void follow_layout();
  void publish();
  void close();

  const std::vector<std::string> contact_points_;
  ClientSession session_;
  const NodeId id_;
  Outbox out_;
  std::optional<Now> now_;
  TimerQueue<TimerId> timers_;
  std::unordered_map<std::uint64_t, Place> places_;
  std::uint64_t operation_count_ = 0;
  std::vector<std::shared_ptr<Batch>> finished_;
  std::map<std::string, std::string> contact_errors_;
  std::shared_ptr<const Layout> layout_;
  std::uint64_t followed_layout_ = 0;
  ClientCounters counters_;
  bool changed_ = false;
  Bytes frame_;

  CompletionQueue completions_;
  Mailbox mailbox_;
  std::atomic<bool> end_requested_{false};
  std::atomic<std::size_t> in_flight_{0};
  mutable std::mutex board_mutex_;
  mutable std::condition_variable board_changed_;
  ClientBoard board_;
  AsioReactor reactor_{{}, *this};
  Links links_;
};

}  // namespace dynakv

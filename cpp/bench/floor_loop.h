// The event loop of one floor node.
//
// What: epoll over all sockets of a node; hands frames to a handler, ends each round as one step,
// and holds the step's output back until it is durable.
//
// Why: this is where the factor of 30 comes from (all ready input, one batch, one write per
// connection), and where a sync costs nearly nothing, because a helper does it meanwhile.
//
// Invariants:
// 1. At most one sync is under way; it covers exactly the steps before its start.
// 2. Output of a step without a batch waits too, if an earlier step is not yet durable.
//
// Source: PERFORMANCE.md §2.1, §2.4. Threads: the loop's, and the helper that calls sync().
#ifndef DYNAKV_BENCH_FLOOR_LOOP_H_
#define DYNAKV_BENCH_FLOOR_LOOP_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/floor_connection.h"

namespace dynakv::bench {

class FloorHandler {
 public:
  virtual ~FloorHandler() = default;
  // Called once on the loop's thread, before any frame.
  virtual void prepare_thread() = 0;
  virtual void handle_frame(std::uint32_t connection, const FloorFrame& frame) = 0;
  // Ends the step: writes its batch. Returns false where there was nothing to write.
  virtual bool end_step() = 0;
  // Makes all earlier batches durable. Called on the helper's thread.
  virtual void sync() = 0;
};

// Written by the loop's thread only; read by any.
struct FloorLoopCounters {
  std::atomic<std::uint64_t> steps{0};
  std::atomic<std::uint64_t> write_batches{0};
  std::atomic<std::uint64_t> syncs{0};
  std::atomic<std::uint64_t> sends{0};
};

inline void add_to(std::atomic<std::uint64_t>* counter, std::uint64_t count) {
  counter->store(counter->load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
}

class FloorLoop {
 public:
  FloorLoop(FloorHandler* handler, bool fsync_per_step);
  ~FloorLoop();
  FloorLoop(const FloorLoop&) = delete;
  FloorLoop& operator=(const FloorLoop&) = delete;

  // Before start(): takes over a listening or a connected socket.
  void set_listener(int fd);
  std::uint32_t add_connection(int fd);

  void start();
  void stop();  // Joins both threads. Output that still awaits a sync is dropped.

  // For the handler. Output to a connection that has closed is dropped.
  void send(std::uint32_t connection, const FloorFrame& frame);
  void send_encoded(std::uint32_t connection, const std::string& frames);

  const FloorLoopCounters& counters() const { return counters_; }

 private:
  void run();
  void run_syncer();
  void watch(int fd, std::uint64_t tag, std::uint32_t events, int operation);
  void handle_event(std::uint64_t tag, std::uint32_t events);
  void accept_connections();
  void receive_from(std::uint32_t connection);
  FloorConnection* output_of(std::uint32_t connection);
  void finish_step();
  void finish_sync();
  void flush(std::uint32_t connection);
  void close(std::uint32_t connection);

  FloorHandler* const handler_;
  const bool fsync_per_step_;
  const int epoll_;
  const int stop_event_;
  const int sync_start_;  // Semaphores between loop and helper.
  const int sync_done_;
  int listener_ = -1;
  std::vector<std::unique_ptr<FloorConnection>> connections_;  // By id; null = closed.
  std::vector<std::uint32_t> dirty_;    // With output that no sync has taken on yet.
  std::vector<std::uint32_t> in_sync_;  // With marked output.
  bool sync_under_way_ = false;
  bool unsynced_ = false;  // A batch was written since the last sync began.
  std::atomic<bool> stopping_{false};
  FloorLoopCounters counters_;
  std::thread thread_;
  std::thread syncer_;
};

}  // namespace dynakv::bench

#endif  // DYNAKV_BENCH_FLOOR_LOOP_H_

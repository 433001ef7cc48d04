// One thread's event loop: turns, an alarm, and a way for other threads to wake it.
//
// It has no sockets of its own. Transports bring them (adapters/asio_transport.h), and several fit
// on one reactor: one for each door of a node, with listeners and a handler of its own. So a driver
// gets the inputs of all doors in one turn. A transport may end before its reactor, not after it.
//
// Threads: all of it belongs to the thread that calls run_turn(), except wake().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "dynakv/base/time.h"

namespace dynakv {

struct TurnOptions {
  /// Bytes read in one turn from all connections, so that a step stays short; the rest come in the
  /// next one.
  std::size_t bytes_max = 1u << 20;
  /// Events handled in one turn; the rest come in the next one.
  std::size_t event_count_max = 256;
};

struct ReactorCounters {
  std::uint64_t turns = 0;
  std::uint64_t wakes = 0;
};

class ReactorHandler {
 public:
  virtual ~ReactorHandler() = default;
  /// Once for all wake() calls since the last time.
  virtual void handle_wake() = 0;
};

class AsioReactor {
 public:
  AsioReactor(TurnOptions options, ReactorHandler& handler);
  ~AsioReactor();
  AsioReactor(const AsioReactor&) = delete;
  AsioReactor& operator=(const AsioReactor&) = delete;

  /// Waits for the first event, then handles what is ready, within the turn's bounds.
  void run_turn();
  /// Ends a turn's wait at `at`, or earlier; Instant::far_future() = none. In the time of
  /// system_now().
  void set_alarm(Instant at, Instant now);
  /// From any thread: makes run_turn() return soon.
  void wake();

  const ReactorCounters& counters() const;

 private:
  friend class AsioTransport;
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace dynakv

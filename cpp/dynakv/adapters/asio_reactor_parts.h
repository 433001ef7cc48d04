// The inside of AsioReactor, for transports.
#pragma once

#include <atomic>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "dynakv/adapters/asio_reactor.h"

namespace dynakv {

struct AsioReactor::Parts {
  Parts(TurnOptions turn_options, ReactorHandler& reactor_handler)
      : options(turn_options), handler(reactor_handler) {}

  const TurnOptions options;
  ReactorHandler& handler;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::steady_timer alarm{io};
  Instant alarm_at = Instant::far_future();
  /// Read in this turn.
  std::size_t turn_bytes = 0;
  std::atomic<bool> wake_pending{false};
  ReactorCounters counters;
};

}  // namespace dynakv

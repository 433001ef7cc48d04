#include "dynakv/adapters/asio_reactor.h"

#include <algorithm>
#include <chrono>
#include <asio/post.hpp>

#include "dynakv/adapters/asio_reactor_parts.h"

namespace dynakv {

AsioReactor::AsioReactor(TurnOptions options, ReactorHandler& handler)
    : parts_(std::make_unique<Parts>(options, handler)) {}

AsioReactor::~AsioReactor() = default;

void AsioReactor::run_turn() {
  Parts& parts = *parts_;
  ++parts.counters.turns;
  parts.turn_bytes = 0;
  parts.io.run_one();
  for (std::size_t count = 1; count < parts.options.event_count_max; ++count) {
    if (parts.turn_bytes >= parts.options.bytes_max || parts.io.poll_one() == 0) break;
  }
}

void AsioReactor::set_alarm(Instant at, Instant now) {
  // An alarm that comes too early is set again then: cheaper than arming for every later deadline.
  if (at >= parts_->alarm_at) return;
  parts_->alarm_at = at;
  parts_->alarm.expires_after(
      std::chrono::nanoseconds(std::max<std::int64_t>(0, (at - now).nanoseconds)));
  parts_->alarm.async_wait([parts = parts_.get()](const asio::error_code& error) {
    if (!error) parts->alarm_at = Instant::far_future();  // else it was replaced
  });
}

void AsioReactor::wake() {
  if (parts_->wake_pending.exchange(true)) return;
  asio::post(parts_->io, [parts = parts_.get()] {
    ++parts->counters.wakes;
    parts->wake_pending.store(false);
    parts->handler.handle_wake();
  });
}

const ReactorCounters& AsioReactor::counters() const { return parts_->counters; }

}  // namespace dynakv

// What a NodeLoop tells other threads of its node.
#include <utility>

#include "dynakv/adapters/system_clock.h"
#include "dynakv/node/node_loop.h"

namespace dynakv {

NodeStatus NodeLoop::status() const {
  NodeStatus status{.id = core().id(),
                    .name = core().name(),
                    .address = address_,
                    .incarnation = core().incarnation(),
                    .ready = core().is_ready(),
                    .recovering = core().is_recovering(),
                    .running = true,
                    .counters = core().counters()};
  if (const Layout* layout = core().layout()) status.layout = layout->version;
  status.peers = core().peer_statuses(system_now());
  const auto count = [&](const char* name, std::uint64_t value) {
    status.counters[std::string("node.") + name] = value;
  };
  const TransportCounters& transport = links_.transport().counters();
  const LinkCounters& links = links_.counters();
  const StepCounters& steps = runner_->counters();
  count("steps", steps.steps);
  count("batches", steps.batches);
  count("syncs", counters_.syncs);
  count("sends_dropped", counters_.sends_dropped);
  count("frames_too_large", counters_.frames_too_large);
  count("reading_pauses", counters_.reading_pauses);
  count("disk_full_retries", steps.disk_full_retries);
  count("messages_received", links.messages_received);
  count("dials", links.dials);
  count("handshakes_refused", links.handshakes_refused);
  count("handshakes_timed_out", links.handshakes_timed_out);
  count("protocol_errors", links.protocol_errors);
  count("faults_lost", links_.lost_to_faults());
  count("turns", reactor_.counters().turns);
  count("reads", transport.reads);
  count("writes", transport.writes);
  count("bytes_read", transport.bytes_read);
  count("bytes_written", transport.bytes_written);
  count("connections", links_.transport().connection_count());
  count("connections_accepted", transport.accepted);
  count("connections_refused_full", transport.refused_full);
  count("connections_closed_slow", transport.closed_slow);
  return status;
}

Bytes NodeLoop::encoded_layout() const {
  const Layout* layout = core().layout();
  return layout == nullptr ? Bytes() : encode_layout(*layout);
}

void NodeLoop::publish() {
  const bool ready = core().is_ready();
  const std::size_t connected = links_.up_count();
  const std::lock_guard lock(board_mutex_);
  if (board_.ready == ready && board_.connected_peer_count == connected &&
      board_.id == core().id()) {
    return;
  }
  board_.id = core().id();
  board_.ready = ready;
  board_.connected_peer_count = connected;
  board_changed_.notify_all();
}

NodeBoard NodeLoop::board() const {
  const std::lock_guard lock(board_mutex_);
  return board_;
}

void NodeLoop::close(const Status& end_status) {
  NodeStatus last = status();
  last.running = false;
  last.ready = false;
  Bytes layout = encoded_layout();
  const bool failed = !end_status && end_.load() == End::none;
  if (failed) log_.write(LogLevel::error, "stopped for good: " + end_status.error().message);
  const Status closed = failed ? end_status : fail(ErrorCode::closed, "the node was stopped");
  links_.transport().close_all();
  {
    const std::lock_guard lock(board_mutex_);
    board_.ready = false;
    board_.ended = true;
    board_.connected_peer_count = 0;
    board_.end_status = end_status;
    if (failed) board_.failure = end_status.error();
    board_.last_status = std::move(last);
    board_.last_layout = std::move(layout);
  }
  runner_->abandon(closed);
  local_.close();
  mailbox_.close();
  syncer_.reset();
  runner_.reset();
  store_.reset();
  board_changed_.notify_all();
}

}  // namespace dynakv

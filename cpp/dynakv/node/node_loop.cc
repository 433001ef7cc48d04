#include "dynakv/node/node_loop.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "dynakv/adapters/system_clock.h"
#include "dynakv/base/check.h"

namespace dynakv {
namespace {

/// Pause before a batch or a sync that met a full disk is tried again.
constexpr Duration kDiskRetryPause = milliseconds(200);

/// Carries what ends the run up to run(), through Asio's frames, which let exceptions pass.
struct StoppedForGood {
  Error error;
};

}  // namespace

NodeLoop::NodeLoop(const NodeOptions& options, std::unique_ptr<DurableStore> store, Random random)
    : options_(options),
      log_(options.log_level, options.name),
      store_(std::move(store)),
      links_({.transport = {.connection_count_max = options.connection_count_max,
                            .output_bytes_max = options.output_bytes_max},
              .handshake_timeout = options.handshake_timeout},
             *this, random.stream("links")) {}

Status NodeLoop::open(const StartEvidence& evidence, Random random) {
  AsioTransport& transport = links_.transport();
  if (const Status listening = transport.listen(options_.listen, options_.insecure); !listening) {
    return listening;
  }
  address_ = options_.advertise.empty() ? transport.local_address() : options_.advertise;
  NodeCoreOptions core_options;
  core_options.name = options_.name;
  core_options.address = address_;
  core_options.contact_points = options_.contact_points;
  core_options.rejoin = options_.rejoin;
  core_options.protocol = options_.protocol;
  core_options.effects_wait_for_sync = options_.durability == Durability::group;
  core_ = std::make_unique<NodeCore>(std::move(core_options), *store_, random);
  if (Status started = core_->start(link_now(), evidence, out_); !started) return started;
  core_->end_step();
  if (Status written = store_->write_step(); !written) return written;
  if (Status synced = store_->sync(); !synced) return synced;
  queue_.push({.effects = out_.take(), .progress = core_->progress()});
  // Memory has nothing to sync.
  if (options_.durability == Durability::group && options_.storage == StorageKind::rocksdb) {
    syncer_ = std::make_unique<Syncer>(*store_, [&transport] { transport.wake(); });
  }
  links_.set_faults(options_.link_faults);
  follow_peers();
  end_turn();
  return {};
}

void NodeLoop::run() {
  Status end_status;
  try {
    log_.write(LogLevel::info, "listens on " + address_);
    while (end_.load() == End::none) {
      turn();
      wait_while_paused();
    }
    if (end_.load() == End::graceful) end_status = end_gracefully();
  } catch (const StoppedForGood& stopped) {
    end_status = fail(stopped.error);
  } catch (const std::exception& error) {
    end_status = fail(ErrorCode::internal, std::string("a check failed: ") + error.what());
  }
  close(end_status);
}

void NodeLoop::turn() {
  now_.reset();
  links_.transport().run_turn();
  end_turn();
}

void NodeLoop::end_turn() {
  do {
    run_timers();
    if (had_input_) finish_step();
    advance_durability();
    release();
    limit_input();
    // A connection that fails here is news for the core: another step.
    links_.transport().flush();
  } while (had_input_ || !own_answers_.empty());
  publish();
  arm_alarm();
}

Now NodeLoop::link_now() {
  if (!now_) now_ = system_now();
  return *now_;
}

void NodeLoop::run_timers() {
  const Now now = link_now();
  while (const auto timer = timers_.take_due(now.steady)) {
    had_input_ = true;
    core_->handle_timer(now, *timer, out_);
  }
  links_.run_timers(now.steady);
  for (auto& [from, message] : std::exchange(own_answers_, {})) {
    handle_peer_message(from, std::move(message));
  }
  if (now.steady >= disk_retry_at_) {
    ++counters_.disk_full_retries;
    disk_retry_at_ = Instant::far_future();
    had_input_ = had_input_ || write_held_;
  }
}

void NodeLoop::finish_step() {
  had_input_ = false;
  ++counters_.steps;
  if (const auto& failure = core_->failure()) stop_for_good(*failure);
  core_->end_step();
  follow_peers();
  WaitingStep step{.effects = out_.take(), .waiters = std::exchange(waiters_, {})};
  write_held_ = false;
  if (store_->has_pending()) {
    const Status written = store_->write_step();
    write_held_ = !written && written.error().code == ErrorCode::disk_full;
    if (!written && !write_held_) stop_for_good(written.error());
    // The store keeps the batch and adds later steps to it: their effects wait for it together.
    if (write_held_) disk_retry_at_ = link_now().steady + kDiskRetryPause;
    if (written) ++written_;
    ++counters_.batches;
  }
  step.batch = written_ + (write_held_ ? 1 : 0);
  step.progress = core_->progress();
  queue_.push(std::move(step));
}

void NodeLoop::advance_durability() {
  if (syncer_ == nullptr) {
    durable_ = written_;
    return;
  }
  if (const auto result = syncer_->take_result()) {
    if (result->has_value()) {
      durable_ = syncing_;
    } else if (result->error().code == ErrorCode::disk_full) {
      disk_retry_at_ = std::min(disk_retry_at_, link_now().steady + kDiskRetryPause);
    } else {
      stop_for_good(result->error());
    }
  }
  const bool held = disk_retry_at_ != Instant::far_future();
  if (syncer_->is_busy() || durable_ == written_ || held) return;
  syncing_ = written_;
  ++counters_.syncs;
  syncer_->request();
}

void NodeLoop::release() {
  while (auto step = queue_.take(durable_)) {
    durable_progress_ = step->progress;
    for (Effect& effect : step->effects) perform(effect);
    for (const auto& waiter : step->waiters) waiter({});
  }
}

void NodeLoop::perform(Effect& effect) {
  if (auto* to_send = std::get_if<Send>(&effect)) {
    send(*to_send);
  } else if (const auto* timer = std::get_if<SetTimer>(&effect)) {
    timers_.set(timer->timer, timer->at);
  } else if (const auto* cancelled = std::get_if<CancelTimer>(&effect)) {
    timers_.cancel(cancelled->timer);
  } else if (const auto* trace = std::get_if<Trace>(&effect)) {
    if (!log_.is_on(LogLevel::debug)) return;
    std::string line = trace->event;
    for (const auto& [name, value] : trace->fields) line += " " + name + "=" + value;
    log_.write(LogLevel::debug, line);
  }
  // A node has no application above it that a Reply could go to.
}

void NodeLoop::send(Send& effect) {
  if (effect.to.size() == 1) {
    Bytes* output = links_.output(effect.to.front());
    if (output == nullptr) {
      ++counters_.sends_dropped;
    } else if (!encode_message(effect.message, *output)) {
      answer_too_large(effect);
    }
    return;
  }
  frame_.clear();
  if (!encode_message(effect.message, frame_)) return answer_too_large(effect);
  for (const NodeId& to : effect.to) {
    if (Bytes* output = links_.output(to)) {
      output->append(frame_);
    } else {
      ++counters_.sends_dropped;
    }
  }
}

void NodeLoop::answer_too_large(Send& effect) {
  ++counters_.frames_too_large;
  const Error error{ErrorCode::value_too_large,
                    "the siblings of this key together are larger than a message may be"};
  const Body& body = effect.message.body;
  const RequestId id = effect.message.id;
  if (std::holds_alternative<ReplicaPut>(body)) {
    for (const NodeId& to : effect.to) own_answers_.push_back({to, {id, ReplicaError{error}}});
    return;
  }
  const bool is_of_replica =
      std::holds_alternative<ReplicaGetReply>(body) || std::holds_alternative<RecoveryPage>(body);
  effect.message.body =
      is_of_replica ? Body(ReplicaError{error}) : Body(ErrorReply{.error = error});
  send(effect);
}

void NodeLoop::limit_input() {
  const bool too_much = queue_.effect_count() > options_.unsynced_effect_count_max ||
                        queue_.bytes() > options_.unsynced_bytes_max;
  if (too_much) ++counters_.reading_pauses;
  links_.transport().set_reading_paused(too_much);
}

void NodeLoop::arm_alarm() {
  const Instant next = std::min({timers_.next(), links_.next_timer(), disk_retry_at_});
  if (next != Instant::far_future()) links_.transport().set_alarm(next, system_now().steady);
}

Hello NodeLoop::hello_for(const NodeId& peer) const {
  Hello hello = core_->hello_for(peer);
  // It goes out at once, so it may not speak of a step that is not durable yet.
  hello.progress = durable_progress_;
  return hello;
}

void NodeLoop::handle_peer_up(const Hello& hello) {
  // While a cluster forms, this is how its members' ids become known.
  had_input_ = peers_changed_ = true;
  core_->handle_peer_up(link_now(), hello, out_);
  log_.write(LogLevel::info, "connected to " + printable(hello.name));
}

void NodeLoop::handle_peer_down(const NodeId& peer) {
  had_input_ = true;
  core_->handle_peer_down(link_now(), peer, out_);
  log_.write(LogLevel::warning, "lost the connection to " + to_string(peer));
}

void NodeLoop::handle_peer_message(const NodeId& from, Message&& message) {
  had_input_ = true;
  core_->handle_message(link_now(), from, std::move(message), out_);
}

void NodeLoop::handle_refusal(const Refusal& refusal) {
  had_input_ = peers_changed_ = true;
  {
    const std::lock_guard lock(board_mutex_);
    board_.refusal = refusal.error.message;
  }
  const NodeId before = core_->id();
  core_->handle_refusal(link_now(), refusal, out_);
  if (core_->id() == before) return;
  log_.write(LogLevel::warning, "takes over the identity " + to_string(core_->id()) +
                                    " of the lost node of its name, and recovers its data");
  links_.hang_up_all("the node has a new identity");
}

void NodeLoop::handle_dial_failed(const std::string& address, const std::string& reason) {
  if (log_.is_on(LogLevel::debug)) log_.write(LogLevel::debug, address + ": " + reason);
}

void NodeLoop::handle_wake() { mailbox_.run_all(); }

void NodeLoop::post(Mailbox::Task task) {
  if (mailbox_.post(std::move(task))) links_.transport().wake();
}

void NodeLoop::request_end(End end) {
  End none = End::none;
  end_.compare_exchange_strong(none, end);
  links_.transport().wake();
}

void NodeLoop::stop_for_good(const Error& error) { throw StoppedForGood{error}; }

}  // namespace dynakv

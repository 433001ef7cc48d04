#include "dynakv/node/node_loop.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>

#include "dynakv/adapters/system_clock.h"
#include "dynakv/protocol/request_error.h"

namespace dynakv {
namespace {

/// Between two looks for tasks of a paused node.
constexpr std::chrono::milliseconds kPausedLook{2};

NodeId local_id(Random random) { return {random.next(), random.next()}; }

/// Carries what ends the run up to run(), through Asio's frames, which let exceptions pass.
struct StoppedForGood {
  Error error;
};

}  // namespace

NodeLoop::NodeLoop(const NodeOptions& options, std::unique_ptr<DurableStore> store, Random random)
    : options_(options),
      log_(options.log_level, options.name),
      store_(std::move(store)),
      local_(local_id(random.stream("local requests"))),
      links_(reactor_,
             {.transport = {.connection_count_max = options.connection_count_max,
                            .output_bytes_max = options.output_bytes_max},
              .handshake_timeout = options.handshake_timeout},
             *this, random.stream("links")) {}

Status NodeLoop::open(const StartEvidence& evidence, Random random) {
  const auto listening = links_.transport().listen(options_.listen, options_.insecure);
  if (!listening) return fail(listening.error());
  address_ = options_.advertise.empty() ? *listening : options_.advertise;
  NodeCoreOptions core_options;
  core_options.name = options_.name;
  core_options.address = address_;
  core_options.contact_points = options_.contact_points;
  core_options.rejoin = options_.rejoin;
  core_options.protocol = options_.protocol;
  core_options.effects_wait_for_sync = options_.durability == Durability::group;
  runner_ = std::make_unique<StepRunner>(std::move(core_options), *store_, random);
  if (Status started = runner_->start(link_now(), evidence); !started) return started;
  if (Status written = runner_->end_step(link_now()); !written) return written;
  if (runner_->has_held_batch()) {
    return fail(ErrorCode::disk_full, "the disk is full; make room and start the node again");
  }
  if (runner_->begin_sync()) {
    if (Status synced = runner_->end_sync(link_now(), store_->sync()); !synced) return synced;
  }
  // Memory has nothing to sync.
  if (options_.durability == Durability::group && options_.storage == StorageKind::rocksdb) {
    syncer_ = std::make_unique<Syncer>(*store_, [this] { reactor_.wake(); });
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

Status NodeLoop::end_gracefully() {
  log_.write(LogLevel::info, "stops");
  now_.reset();
  if (syncer_ != nullptr && syncer_->is_busy()) {
    if (Status synced = syncer_->wait(); !synced) return synced;
  }
  if (Status stopped = runner_->stop(link_now()); !stopped) return stopped;
  release();
  links_.transport().flush();
  return {};
}

void NodeLoop::wait_while_paused() {
  while (paused_ && end_.load() == End::none) {
    std::this_thread::sleep_for(kPausedLook);
    mailbox_.run_all();
  }
}

void NodeLoop::turn() {
  now_.reset();
  reactor_.run_turn();
  end_turn();
}

void NodeLoop::end_turn() {
  do {
    run_timers();
    if (runner_->has_open_step()) finish_step();
    advance_durability();
    release();
    limit_input();
    // A connection that fails here is news for the core: another step.
    links_.transport().flush();
  } while (runner_->has_open_step() || !own_answers_.empty());
  publish();
  arm_alarm();
}

Now NodeLoop::link_now() {
  if (!now_) now_ = system_now();
  return *now_;
}

void NodeLoop::run_timers() {
  const Now now = link_now();
  runner_->wake(now);
  links_.run_timers(now.steady);
  for (auto& [from, message] : std::exchange(own_answers_, {})) {
    handle_peer_message(from, std::move(message));
  }
}

void NodeLoop::finish_step() {
  if (const Status ended = runner_->end_step(link_now()); !ended) stop_for_good(ended.error());
  follow_peers();
}

void NodeLoop::advance_durability() {
  if (syncer_ == nullptr) {
    // There is nothing to sync, or nothing waits for it.
    if (runner_->begin_sync()) (void)runner_->end_sync(link_now(), {});
    return;
  }
  if (const auto result = syncer_->take_result()) end_sync(*result);
  if (syncer_->is_busy() || !runner_->begin_sync()) return;
  ++counters_.syncs;
  syncer_->request();
}

void NodeLoop::end_sync(const Status& result) {
  if (const Status ended = runner_->end_sync(link_now(), result); !ended) {
    stop_for_good(ended.error());
  }
}

void NodeLoop::release() {
  while (auto step = runner_->take_released()) {
    for (Effect& effect : step->effects) {
      if (auto* to_send = std::get_if<Send>(&effect)) send(*to_send);
    }
    step->tell_waiters({});
  }
}

void NodeLoop::send(Send& effect) {
  if (effect.to.size() == 1) {
    if (effect.to.front() == local_.id()) return local_.deliver(std::move(effect.message));
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
  auto answer = answer_to_too_large(effect.message.body);
  if (!answer) return;
  if (answer->is_for_sender) {
    for (const NodeId& to : effect.to) {
      own_answers_.push_back({to, {effect.message.id, answer->body}});
    }
    return;
  }
  effect.message.body = std::move(answer->body);
  send(effect);
}

void NodeLoop::limit_input() {
  const bool too_much = runner_->waiting().effect_count() > options_.unsynced_effect_count_max ||
                        runner_->waiting().bytes() > options_.unsynced_bytes_max;
  if (too_much) ++counters_.reading_pauses;
  links_.transport().set_reading_paused(too_much);
}

void NodeLoop::arm_alarm() {
  const Instant next = std::min(runner_->next_wake(), links_.next_timer());
  if (next != Instant::far_future()) reactor_.set_alarm(next, system_now().steady);
}

void NodeLoop::follow_peers() {
  const std::uint64_t revision = core().peers_revision();
  if (!std::exchange(peers_changed_, false) && revision == followed_peers_) return;
  followed_peers_ = revision;
  std::vector<Links::Target> targets;
  std::vector<std::string> contacts;
  for (Member& peer : core().peers()) {
    if (peer.id.is_nil()) {
      contacts.push_back(std::move(peer.address));
    } else {
      targets.push_back({peer.id, std::move(peer.address)});
    }
  }
  links_.set_targets(targets);
  links_.set_contacts(std::move(contacts));
}

void NodeLoop::adopt_layout(const Layout& layout, std::function<void(const Status&)> done) {
  runner_->adopt_layout(link_now(), layout, std::move(done));
}

void NodeLoop::form_cluster(const FirstCluster& first, std::function<void(const Status&)> done) {
  peers_changed_ = true;
  runner_->form_cluster(link_now(), first, std::move(done));
}

void NodeLoop::handle_peer_up(const Hello& hello) {
  // While a cluster forms, this is how its members' ids become known.
  peers_changed_ = true;
  runner_->handle_peer_up(link_now(), hello);
  log_.write(LogLevel::info, "connected to " + printable(hello.name));
}

void NodeLoop::handle_peer_down(const NodeId& peer) {
  runner_->handle_peer_down(link_now(), peer);
  log_.write(LogLevel::warning, "lost the connection to " + to_string(peer));
}

void NodeLoop::handle_peer_message(const NodeId& from, Message&& message) {
  runner_->handle_message(link_now(), from, std::move(message));
}

void NodeLoop::handle_refusal(const Refusal& refusal) {
  peers_changed_ = true;
  {
    const std::lock_guard lock(board_mutex_);
    board_.refusal = refusal.error.message;
  }
  const NodeId before = core().id();
  runner_->handle_refusal(link_now(), refusal);
  if (core().id() == before) return;
  log_.write(LogLevel::warning, "takes over the identity " + to_string(core().id()) +
                                    " of the lost node of its name, and recovers its data");
  links_.hang_up_all("the node has a new identity");
}

void NodeLoop::handle_dial_failed(const std::string& address, const std::string& reason) {
  if (log_.is_on(LogLevel::debug)) log_.write(LogLevel::debug, address + ": " + reason);
}

void NodeLoop::handle_wake() { mailbox_.run_all(); }

void NodeLoop::post(Mailbox::Task task) {
  if (mailbox_.post(std::move(task))) reactor_.wake();
}

void NodeLoop::submit(LocalRequest request, LocalDone done) {
  if (local_count_.fetch_add(1) >= options_.local_request_count_max) {
    --local_count_;
    return done(refused(ErrorCode::overloaded,
                        "this node has too many requests of its own process; slow down"));
  }
  // A std::function is copied where it goes, and a request may be large.
  auto shared = std::make_shared<LocalRequest>(std::move(request));
  auto counted = [this, done = std::move(done)](Body reply) {
    --local_count_;
    done(std::move(reply));
  };
  post([this, shared, counted](bool running) {
    if (running) return begin_local(std::move(*shared), counted);
    counted(refused(ErrorCode::closed, "the node has ended; nothing was changed"));
  });
}

void NodeLoop::begin_local(LocalRequest request, LocalDone done) {
  const Layout* layout = core().layout();
  const LayoutVersion version = layout == nullptr ? LayoutVersion{} : layout->version;
  Message message = local_.begin(std::move(request), version, std::move(done));
  runner_->handle_message(link_now(), local_.id(), std::move(message));
}

void NodeLoop::request_end(End end) {
  End none = End::none;
  end_.compare_exchange_strong(none, end);
  reactor_.wake();
}

void NodeLoop::stop_for_good(const Error& error) { throw StoppedForGood{error}; }

}  // namespace dynakv

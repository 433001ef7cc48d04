#include "dynakv/sim/sim_node.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dynakv/sim/sim_network.h"
#include "dynakv/sim/sim_sometimes.h"

namespace dynakv {
namespace {

/// A slow host's sync still ends within a request's life, more or less; longer is a pause.
constexpr Duration kSlowSyncMax = seconds(5);

const char* word_for(PeerState state) {
  switch (state) {
    case PeerState::alive:
      return "alive";
    case PeerState::suspect:
      return "suspect";
    case PeerState::dead:
      return "dead";
    case PeerState::left:
      return "left";
  }
  return "";
}

}  // namespace

SimNode::SimNode(SimWorld& world, int index, SimNodeOptions options, Random random)
    : world_(world),
      index_(index),
      options_(std::move(options)),
      random_(random),
      disk_(options_.store ? options_.store(random.stream("store")) : nullptr) {}

Status SimNode::start() {
  ++run_;
  const StartEvidence evidence{"boot " + std::to_string(boot_), "place " + std::to_string(place_)};
  if (Status opened = disk_.open(evidence.boot_id); !opened) {
    disk_.drop_pending();
    return opened;
  }
  runner_ = std::make_unique<StepRunner>(options_.core, disk_, random_.stream("core", run_));
  if (Status started = runner_->start(world_.now_at(index_), evidence); !started) {
    runner_.reset();
    disk_.drop_pending();
    return started;
  }
  is_paused_ = false;
  finish_step();
  if (!runner_) return fail(ErrorCode::storage, "the node's storage failed in its first step");
  return {};
}

void SimNode::crash(bool lose_power) {
  sometimes(SimSometimes::crash_before_effects, runner_ && runner_->waiting().effect_count() > 0);
  last_progress_ = last_progress();
  runner_.reset();
  inbox_.clear();
  step_is_scheduled_ = retry_is_scheduled_ = false;
  is_paused_ = false;
  if (lose_power) {
    reboot();
  } else {
    disk_.drop_pending();
  }
}

void SimNode::reboot() {
  disk_.lose_power(random_);
  ++boot_;
}

Status SimNode::stop_cleanly() {
  if (const Status stopped = runner_->stop(world_.now_at(index_)); !stopped) return stopped;
  disk_.close();
  crash(false);
  return {};
}

void SimNode::resume() {
  sometimes(SimSometimes::resumed_with_backlog, !inbox_.empty());
  is_paused_ = false;
  const bool has_work = runner_ && (!inbox_.empty() || runner_->has_held_batch());
  if (has_work && !step_is_scheduled_) schedule_step({});
}

void SimNode::deliver(const NodeId& from, Message message) {
  add_input(FromPeer{from, std::move(message)});
}
void SimNode::peer_up(Hello hello) { add_input(std::move(hello)); }
void SimNode::peer_down(const NodeId& peer) { add_input(PeerDown{peer}); }
void SimNode::refused(Refusal refusal) { add_input(std::move(refusal)); }
void SimNode::adopt_layout(Layout layout) { add_input(std::move(layout)); }

Progress SimNode::last_progress() const { return runner_ ? core().progress() : last_progress_; }

void SimNode::add_input(Input input) {
  if (!runner_) return;
  inbox_.push_back(std::move(input));
  if (step_is_scheduled_ || is_paused_) return;
  const Duration delay = exponential(random_, options_.step_delay_mean) * slowness_;
  schedule_step(delay + draw_lateness(world_.disturbances().late_step_permille));
}

void SimNode::schedule_step(Duration delay) {
  step_is_scheduled_ = true;
  world_.events().schedule_in(delay, [this, run = run_] { run_step(run); });
}

Duration SimNode::draw_lateness(std::uint32_t permille) {
  if (permille == 0 || !random_.chance(permille, 1000)) return {};
  return {random_.between(0, world_.disturbances().late_by_max.nanoseconds)};
}

void SimNode::run_step(std::uint64_t run) {
  if (!runner_ || run != run_) return;
  step_is_scheduled_ = false;
  if (is_paused_) return;
  const Now now = world_.now_at(index_);
  sometimes(SimSometimes::step_took_inputs, inbox_.size() >= 3);
  bool is_round = false;
  while (!inbox_.empty()) {
    Input input = std::move(inbox_.front());
    inbox_.pop_front();
    if (const auto* timer = std::get_if<TimerId>(&input)) {
      is_round |= timer->kind == TimerKind::gossip_round || timer->kind == TimerKind::suspicion;
    }
    handle(now, input);
    const std::uint32_t single = world_.disturbances().single_input_permille;
    if (single > 0 && random_.chance(single, 1000)) break;
  }
  if (world_.is_tracing()) remark_beliefs(now, is_round);
  finish_step();
  if (runner_ && !inbox_.empty() && !step_is_scheduled_) schedule_step({});
}

void SimNode::remark_beliefs(Now now, bool is_round) {
  // Only a round makes suspects; any word of a suspect ends the suspicion.
  const bool is_news = std::any_of(beliefs_.begin(), beliefs_.end(), [this](const auto& belief) {
    return belief.second != PeerState::left && !core().is_suspect(belief.first);
  });
  if (!is_round && !is_news) return;
  std::set<NodeId> doubted;
  for (const auto& [id, state] : beliefs_) doubted.insert(id);
  for (const auto& [id, state] : core().states_of_doubted(now, doubted)) {
    const auto before = beliefs_.find(id);
    if (state == (before == beliefs_.end() ? PeerState::alive : before->second)) continue;
    if (state == PeerState::alive) {
      beliefs_.erase(before);
    } else {
      beliefs_[id] = state;
    }
    world_.remark({world_.events().now(), word_for(state), index_, world_.host_of(id), {}});
  }
}

void SimNode::handle(Now now, Input& input) {
  if (auto* message = std::get_if<FromPeer>(&input)) {
    runner_->handle_message(now, message->from, std::move(message->message));
  } else if (auto* hello = std::get_if<Hello>(&input)) {
    runner_->handle_peer_up(now, *hello);
  } else if (auto* down = std::get_if<PeerDown>(&input)) {
    runner_->handle_peer_down(now, down->peer);
  } else if (auto* timer = std::get_if<TimerId>(&input)) {
    runner_->handle_timer(now, *timer);
  } else if (auto* refusal = std::get_if<Refusal>(&input)) {
    runner_->handle_refusal(now, *refusal);
  } else if (auto* layout = std::get_if<Layout>(&input)) {
    runner_->adopt_layout(now, *layout, [this](const Status& status) {
      if (status) return;
      world_.trace({world_.events().now(), "layout refused", index_, -1, status.error().message});
    });
  }
}

void SimNode::finish_step() {
  const Now now = world_.now_at(index_);
  if (const Status ended = runner_->end_step(now); !ended) {
    return world_.host_failed(index_, ended.error().message);
  }
  schedule_retry(now);
  release_effects();
  if (!runner_) return;
  begin_sync();
  const NodeId before = std::exchange(id_, core().id());
  if (!before.is_nil() && before != id_) world_.identity_changed(index_);
}

void SimNode::schedule_retry(Now now) {
  const Instant at = runner_->retry_at();
  if (at == Instant::far_future() || std::exchange(retry_is_scheduled_, true)) return;
  world_.events().schedule_in(at - now.steady, [this, run = run_] {
    if (!runner_ || run != run_) return;
    retry_is_scheduled_ = false;
    runner_->retry();
    if (runner_->has_open_step() && !step_is_scheduled_) schedule_step({});
    begin_sync();
  });
}

void SimNode::begin_sync() {
  if (!runner_->begin_sync()) return;
  const std::uint64_t steps = disk_.written_steps();
  // Drawn one after the other: in one expression each compiler has an order of its own.
  const Duration late = draw_lateness(world_.disturbances().late_sync_permille);
  const Duration quick = microseconds(20) + exponential(random_, options_.sync_delay_mean) + late;
  const Duration delay = std::min(quick * slowness_, std::max(quick, kSlowSyncMax));
  world_.events().schedule_in(delay, [this, steps, run = run_] {
    if (!runner_ || run != run_) return;
    const Now now = world_.now_at(index_);
    if (const Status synced = runner_->end_sync(now, disk_.finish_sync(steps)); !synced) {
      return world_.host_failed(index_, synced.error().message);
    }
    schedule_retry(now);
    release_effects();
    if (runner_) begin_sync();
  });
}

void SimNode::release_effects() {
  while (runner_) {
    auto step = runner_->take_released();
    if (!step) return;
    for (const Effect& effect : step->effects) {
      if (const auto* send = std::get_if<Send>(&effect)) {
        world_.send(index_, send->to, send->message);
      } else if (const auto* timer = std::get_if<SetTimer>(&effect)) {
        schedule_timer(timer->timer, timer->at);
      }
    }
    step->tell_waiters({});
  }
}

void SimNode::schedule_timer(TimerId timer, Instant at) {
  const Duration late = draw_lateness(world_.disturbances().late_timer_permille);
  world_.events().schedule(world_.when(index_, at) + late, [this, timer, at, run = run_] {
    if (!runner_ || run != run_ || runner_->timer_at(timer) != at) return;
    // The clock was slowed down meanwhile.
    const bool is_early = world_.now_at(index_).steady < at;
    sometimes(SimSometimes::timer_came_early, is_early);
    if (is_early) return schedule_timer(timer, at);
    runner_->take_timer(timer);
    add_input(timer);
  });
}

}  // namespace dynakv

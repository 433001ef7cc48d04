#include "dynakv/sim/sim_node.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dynakv/base/canary.h"
#include "dynakv/base/sometimes.h"
#include "dynakv/sim/sim_network.h"

namespace dynakv {
namespace {

/// A slow host's sync still ends within a request's life, more or less; longer is a pause.
constexpr Duration kSlowSyncMax = seconds(5);
/// As NodeLoop tries a step again that found no room.
constexpr Duration kRoomRetryPause = milliseconds(200);

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
  core_ = std::make_unique<NodeCore>(options_.core, disk_, random_.stream("core", run_));
  Outbox out;
  if (Status started = core_->start(world_.now_at(index_), evidence, out); !started) {
    core_.reset();
    disk_.drop_pending();
    return started;
  }
  is_paused_ = false;
  durable_progress_ = {};
  end_step(out);
  if (!core_) return fail(ErrorCode::storage, "the node's storage failed in its first step");
  return {};
}

void SimNode::crash(bool lose_power) {
  sometimes(Sometimes::crash_before_effects,
            std::any_of(waiting_.begin(), waiting_.end(),
                        [](const Waiting& step) { return !step.effects.empty(); }));
  last_progress_ = last_progress();
  core_.reset();
  inbox_.clear();
  waiting_.clear();
  timers_.clear();
  step_is_scheduled_ = false;
  sync_is_under_way_ = false;
  step_waits_for_room_ = retry_is_scheduled_ = false;
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
  Outbox out;
  core_->stop(world_.now_at(index_), out);
  core_->end_step();
  if (Status written = disk_.write_step(); !written) return written;
  if (Status synced = disk_.sync(); !synced) return synced;
  disk_.close();
  crash(false);
  return {};
}

void SimNode::resume() {
  sometimes(Sometimes::resumed_with_backlog, !inbox_.empty());
  is_paused_ = false;
  const bool has_work = !inbox_.empty() || step_waits_for_room_;
  if (core_ && has_work && !step_is_scheduled_) schedule_step({});
}

void SimNode::deliver(const NodeId& from, Message message) {
  add_input(FromPeer{from, std::move(message)});
}
void SimNode::peer_up(Hello hello) { add_input(std::move(hello)); }
void SimNode::peer_down(const NodeId& peer) { add_input(PeerDown{peer}); }
void SimNode::refused(Refusal refusal) { add_input(std::move(refusal)); }
void SimNode::adopt_layout(Layout layout) { add_input(std::move(layout)); }

Progress SimNode::last_progress() const { return core_ ? core_->progress() : last_progress_; }

Hello SimNode::hello_for(const NodeId& peer) const {
  Hello hello = core_->hello_for(peer);
  hello.progress = durable_progress_;
  return hello;
}

void SimNode::add_input(Input input) {
  if (!core_) return;
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
  if (!core_ || run != run_) return;
  step_is_scheduled_ = false;
  if (is_paused_) return;
  Outbox out;
  const Now now = world_.now_at(index_);
  sometimes(Sometimes::step_took_inputs, inbox_.size() >= 3);
  bool is_round = false;
  while (!inbox_.empty()) {
    Input input = std::move(inbox_.front());
    inbox_.pop_front();
    if (const auto* timer = std::get_if<TimerId>(&input)) {
      is_round |= timer->kind == TimerKind::gossip_round || timer->kind == TimerKind::suspicion;
    }
    handle(now, input, out);
    const std::uint32_t single = world_.disturbances().single_input_permille;
    if (single > 0 && random_.chance(single, 1000)) break;
  }
  if (world_.is_tracing()) remark_beliefs(now, is_round);
  end_step(out);
  if (core_ && !inbox_.empty() && !step_is_scheduled_) schedule_step({});
}

void SimNode::remark_beliefs(Now now, bool is_round) {
  // Only a round makes suspects; any word of a suspect ends the suspicion.
  const bool is_news = std::any_of(beliefs_.begin(), beliefs_.end(), [this](const auto& belief) {
    return belief.second != PeerState::left && !core_->is_suspect(belief.first);
  });
  if (!is_round && !is_news) return;
  std::set<NodeId> doubted;
  for (const auto& [id, state] : beliefs_) doubted.insert(id);
  for (const auto& [id, state] : core_->states_of_doubted(now, doubted)) {
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

void SimNode::handle(Now now, Input& input, Outbox& out) {
  if (auto* message = std::get_if<FromPeer>(&input)) {
    core_->handle_message(now, message->from, std::move(message->message), out);
  } else if (auto* hello = std::get_if<Hello>(&input)) {
    core_->handle_peer_up(now, *hello, out);
  } else if (auto* down = std::get_if<PeerDown>(&input)) {
    core_->handle_peer_down(now, down->peer, out);
  } else if (auto* timer = std::get_if<TimerId>(&input)) {
    core_->handle_timer(now, *timer, out);
  } else if (auto* refusal = std::get_if<Refusal>(&input)) {
    core_->handle_refusal(now, *refusal, out);
  } else if (auto* layout = std::get_if<Layout>(&input)) {
    if (const Status adopted = core_->adopt_layout(now, *layout, out); !adopted) {
      world_.trace({world_.events().now(), "layout refused", index_, -1, adopted.error().message});
    }
  }
}

void SimNode::end_step(Outbox& out) {
  if (const auto& failure = core_->failure()) {
    return world_.host_failed(index_, std::string(failure->message));
  }
  core_->end_step();
  const Status written = disk_.write_step();
  const bool has_no_room = !written && written.error().code == ErrorCode::disk_full;
  if (!written && !has_no_room) return world_.host_failed(index_, written.error().message);
  sometimes(Sometimes::waiting_step_written, step_waits_for_room_ && !has_no_room);
  step_waits_for_room_ = has_no_room;
  if (has_no_room) wait_for_room();
  // What waits for room becomes one step with what is added to it.
  const bool is_later = has_no_room && !canary(Canary::effects_before_room);
  waiting_.push_back({disk_.written_steps() + (is_later ? 1 : 0), out.take(), core_->progress()});
  if (!options_.core.effects_wait_for_sync || canary(Canary::effects_before_durable)) {
    release_effects(disk_.written_steps());
  } else {
    release_effects(disk_.synced_steps());
  }
  if (!core_) return;
  begin_sync();
  const NodeId before = std::exchange(id_, core_->id());
  if (!before.is_nil() && before != id_) world_.identity_changed(index_);
}

void SimNode::wait_for_room() {
  sometimes(Sometimes::step_waited_for_room);
  if (std::exchange(retry_is_scheduled_, true)) return;
  world_.events().schedule_in(kRoomRetryPause, [this, run = run_] {
    if (!core_ || run != run_) return;
    retry_is_scheduled_ = false;
    if (step_waits_for_room_ && !step_is_scheduled_) schedule_step({});
  });
}

void SimNode::begin_sync() {
  if (sync_is_under_way_ || disk_.synced_steps() == disk_.written_steps()) return;
  sync_is_under_way_ = true;
  const std::uint64_t steps = disk_.written_steps();
  // Drawn one after the other: in one expression each compiler has an order of its own.
  const Duration late = draw_lateness(world_.disturbances().late_sync_permille);
  const Duration quick = microseconds(20) + exponential(random_, options_.sync_delay_mean) + late;
  const Duration delay = std::min(quick * slowness_, std::max(quick, kSlowSyncMax));
  world_.events().schedule_in(delay, [this, steps, run = run_] {
    if (!core_ || run != run_) return;
    sync_is_under_way_ = false;
    if (const Status synced = disk_.finish_sync(steps); !synced) {
      return world_.host_failed(index_, synced.error().message);
    }
    release_effects(steps);
    begin_sync();
  });
}

void SimNode::release_effects(std::uint64_t durable_steps) {
  while (!waiting_.empty() && waiting_.front().step <= durable_steps) {
    Waiting step = std::move(waiting_.front());
    waiting_.pop_front();
    durable_progress_ = step.progress;
    for (Effect& effect : step.effects) perform(effect);
  }
}

void SimNode::perform(Effect& effect) {
  if (auto* send = std::get_if<Send>(&effect)) {
    world_.send(index_, send->to, send->message);
  } else if (auto* set = std::get_if<SetTimer>(&effect)) {
    timers_[set->timer] = set->at;
    schedule_timer(set->timer, set->at);
  } else if (auto* cancel = std::get_if<CancelTimer>(&effect)) {
    timers_.erase(cancel->timer);
  }
}

void SimNode::schedule_timer(TimerId timer, Instant at) {
  const Duration late = draw_lateness(world_.disturbances().late_timer_permille);
  world_.events().schedule(world_.when(index_, at) + late, [this, timer, at, run = run_] {
    const auto set_now = timers_.find(timer);
    if (run != run_ || set_now == timers_.end() || set_now->second != at) return;
    // The clock was slowed down meanwhile.
    const bool is_early = world_.now_at(index_).steady < at;
    sometimes(Sometimes::timer_came_early, is_early);
    if (is_early) return schedule_timer(timer, at);
    timers_.erase(set_now);
    add_input(timer);
  });
}

}  // namespace dynakv

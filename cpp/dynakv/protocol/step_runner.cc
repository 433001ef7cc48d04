#include "dynakv/protocol/step_runner.h"

#include <utility>

#include "dynakv/base/check.h"
#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {

StepRunner::StepRunner(NodeCoreOptions options, DurableStore& store, Random random)
    : store_(store),
      effects_wait_for_sync_(options.effects_wait_for_sync),
      core_(std::move(options), store, random) {}

Status StepRunner::start(Now now, const StartEvidence& evidence) {
  step_is_open_ = true;
  return core_.start(now, evidence, out_);
}

void StepRunner::handle_message(Now now, const NodeId& from, Message&& message) {
  step_is_open_ = true;
  core_.handle_message(now, from, std::move(message), out_);
}

void StepRunner::handle_peer_up(Now now, const Hello& hello) {
  step_is_open_ = true;
  core_.handle_peer_up(now, hello, out_);
}

void StepRunner::handle_peer_down(Now now, const NodeId& peer) {
  step_is_open_ = true;
  core_.handle_peer_down(now, peer, out_);
}

void StepRunner::handle_refusal(Now now, const Refusal& refusal) {
  step_is_open_ = true;
  core_.handle_refusal(now, refusal, out_);
}

void StepRunner::handle_timer(Now now, TimerId timer) {
  step_is_open_ = true;
  core_.handle_timer(now, timer, out_);
}

void StepRunner::adopt_layout(Now now, const Layout& layout, Waiter waiter) {
  step_is_open_ = true;
  note_outcome(core_.adopt_layout(now, layout, out_), std::move(waiter));
}

void StepRunner::form_cluster(Now now, const FirstCluster& first, Waiter waiter) {
  step_is_open_ = true;
  note_outcome(core_.form_cluster(now, first, out_), std::move(waiter));
}

void StepRunner::note_outcome(const Status& status, Waiter waiter) {
  if (!waiter) return;
  if (!status) return waiter(status);
  waiters_.push_back(std::move(waiter));
}

Status StepRunner::end_step(Now now) {
  step_is_open_ = false;
  ++counters_.steps;
  if (const auto& failure = core_.failure()) return fail(*failure);
  core_.end_step();
  const bool has_batch = store_.has_pending();
  const Status written = store_.write_step();
  const bool is_held = !written && written.error().code == ErrorCode::disk_full;
  if (!written && !is_held) return written;
  sometimes(Sometimes::waiting_step_written, batch_is_held_ && !is_held);
  batch_is_held_ = is_held;
  if (has_batch) ++counters_.batches;
  if (has_batch && !is_held) ++written_;
  if (is_held) wait_for_room(now);
  // The batch that waits for room becomes one with those of the next steps.
  const bool waits_for_room = is_held && !canary(Canary::effects_before_room);
  queue_.push({.effects = out_.take(),
               .waiters = std::exchange(waiters_, {}),
               .batch = written_ + (waits_for_room ? 1 : 0),
               .progress = core_.progress()});
  return {};
}

void StepRunner::wait_for_room(Now now) {
  sometimes(Sometimes::step_waited_for_room);
  if (retry_at_ == Instant::far_future()) retry_at_ = now.steady + kRoomRetryPause;
}

bool StepRunner::begin_sync() {
  if (syncing_ || sync_is_held_ || synced_ == written_) return false;
  syncing_ = written_;
  return true;
}

Status StepRunner::end_sync(Now now, const Status& result) {
  DYNAKV_CHECK(syncing_.has_value());
  const std::uint64_t covered = *std::exchange(syncing_, std::nullopt);
  if (result) {
    synced_ = covered;
    return {};
  }
  if (result.error().code != ErrorCode::disk_full) return result;
  sync_is_held_ = true;
  wait_for_room(now);
  return {};
}

std::uint64_t StepRunner::durable() const {
  const bool needs_sync = effects_wait_for_sync_ && !canary(Canary::effects_before_durable);
  return needs_sync ? synced_ : written_;
}

std::optional<WaitingStep> StepRunner::take_released() {
  auto step = queue_.take(durable());
  if (!step) return step;
  durable_progress_ = step->progress;
  for (const Effect& effect : step->effects) {
    if (const auto* timer = std::get_if<SetTimer>(&effect)) timers_.set(timer->timer, timer->at);
    if (const auto* timer = std::get_if<CancelTimer>(&effect)) timers_.cancel(timer->timer);
  }
  return step;
}

void StepRunner::retry() {
  ++counters_.disk_full_retries;
  retry_at_ = Instant::far_future();
  sync_is_held_ = false;
  step_is_open_ = step_is_open_ || batch_is_held_;
}

void StepRunner::wake(Now now) {
  while (const auto timer = timers_.take_due(now.steady)) handle_timer(now, *timer);
  if (now.steady >= retry_at_) retry();
}

Status StepRunner::stop(Now now) {
  syncing_.reset();
  core_.stop(now, out_);
  if (const Status ended = end_step(now); !ended) return ended;
  if (batch_is_held_) {
    return fail(ErrorCode::disk_full, "the last step found no room on the disk");
  }
  if (Status synced = store_.sync(); !synced) return synced;
  synced_ = written_;
  return {};
}

void StepRunner::abandon(const Status& why) {
  queue_.fail_all(why);
  for (const Waiter& waiter : std::exchange(waiters_, {})) waiter(why);
}

Hello StepRunner::hello_for(const NodeId& peer) const {
  Hello hello = core_.hello_for(peer);
  hello.progress = durable_progress_;
  return hello;
}

}  // namespace dynakv

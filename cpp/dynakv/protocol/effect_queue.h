// The effects of steps that wait until they may be released: in order, and only after the step's
// own batch and all earlier ones are durable (DESIGN §3).
//
// Batches are numbered from 1 in the order in which they are written. A step without a batch of its
// own waits for the last one before it.
// Threads: one strand.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "dynakv/protocol/outbox.h"

namespace dynakv {

/// About how many bytes an effect keeps in memory besides itself: keys, values, lists.
std::size_t effect_bytes(const Effect& effect);

struct WaitingStep {
  std::vector<Effect> effects;
  /// Told how the step ended: released, or why it never will be.
  std::vector<std::function<void(const Status&)>> waiters;
  /// The batch that must be durable first.
  std::uint64_t batch = 0;
  /// Hello::progress at the step's end.
  Progress progress;
  std::size_t bytes = 0;

  void tell_waiters(const Status& status) const {
    for (const auto& waiter : waiters) waiter(status);
  }
};

class EffectQueue {
 public:
  void push(WaitingStep step) {
    for (const Effect& effect : step.effects) step.bytes += effect_bytes(effect);
    effect_count_ += step.effects.size();
    bytes_ += step.bytes;
    steps_.push_back(std::move(step));
  }

  /// The earliest step, when all batches up to `durable_batch` are durable.
  std::optional<WaitingStep> take(std::uint64_t durable_batch) {
    if (steps_.empty() || steps_.front().batch > durable_batch) return std::nullopt;
    WaitingStep step = std::move(steps_.front());
    steps_.pop_front();
    effect_count_ -= step.effects.size();
    bytes_ -= step.bytes;
    return step;
  }

  /// Drops everything and tells the waiters why.
  void fail_all(const Status& status) {
    for (const WaitingStep& step : std::exchange(steps_, {})) step.tell_waiters(status);
    effect_count_ = 0;
    bytes_ = 0;
  }

  std::size_t effect_count() const { return effect_count_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::deque<WaitingStep> steps_;
  std::size_t effect_count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace dynakv

// Virtual time: what happens next, and when. One thread, no clock.
//
// Events at the same instant happen in an order drawn from the seed, so that no test rests on the
// order in which they were scheduled.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include "dynakv/base/random.h"
#include "dynakv/base/time.h"

namespace dynakv {

class EventQueue {
 public:
  explicit EventQueue(Random random) : random_(random) {}

  Instant now() const { return now_; }

  /// Runs `action` at `at`, or now when that is past.
  void schedule(Instant at, std::function<void()> action) {
    events_.push_back({std::max(at, now_), random_.next(), ++count_, std::move(action)});
    std::push_heap(events_.begin(), events_.end(), later);
  }
  void schedule_in(Duration delay, std::function<void()> action) {
    schedule(now_ + delay, std::move(action));
  }

  /// Runs the next event when it is not after `until`; false when there is none, and time is then
  /// `until`.
  bool run_next(Instant until) {
    if (events_.empty() || events_.front().at > until) {
      now_ = std::max(now_, until);
      return false;
    }
    std::pop_heap(events_.begin(), events_.end(), later);
    Event event = std::move(events_.back());
    events_.pop_back();
    now_ = event.at;
    ++run_count_;
    event.action();
    return true;
  }

  std::uint64_t run_count() const { return run_count_; }

 private:
  struct Event {
    Instant at;
    std::uint64_t tie;
    std::uint64_t number;
    std::function<void()> action;
  };

  static bool later(const Event& a, const Event& b) {
    return std::tie(a.at, a.tie, a.number) > std::tie(b.at, b.tie, b.number);
  }

  Random random_;
  Instant now_;
  std::uint64_t count_ = 0;
  std::uint64_t run_count_ = 0;
  std::vector<Event> events_;
};

}  // namespace dynakv

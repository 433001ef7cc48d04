// Virtual time: what happens next, and when. One thread, no clock.
//
// Events at the same instant happen in an order drawn from the seed, so that no test depends on the
// order in which they were scheduled.
#pragma once

#include <algorithm>
#include <cstddef>
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
    std::size_t place = actions_.size();
    if (free_places_.empty()) {
      actions_.push_back(std::move(action));
    } else {
      place = free_places_.back();
      free_places_.pop_back();
      actions_[place] = std::move(action);
    }
    events_.push_back({std::max(at, now_), random_.next(), ++count_, place});
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
    const Event event = events_.back();
    events_.pop_back();
    now_ = event.at;
    ++run_count_;
    const std::function<void()> action = std::exchange(actions_[event.place], nullptr);
    free_places_.push_back(event.place);
    action();
    return true;
  }

  std::uint64_t run_count() const { return run_count_; }

 private:
  struct Event {
    Instant at;
    std::uint64_t tie;
    std::uint64_t number;
    /// The index of its action in actions_.
    std::size_t place;
  };

  static bool later(const Event& a, const Event& b) {
    if (a.at != b.at) return a.at > b.at;
    return std::tie(a.tie, a.number) > std::tie(b.tie, b.number);
  }

  Random random_;
  Instant now_;
  std::uint64_t count_ = 0;
  std::uint64_t run_count_ = 0;
  /// A heap, the next one first. The actions are kept beside it, because they are slow to move.
  std::vector<Event> events_;
  std::vector<std::function<void()>> actions_;
  std::vector<std::size_t> free_places_;
};

}  // namespace dynakv

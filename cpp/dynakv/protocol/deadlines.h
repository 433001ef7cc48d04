// The deadlines of many requests behind one timer: a timer per request would cost more than the
// request's own protocol work (PERFORMANCE §1).
//
// Invariant 1: while any deadline is kept, the timer is armed at the earliest of them or before.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "dynakv/base/time.h"
#include "dynakv/protocol/outbox.h"

namespace dynakv {

class Deadlines {
 public:
  explicit Deadlines(TimerKind kind, std::uint64_t timer_id = 0) : timer_{kind, timer_id} {}

  void add(Instant at, RequestId id, Outbox& out) {
    deadlines_.emplace(at, id);
    arm(out);
  }

  void remove(Instant at, RequestId id) { deadlines_.erase({at, id}); }

  /// Takes out every request whose deadline is not after `now`, earliest first, and arms the timer
  /// for the rest. Call it when the timer fires.
  std::vector<RequestId> take_expired(Instant now, Outbox& out) {
    std::vector<RequestId> expired;
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      expired.push_back(deadlines_.begin()->second);
      deadlines_.erase(deadlines_.begin());
    }
    armed_at_ = Instant::far_future();
    arm(out);
    return expired;
  }

 private:
  void arm(Outbox& out) {
    // A timer that fires too early costs one wake-up; setting it again for each request costs more.
    if (deadlines_.empty() || deadlines_.begin()->first >= armed_at_) return;
    armed_at_ = deadlines_.begin()->first;
    out.set_timer(timer_, armed_at_);
  }

  TimerId timer_;
  Instant armed_at_ = Instant::far_future();
  std::set<std::pair<Instant, RequestId>> deadlines_;
};

}  // namespace dynakv

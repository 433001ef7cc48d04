// How much a client may ask twice: repeated requests as a share of all. What is overloaded must not
// be asked ever more (metastability, INVARIANTS §3.8).
#pragma once

#include <algorithm>

namespace dynakv {

/// Full at first, so that one node's loss costs nothing.
class RetryBudget {
 public:
  RetryBudget(int percent, int burst)
      : percent_(percent), cents_(100 * burst), cents_max_(cents_) {}

  void note_request() { cents_ = std::min(cents_ + percent_, cents_max_); }
  bool allows() const { return cents_ >= 100; }
  void note_retry() { cents_ -= std::min(cents_, 100); }

 private:
  int percent_;
  int cents_;
  int cents_max_;
};

}  // namespace dynakv

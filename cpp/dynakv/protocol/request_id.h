// Request ids that say which machine of the sender waits for the reply.
#pragma once

#include <cstdint>

#include "dynakv/base/types.h"

namespace dynakv {

enum class Waiter : std::uint8_t {
  get_coordinator = 0,
  write_coordinator = 1,
  forwarder = 2,
  gossip = 3,
  hinted_handoff = 4,
};

class RequestIds {
 public:
  explicit RequestIds(Waiter waiter) : waiter_(waiter) {}

  RequestId next() {
    ++count_;
    return static_cast<RequestId>((count_ << 3) | static_cast<std::uint64_t>(waiter_));
  }

  static Waiter waiter_of(RequestId id) { return static_cast<Waiter>(to_number(id) & 7); }

 private:
  Waiter waiter_;
  std::uint64_t count_ = 0;
};

}  // namespace dynakv

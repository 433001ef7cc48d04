// Request ids that say which machine of the sender waits for the reply.
//
// They grow through all starts of a node: a late reply to a request of an earlier start must not
// count for a new one (I9), nor a new request be taken for a repeated old one.
//
//   id := (incarnation:20 0:1 start:40 + count) waiter:3        start: random for each start
#pragma once

#include <cstdint>

#include "dynakv/base/types.h"
#include "dynakv/protocol/messages.h"

namespace dynakv {

enum class Waiter : std::uint8_t {
  get_coordinator = 0,
  write_coordinator = 1,
  forwarder = 2,
  gossip = 3,
  hinted_handoff = 4,
  recovery = 5,
};

class RequestIds {
 public:
  explicit RequestIds(Waiter waiter) : waiter_(waiter) {}

  RequestId next(const Progress& run) {
    ++count_;
    const std::uint64_t first =
        ((run.incarnation & 0xfffff) << 41) + (run.run & ((std::uint64_t{1} << 40) - 1));
    return static_cast<RequestId>(((first + count_) << 3) | static_cast<std::uint64_t>(waiter_));
  }

  static Waiter waiter_of(RequestId id) { return static_cast<Waiter>(to_number(id) & 7); }

 private:
  Waiter waiter_;
  std::uint64_t count_ = 0;
};

}  // namespace dynakv

// Request ids. An id says which machine of the sender waits for the reply.
//
// Ids keep growing through all starts of a node: a late reply to a request of an earlier start must
// not count for a new one (I9), and a new request must not be taken for the repeat of an old one.
//
//   id     := number:61 waiter:3                     widths in bits, the highest bits first
//   number := (incarnation:20 0:1 start:40) + count
//   start  := a random number, drawn at each start of the node
//   count  := 1, 2, 3, ... for the requests of one machine
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

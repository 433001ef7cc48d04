// Request ids. An id says which machine of the sender waits for the reply.
//
// Ids keep growing through all starts of a node: a late reply to a request of an earlier start must
// not count for a new one (I9), and a new request must not be taken for the repeat of an old one.
//
//   id          := waiter:8 incarnation:16 (0:1 start:39 + count)
//   waiter      := 256 kinds; of one kind, ids grow one by one
//   incarnation := its lowest bits: ids grow through 65,536 starts before they begin again
//   start       := random for each start: a restored directory that repeats an incarnation
//                  gives no id out again (else 4 times in a million, where it gave out a million)
//
// The bit between leaves room for 2^39 requests of a kind in one start: two months of 100,000 a
// second. Only behind that, ids would reach those of the next start.
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
    const std::uint64_t start = run.run & ((std::uint64_t{1} << kStartBits) - 1);
    const std::uint64_t life = (run.incarnation & 0xffff) << (kStartBits + 1);
    const std::uint64_t kind = std::uint64_t{static_cast<std::uint8_t>(waiter_)} << kKindShift;
    const std::uint64_t number = (life + start + count_) & ((std::uint64_t{1} << kKindShift) - 1);
    return static_cast<RequestId>(kind | number);
  }

  static Waiter waiter_of(RequestId id) { return static_cast<Waiter>(to_number(id) >> kKindShift); }

 private:
  static constexpr int kStartBits = 39;
  static constexpr int kKindShift = 56;

  Waiter waiter_;
  std::uint64_t count_ = 0;
};

}  // namespace dynakv

// Drops requests that arrive a second time: if a repeated copy were refused, its sender would be
// told "not applied" of a write that the first copy applied (I13, B35); if it were executed, the
// work would be done twice (B10).
//
// Senders number their requests upwards. For each sender a window of the newest numbers is kept; a
// number below the window is taken for new. The number of senders is bounded: the one that was
// silent longest is forgotten. A restart forgets everything, which a sender notices as a lost
// connection.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <list>
#include <map>
#include <utility>

#include "dynakv/base/types.h"

namespace dynakv {

class RepeatFilter {
 public:
  /// Senders number one by one: a node sends requests of one kind here (Forwarder, RequestIds).
  static constexpr std::size_t kWindow = 4096;
  static constexpr std::size_t kSenderCountMax = 4096;

  /// True when this request of the sender was seen before. Remembers it.
  bool is_repeated(const NodeId& sender, RequestId id) {
    Window& window = window_of(sender);
    const std::uint64_t number = to_number(id);
    if (number > window.newest) {
      const std::uint64_t skipped = std::min<std::uint64_t>(number - window.newest, kWindow);
      for (std::uint64_t back = 0; back < skipped; ++back) {
        window.seen.reset(static_cast<std::size_t>((number - back) % kWindow));
      }
      window.newest = number;
    } else if (window.newest - number >= kWindow) {
      return false;
    }
    const auto bit = static_cast<std::size_t>(number % kWindow);
    if (window.seen.test(bit)) return true;
    window.seen.set(bit);
    return false;
  }

 private:
  struct Window {
    std::uint64_t newest = 0;
    /// Bit n mod kWindow: request n was seen.
    std::bitset<kWindow> seen;
    std::list<NodeId>::iterator place;
  };

  Window& window_of(const NodeId& sender) {
    const auto [at, is_new] = windows_.try_emplace(sender);
    if (is_new) {
      order_.push_front(sender);
      at->second.place = order_.begin();
      if (windows_.size() > kSenderCountMax) {
        windows_.erase(order_.back());
        order_.pop_back();
      }
    } else if (at->second.place != order_.begin()) {
      order_.splice(order_.begin(), order_, at->second.place);
    }
    return at->second;
  }

  std::map<NodeId, Window> windows_;
  /// Last heard of first.
  std::list<NodeId> order_;
};

}  // namespace dynakv

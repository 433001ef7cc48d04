// Deadlines by key, the earliest first: one queue per driver, and one alarm for the earliest
// (PERFORMANCE §2.5). Setting a key that is set already replaces its deadline.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "dynakv/base/time.h"

namespace dynakv {

template <typename Key>
class TimerQueue {
 public:
  void set(const Key& key, Instant at) {
    const auto [found, is_new] = by_key_.try_emplace(key, at);
    if (!is_new) {
      if (found->second == at) return;
      by_time_.erase({found->second, key});
      found->second = at;
    }
    by_time_.emplace(at, key);
  }

  void cancel(const Key& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    by_time_.erase({found->second, key});
    by_key_.erase(found);
  }

  /// Nothing when the key is not set.
  std::optional<Instant> at(const Key& key) const {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? std::nullopt : std::optional(found->second);
  }

  /// far_future() when nothing is set.
  Instant next() const {
    return by_time_.empty() ? Instant::far_future() : by_time_.begin()->first;
  }

  /// Takes the earliest key whose time has come.
  std::optional<Key> take_due(Instant now) {
    if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
    const Key key = by_time_.begin()->second;
    by_time_.erase(by_time_.begin());
    by_key_.erase(key);
    return key;
  }

 private:
  std::map<Key, Instant> by_key_;
  std::set<std::pair<Instant, Key>> by_time_;
};

}  // namespace dynakv

// A map for tables that are read far more often than they grow, such as what a node knows of each
// of its peers. The sorted keys are in one array, so that a lookup touches few cache lines, and a
// walk in key order hardly any.
//
// Lookups take O(log n), or O(1) with a good guess. A new key moves the keys behind it. Pointers
// and references to values stay valid until the next key is added or removed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace dynakv {

template <typename Key, typename Value>
class FlatMap {
  struct Entry {
    Key key;
    /// The index of its value in values_. Values stay in place when keys move.
    std::uint32_t place = 0;
  };

  template <typename Map, typename Reference>
  class Iterator {
   public:
    Iterator(Map& map, std::size_t position) : map_(&map), position_(position) {}
    std::pair<const Key&, Reference> operator*() const {
      return {map_->key_at(position_), map_->value_at(position_)};
    }
    Iterator& operator++() {
      ++position_;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    Map* map_;
    std::size_t position_;
  };

 public:
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

  /// The key's position in the order of keys, or kNowhere. `guess` is tried first: a caller that
  /// looks keys up in order passes the position behind the last one found.
  std::size_t position_of(const Key& key, std::size_t guess = kNowhere) const {
    if (guess < entries_.size() && entries_[guess].key == key) return guess;
    const auto at = lower_bound(key);
    return at != entries_.end() && at->key == key ? to_position(at) : kNowhere;
  }
  const Key& key_at(std::size_t position) const { return entries_[position].key; }
  Value& value_at(std::size_t position) { return values_[entries_[position].place]; }
  const Value& value_at(std::size_t position) const { return values_[entries_[position].place]; }

  /// Null when the key is unknown.
  Value* find(const Key& key) {
    const std::size_t position = position_of(key);
    return position != kNowhere ? &value_at(position) : nullptr;
  }
  const Value* find(const Key& key) const {
    const std::size_t position = position_of(key);
    return position != kNowhere ? &value_at(position) : nullptr;
  }
  bool contains(const Key& key) const { return position_of(key) != kNowhere; }

  /// The key's value, and whether it is new.
  std::pair<Value&, bool> try_emplace(const Key& key) {
    const auto at = lower_bound(key);
    if (at != entries_.end() && at->key == key) return {values_[at->place], false};
    entries_.insert(at, {key, static_cast<std::uint32_t>(values_.size())});
    return {values_.emplace_back(), true};
  }
  Value& operator[](const Key& key) { return try_emplace(key).first; }

  void erase(const Key& key) {
    const std::size_t position = position_of(key);
    if (position == kNowhere) return;
    const std::uint32_t freed = entries_[position].place;
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(position));
    const auto last = static_cast<std::uint32_t>(values_.size() - 1);
    if (freed != last) {
      values_[freed] = std::move(values_.back());
      const auto moved = std::find_if(entries_.begin(), entries_.end(),
                                      [last](const Entry& entry) { return entry.place == last; });
      moved->place = freed;
    }
    values_.pop_back();
  }

  auto begin() { return Iterator<FlatMap, Value&>(*this, 0); }
  auto end() { return Iterator<FlatMap, Value&>(*this, size()); }
  auto begin() const { return Iterator<const FlatMap, const Value&>(*this, 0); }
  auto end() const { return Iterator<const FlatMap, const Value&>(*this, size()); }

  /// Same keys, equal values.
  friend bool operator==(const FlatMap& a, const FlatMap& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!(a.key_at(i) == b.key_at(i)) || !(a.value_at(i) == b.value_at(i))) return false;
    }
    return true;
  }

 private:
  auto lower_bound(const Key& key) const {
    return std::lower_bound(
        entries_.begin(), entries_.end(), key,
        [](const Entry& entry, const Key& wanted) { return entry.key < wanted; });
  }
  std::size_t to_position(typename std::vector<Entry>::const_iterator at) const {
    return static_cast<std::size_t>(at - entries_.begin());
  }

  std::vector<Entry> entries_;
  std::vector<Value> values_;
};

}  // namespace dynakv

#include "dynakv/protocol/session_memory.h"

#include <utility>

namespace dynakv {

const Context* SessionMemory::find(FlowId flow, std::uint64_t scope) {
  const auto at = index_.find({flow, scope});
  if (at == index_.end()) return nullptr;
  Entry& entry = entries_[at->second];
  entry.was_used = true;
  return &entry.context;
}

void SessionMemory::set(FlowId flow, std::uint64_t scope, Context context) {
  if (flow == FlowId{} || count_max_ == 0) return;
  const auto at = index_.find({flow, scope});
  if (at != index_.end()) {
    if (context.empty()) return erase(at->second);
    Entry& entry = entries_[at->second];
    entry.context = std::move(context);
    entry.was_used = true;
    return;
  }
  if (context.empty()) return;
  const Place place = take_place();
  Entry& entry = entries_[place];
  entry.key = {flow, scope};
  entry.context = std::move(context);
  entry.was_used = false;
  if (spare_.empty()) {
    index_.emplace(entry.key, place);
  } else {
    spare_.key() = entry.key;
    spare_.mapped() = place;
    index_.insert(std::move(spare_));
  }
  link(place);
}

SessionMemory::Place SessionMemory::take_place() {
  if (index_.size() >= count_max_) {
    for (bool is_evicted = false; !is_evicted;) {
      // The hand goes on behind the place that becomes free; the newest entry takes that place.
      const std::size_t place = hand_;
      hand_ = hand_ + 1 < entries_.size() ? hand_ + 1 : 0;
      Entry& entry = entries_[place];
      if (entry.key.flow == FlowId{} || std::exchange(entry.was_used, false)) continue;
      erase(static_cast<Place>(place));
      is_evicted = true;
    }
  }
  if (free_.empty()) {
    entries_.emplace_back();
    return static_cast<Place>(entries_.size() - 1);
  }
  const Place place = free_.back();
  free_.pop_back();
  return place;
}

void SessionMemory::link(Place place) {
  Entry& entry = entries_[place];
  const auto [flow, is_new] = flows_.try_emplace(entry.key.flow, place);
  entry.previous = kNone;
  entry.next = is_new ? kNone : std::exchange(flow->second, place);
  if (entry.next != kNone) entries_[entry.next].previous = place;
}

void SessionMemory::unlink(Place place) {
  const Entry& entry = entries_[place];
  if (entry.next != kNone) entries_[entry.next].previous = entry.previous;
  if (entry.previous != kNone) {
    entries_[entry.previous].next = entry.next;
  } else if (entry.next != kNone) {
    flows_[entry.key.flow] = entry.next;
  } else {
    flows_.erase(entry.key.flow);
  }
}

void SessionMemory::erase(Place place) {
  unlink(place);
  Entry& entry = entries_[place];
  spare_ = index_.extract(entry.key);
  entry.key = {};
  entry.context = {};
  free_.push_back(place);
}

void SessionMemory::forget(FlowId flow) {
  for (auto at = flows_.find(flow); at != flows_.end(); at = flows_.find(flow)) erase(at->second);
}

}  // namespace dynakv

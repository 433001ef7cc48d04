#include "dynakv/protocol/session_memory.h"

namespace dynakv {

SessionMemory::Entry* SessionMemory::entry_of(FlowId flow, std::uint64_t scope) {
  const auto at = flows_.find(flow);
  if (at == flows_.end()) return nullptr;
  const auto entry = at->second.find(scope);
  return entry == at->second.end() ? nullptr : &entry->second;
}

void SessionMemory::erase(const Key& key) {
  const auto flow = flows_.find(key.first);
  const auto entry = flow->second.find(key.second);
  // The key may be the list's own.
  const auto place = entry->second.place;
  flow->second.erase(entry);
  if (flow->second.empty()) flows_.erase(flow);
  order_.erase(place);
}

const Context* SessionMemory::find(FlowId flow, std::uint64_t scope) {
  Entry* entry = entry_of(flow, scope);
  if (entry == nullptr) return nullptr;
  order_.splice(order_.begin(), order_, entry->place);
  return &entry->context;
}

void SessionMemory::set(FlowId flow, std::uint64_t scope, Context context) {
  if (flow == FlowId{} || count_max_ == 0) return;
  const Key key{flow, scope};
  Entry* entry = entry_of(flow, scope);
  if (context.empty()) {
    if (entry != nullptr) erase(key);
    return;
  }
  if (entry != nullptr) {
    entry->context = std::move(context);
    order_.splice(order_.begin(), order_, entry->place);
    return;
  }
  order_.push_front(key);
  flows_[flow].emplace(scope, Entry{std::move(context), order_.begin()});
  if (order_.size() > count_max_) erase(order_.back());
}

void SessionMemory::forget(FlowId flow) {
  const auto at = flows_.find(flow);
  if (at == flows_.end()) return;
  for (const auto& [scope, entry] : at->second) order_.erase(entry.place);
  flows_.erase(at);
}

}  // namespace dynakv

#include "dynakv/protocol/session_memory.h"

namespace dynakv {

const Context* SessionMemory::find(FlowId flow, std::uint64_t scope) {
  const auto at = entries_.find({flow, scope});
  if (at == entries_.end()) return nullptr;
  order_.splice(order_.begin(), order_, at->second.place);
  return &at->second.context;
}

void SessionMemory::set(FlowId flow, std::uint64_t scope, Context context) {
  if (flow == FlowId{} || count_max_ == 0) return;
  const Key key{flow, scope};
  const auto at = entries_.find(key);
  if (context.empty()) {
    if (at == entries_.end()) return;
    order_.erase(at->second.place);
    entries_.erase(at);
    return;
  }
  if (at != entries_.end()) {
    at->second.context = std::move(context);
    order_.splice(order_.begin(), order_, at->second.place);
    return;
  }
  order_.push_front(key);
  entries_.emplace(key, Entry{std::move(context), order_.begin()});
  if (entries_.size() > count_max_) {
    entries_.erase(order_.back());
    order_.pop_back();
  }
}

void SessionMemory::forget(FlowId flow) {
  auto at = entries_.lower_bound({flow, 0});
  while (at != entries_.end() && at->first.first == flow) {
    order_.erase(at->second.place);
    at = entries_.erase(at);
  }
}

}  // namespace dynakv

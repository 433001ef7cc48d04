// What each flow of a client has seen of each key: the contexts that its next writes carry
// (DESIGN §10, Sessions).
//
// Bounded over all flows: the least recently used goes first. Forgetting is safe: a flow that
// remembers nothing is concurrent with everything, and makes a sibling instead of destroying what
// it did not read.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <unordered_map>
#include <utility>

#include "dynakv/domain/context.h"
#include "dynakv/protocol/client_session.h"

namespace dynakv {

class SessionMemory {
 public:
  explicit SessionMemory(std::size_t count_max) : count_max_(count_max) {}

  /// What the flow saw of the key with this context_scope; nullptr when nothing is remembered.
  const Context* find(FlowId flow, std::uint64_t scope);

  /// Replaces what the flow saw. An empty context forgets it.
  void set(FlowId flow, std::uint64_t scope, Context context);

  void forget(FlowId flow);

  std::size_t size() const { return order_.size(); }

 private:
  using Key = std::pair<FlowId, std::uint64_t>;
  struct Entry {
    Context context;
    std::list<Key>::iterator place;
  };
  // By scope, a hash already: a tree of 65,536 entries costs a write a microsecond of cache misses.
  using Flow = std::unordered_map<std::uint64_t, Entry>;  // lookup only, and forget() takes all

  Entry* entry_of(FlowId flow, std::uint64_t scope);
  void erase(const Key& key);

  std::size_t count_max_;
  /// No flow is empty.
  std::map<FlowId, Flow> flows_;
  /// Most recently used first.
  std::list<Key> order_;
};

}  // namespace dynakv

// What each flow of a client has seen of each key: the contexts that its next writes carry
// (DESIGN §10, Sessions).
//
// Bounded over all flows: the entry that was not used for longest goes first (a clock's second
// chance, which moves nothing when an entry is used). Forgetting is safe: a flow that remembers
// nothing is concurrent with everything, and makes a sibling instead of destroying what it did not
// read.
//
// Entries and their index nodes are reused in place: at the bound, a read of a new key costs no
// allocation and touches few cache lines. Linked lists and new nodes cost a read 5 µs of 17.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <vector>

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

  std::size_t size() const { return index_.size(); }

 private:
  using Place = std::uint32_t;
  static constexpr Place kNone = UINT32_MAX;

  struct Key {
    FlowId flow{};
    std::uint64_t scope = 0;

    bool operator==(const Key&) const = default;
  };
  struct HashOfKey {
    /// A scope is a hash already.
    std::size_t operator()(const Key& key) const {
      return static_cast<std::size_t>(key.scope ^ (to_number(key.flow) * 0x9e3779b97f4a7c15U));
    }
  };
  struct Entry {
    Key key;
    Context context;
    /// The other entries of its flow.
    Place previous = kNone;
    Place next = kNone;
    bool was_used = false;
  };

  Place take_place();
  void link(Place place);
  void unlink(Place place);
  void erase(Place place);

  std::size_t count_max_;
  std::vector<Entry> entries_;
  std::vector<Place> free_;
  std::size_t hand_ = 0;
  std::unordered_map<Key, Place, HashOfKey> index_;  // lookup only
  /// The last entry that each flow made; none is empty.
  std::map<FlowId, Place> flows_;
  /// The index node of an evicted entry, to be reused.
  decltype(index_)::node_type spare_;
};

}  // namespace dynakv

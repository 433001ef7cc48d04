// The objects of this node: reads and writes of one key's object, with recent ones in memory.
//
// Every apply is read, join, write (DESIGN §4); the memory makes the read cheap where writes repeat
// (PERFORMANCE §2.2). It holds encoded objects, so it serves digests and replies without decoding.
//
// Invariant 1: what is in memory equals what the store, its pending batch in view, would answer.
// Invariant 2: memory is bounded by ObjectTableOptions::cache_bytes. Invariant 3: after a read
// error in a slot, no more writes use the slot's actor: the object that cannot be read may hold an
// event of this node (B1).
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "dynakv/base/result.h"
#include "dynakv/base/types.h"
#include "dynakv/domain/context.h"
#include "dynakv/domain/key_ref.h"
#include "dynakv/domain/object.h"
#include "dynakv/protocol/actor_table.h"
#include "dynakv/protocol/options.h"
#include "dynakv/protocol/store.h"

namespace dynakv {

class ObjectTable {
 public:
  ObjectTable(Store& store, ActorTable& actors, const ObjectTableOptions& options);

  /// The object in its byte form; empty when the key was never written.
  /// Errors: corruption, storage.
  Result<Bytes> load_encoded(const KeyRef& key);

  /// The object; one without context and siblings when the key was never written.
  /// Errors: corruption (also when the stored object is of another kind), storage.
  Result<Object> load(const KeyRef& key, ObjectKind kind);

  /// Stores an object in its byte form (domain/object_format.h) with the current step.
  void save_encoded(const KeyRef& key, BytesView encoded);

  /// Joins an encoded object that another node sent into this node's copy, with the current step:
  /// replica puts, hints that come home, repairs and recovered objects all go through here. Returns
  /// the context of the copy afterwards.
  /// Errors: corruption, storage, invalid_argument (another kind).
  Result<Context> merge(const KeyRef& key, ObjectKind kind, BytesView encoded);

  StoreCondition condition() const { return store_.condition(); }

 private:
  struct Entry {
    Bytes store_key;
    Bytes encoded;
    bool recently_used = false;
  };

  /// The object if it is in memory, otherwise nullptr.
  const Bytes* find(BytesView store_key);
  void remember(Bytes store_key, BytesView encoded);
  void forget(BytesView store_key);
  void evict_until(std::size_t bytes_max);

  Store& store_;
  ActorTable& actors_;
  std::size_t bytes_max_;
  std::size_t item_bytes_max_;
  std::size_t bytes_ = 0;
  // CLOCK eviction: the hand sweeps over entries and takes the first not used since its last visit.
  std::deque<Entry> entries_;  // its entries never move: the index refers to their keys
  std::vector<std::uint32_t> free_;
  std::size_t hand_ = 0;
  std::unordered_map<BytesView, std::uint32_t> index_;  // lookup only
};

}  // namespace dynakv

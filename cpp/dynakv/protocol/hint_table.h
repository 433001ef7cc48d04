// The hints that this node keeps for others: objects that their owners could not be given, until
// they have them (Dynamo §4.6, DESIGN §7).
//
//   key    := owner:2*u64 object_key              store_keys.h, in the space of hints
//   value  := version:u64 run:u64 actor:u64 counter:u64 created_at_ms:u64 object
//   object := length:varint byte*                 object_format.h
//
// A fallback keeps the object itself, joined per key. An owner that keeps a hint for another owner
// holds the object anyway: its hint is a marker, with an empty object.
//
// An actor of a hint record counts what this node wrote as a fallback, for want of any owner; it
// lives and dies with the record, and is not used again when the past is not proven (DESIGN §4).
//
// Invariant 1: a hint is erased only unchanged since it was read for delivery (B26). Invariant 2:
// an accepted hint is never discarded: at a bound the table only stops accepting (I14, B25).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "dynakv/base/random.h"
#include "dynakv/base/result.h"
#include "dynakv/base/time.h"
#include "dynakv/base/types.h"
#include "dynakv/domain/key_ref.h"
#include "dynakv/domain/object.h"
#include "dynakv/protocol/options.h"
#include "dynakv/protocol/store.h"

namespace dynakv {

/// What is kept for one owner.
struct HintTotals {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  /// When the oldest was accepted, by the calendar; kept while any is left.
  std::int64_t oldest_ms = 0;
};

struct Hint {
  Bytes store_key;
  std::uint64_t version = 0;
  Bytes bucket;
  Bytes key;
  /// Empty for a marker.
  Bytes object;
};

/// The object in a stored hint; empty for a marker. For tools that look at disks.
/// Errors: corruption.
Result<BytesView> object_of_hint(BytesView stored);

class HintTable {
 public:
  HintTable(Store& store, Random random, const HintOptions& options);

  /// Loads the hints of earlier runs. Errors: corruption, storage.
  Status load(std::uint64_t run, bool past_is_proven);
  /// Says that the past was lost: actors of records made before are not used again.
  void distrust_past() { trusts_past_ = false; }

  /// Joins an object into the hint for this owner and key.
  /// Errors: overloaded (a bound, nothing was stored), disk_full, corruption, storage.
  Status keep(Now now, const NodeId& owner, const KeyRef& key, const Object& object);
  /// Notes that the owner lacks what this node holds as an owner itself. False: a bound, or damage.
  bool keep_marker(Now now, const NodeId& owner, const KeyRef& key, ObjectKind kind);

  /// The hint for a key that this node is about to write as a fallback.
  struct Draft {
    Bytes store_key;
    NodeId owner;
    std::uint64_t version = 0;
    std::uint64_t run = 0;
    ActorId actor{};
    std::uint64_t counter = 0;
    std::int64_t created_at_ms = 0;
    std::uint64_t old_bytes = 0;
    Object object;
  };
  /// Errors: as keep.
  Result<Draft> open(Now now, const NodeId& owner, const KeyRef& key, ObjectKind kind);
  /// The next event of the record's actor; a new actor where the old one cannot vouch for its past,
  /// `seen` included.
  Dot next_dot(Draft& draft, const Context& seen);
  void save(Draft draft);

  /// The join of the hints kept for these owners of a key; an absent object when there are none.
  /// Errors: corruption, storage.
  Result<Object> find(const std::vector<NodeId>& owners, const KeyRef& key, ObjectKind kind);

  /// Up to `count_max` hints for the owner behind `after` (a store_key; empty = from the first).
  /// Errors: corruption, storage.
  Result<std::vector<Hint>> page(const NodeId& owner, BytesView after, std::size_t count_max);
  /// Forgets a delivered hint, unless it changed meanwhile.
  void erase_if_unchanged(const NodeId& owner, const Hint& hint);

  const std::map<NodeId, HintTotals>& totals() const { return totals_; }
  bool has_hints_for(const NodeId& owner) const { return totals_.contains(owner); }
  std::uint64_t total_count() const;
  std::uint64_t total_bytes() const { return bytes_; }
  std::uint64_t refused_count() const { return refused_count_; }

 private:
  Status may_accept(Now now, const NodeId& owner);
  Result<Draft> read(const NodeId& owner, const KeyRef& key, ObjectKind kind);
  void write(const Draft& draft, BytesView object);

  Store& store_;
  Random random_;
  const HintOptions& options_;
  std::uint64_t run_ = 0;
  bool trusts_past_ = true;
  std::map<NodeId, HintTotals> totals_;
  std::uint64_t bytes_ = 0;
  std::uint64_t refused_count_ = 0;
};

}  // namespace dynakv

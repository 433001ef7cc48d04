// The actors under which this node counts its writes: one per slot, with one counter for all keys
// of the slot together (DESIGN §4, Identity).
//
// An actor says: "this replica still has, or has merged away, every event it ever made for a key of
// this slot". Where that cannot be proven any more, the actor is retired, and the next write mints
// a new one. This is what the classic losses come from (B1, B2, B3, B5, B6: riak_kv#679, #1643).
//
// Invariant 1: a dot is given out once (I4). Invariant 2: the counter is stored in the same batch
// as the data that it counts. Invariant 3: a counter only grows while its actor lives.
#pragma once

#include <cstdint>
#include <vector>

#include "dynakv/base/random.h"
#include "dynakv/base/result.h"
#include "dynakv/base/types.h"
#include "dynakv/domain/context.h"
#include "dynakv/protocol/store.h"

namespace dynakv {

class ActorTable {
 public:
  ActorTable(Store& store, Random random);

  /// Takes up the actors of earlier starts. Errors: corruption, storage.
  Status load();

  /// The next event of the slot, in the pending batch. Mints an actor where there is none.
  Dot next_dot(Slot slot);

  /// The slot's actor; zero while none is minted.
  ActorId actor_of(Slot slot) const { return rows_[to_number(slot)].actor; }

  /// Retires the slot's actor: it is not written under again.
  void retire(Slot slot);
  void retire_all();

  /// Retires the slot's actor when `seen` knows more of it than this node does: then this node
  /// forgot events that it made (B3). True when it did.
  bool check_against(Slot slot, const Context& seen);
  /// The same for one counter of one actor, as acknowledgements carry it.
  bool check_against(Slot slot, const Dot& known);

  std::uint64_t minted_count() const { return minted_count_; }
  std::uint64_t retired_count() const { return retired_count_; }

 private:
  struct Row {
    ActorId actor{};
    std::uint64_t counter = 0;
  };

  Store& store_;
  Random random_;
  std::vector<Row> rows_;
  std::uint64_t minted_count_ = 0;
  std::uint64_t retired_count_ = 0;
};

}  // namespace dynakv

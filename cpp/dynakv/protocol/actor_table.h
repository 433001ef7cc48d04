// The actors under which this node counts its writes: one per slot, with one counter for all keys
// of the slot together (DESIGN §4, Identity).
//
// An actor says: "this replica still has, or has merged away, every event it ever made for a key of
// this slot". When that can no longer be proven, the actor is retired, and the next write mints a
// new one. The classic losses come from breaking this rule (B1, B2, B3, B5, B6: riak_kv#679,
// #1643).
//
// All counters that a step moved go into one record, at the next place of a journal of
// kJournalLength places that is written as a ring. Before a place is overwritten, whatever only
// that place still says is carried into the new record. One insert for each step instead of one for
// each put is worth a fifth of a put's storage cost.
//
//   record := sequence:u64 row*
//   row    := slot:u16 actor:u64 counter:u64       actor 0: retired
//
// Invariant 1: a dot is given out once (I4). Invariant 2: the counter is stored in the same batch
// as the data that it counts. Invariant 3: a counter only grows while its actor lives.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
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

  /// Loads the actors of earlier starts. Errors: corruption, storage.
  Status load();

  /// The next event of the slot. Mints an actor where there is none. The step that gives it out
  /// must end with end_step().
  Dot next_dot(Slot slot);

  /// Adds the counters that the step moved to the pending batch.
  void end_step();

  /// The slot's actor; zero while none is minted.
  ActorId actor_of(Slot slot) const { return row_of(slot).actor; }

  /// Retires the slot's actor: no more writes use it.
  void retire(Slot slot);
  void retire_all();

  /// Retires the slot's actor when `seen` knows more of it than this node does, which means that
  /// this node forgot events that it made (B3). Returns true when it did.
  bool check_against(Slot slot, const Context& seen);
  /// The same for one counter of one actor, as acknowledgements carry it.
  bool check_against(Slot slot, const Dot& known);

  std::uint64_t minted_count() const { return minted_count_; }
  std::uint64_t retired_count() const { return retired_count_; }

 private:
  static constexpr std::uint64_t kJournalLength = 256;

  struct Row {
    ActorId actor{};
    std::uint64_t counter = 0;
    /// The newest record that says so; 0 = none does.
    std::uint64_t sequence = 0;
    bool moved = false;
  };

  static constexpr std::size_t kChunkRows = 128;
  using Chunk = std::array<Row, kChunkRows>;

  const Row& row_of(Slot slot) const {
    static constexpr Row kEmpty;
    const auto& chunk = chunks_[to_number(slot) / kChunkRows];
    return chunk ? (*chunk)[to_number(slot) % kChunkRows] : kEmpty;
  }
  Row& made_row_of(Slot slot) {
    auto& chunk = chunks_[to_number(slot) / kChunkRows];
    if (!chunk) chunk = std::make_unique<Chunk>();
    return (*chunk)[to_number(slot) % kChunkRows];
  }
  void move(Slot slot);
  Status load_record(BytesView value);

  Store& store_;
  Random random_;
  /// Empty rows take no memory: most nodes of a large cluster write to few slots.
  std::array<std::unique_ptr<Chunk>, kSlotCount / kChunkRows> chunks_;
  /// Slots that moved in this step.
  std::vector<Slot> moved_;
  /// What each place of the journal holds.
  std::vector<std::vector<Slot>> journal_;
  std::uint64_t sequence_ = 0;
  std::uint64_t minted_count_ = 0;
  std::uint64_t retired_count_ = 0;
};

}  // namespace dynakv

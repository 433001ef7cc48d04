// A disk that forgets what a real one forgets.
//
// Steps that were written are in the operating system: they survive the end of the process. Only
// what a sync covered survives a loss of power; of the rest a random prefix of steps does (a log's
// torn tail is dropped on recovery). A failed sync loses its pages although they read well until
// the process ends (I21).
//
// Invariant 1: after any crash the store holds a prefix of the steps written, and that prefix holds
// every step that was synced.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "dynakv/adapters/memory_store.h"
#include "dynakv/base/random.h"
#include "dynakv/protocol/store.h"

namespace dynakv {

/// Counts the calls that can fail, over several disks, and fails one of them.
struct CallFault {
  std::uint64_t count = 0;
  /// 1 = the first; 0 = none.
  std::uint64_t fails_at = 0;
};

class SimDisk final : public DurableStore {
 public:
  Result<std::optional<Bytes>> get(Space space, BytesView key) override;
  void put(Space space, BytesView key, BytesView value) override;
  void erase(Space space, BytesView key) override;
  Result<std::vector<std::pair<Bytes, Bytes>>> scan(Space space, BytesView first, BytesView last,
                                                    std::size_t count_max) override;
  StoreCondition condition() const override;

  bool has_pending() const override { return written_.has_pending(); }
  Status write_step() override;
  /// At once; the simulated node uses begin_sync() and finish_sync() to let time pass between.
  Status sync() override;

  /// How many steps were written so far.
  std::uint64_t written_steps() const { return written_steps_; }
  std::uint64_t synced_steps() const { return synced_steps_; }
  /// Makes the first `steps` steps durable. Errors: storage, when the sync was made to fail.
  Status finish_sync(std::uint64_t steps);

  // Faults.
  void drop_pending();
  void lose_power(Random& random);
  void wipe();
  void fail_next_sync() { fail_next_sync_ = true; }
  void set_full(bool full) { is_full_ = full; }
  /// Counts get, scan, write_step and sync from now on. `calls` must outlive the disk.
  void watch_calls(CallFault* calls) { calls_ = calls; }
  /// No fault is armed any more.
  void clear_faults() { is_full_ = fail_next_sync_ = false; }
  /// Damages a stored object, drawn from `random`: reads of it fail until it is overwritten.
  bool damage_object(Random& random);
  /// What a backup taken now holds.
  const MemoryStore& image() const { return durable(); }
  void restore(const MemoryStore& image);

  /// What survives a loss of power now. Good until the disk changes.
  const MemoryStore& durable() const;
  const MemoryStore& written() const { return written_; }
  bool is_damaged(BytesView key) const { return damaged_.contains(Bytes(key)); }

 private:
  /// The records that a step changed, as they were before.
  using Step = std::vector<MemoryStore::Before>;

  bool call_fails() { return calls_ != nullptr && ++calls_->count == calls_->fails_at; }
  /// Takes back all but the first `kept` of the unsynced steps.
  void take_back(MemoryStore& store, std::size_t kept) const;

  MemoryStore written_;
  /// The steps that are not synced: a second store of what is would be as large as the first, for
  /// each of a thousand nodes.
  std::deque<Step> unsynced_;
  /// What durable() made, until a sync.
  mutable std::optional<MemoryStore> durable_;
  std::uint64_t written_steps_ = 0;
  std::uint64_t synced_steps_ = 0;
  std::set<Bytes> damaged_;
  CallFault* calls_ = nullptr;
  bool fail_next_sync_ = false;
  bool is_full_ = false;
  bool has_failed_ = false;
};

}  // namespace dynakv

// A disk that forgets what a real one forgets.
//
// Steps that were written are in the operating system and survive the end of the process. Steps
// that a sync covered survive a loss of power; of the others only a random prefix does (a log's
// torn tail is dropped on recovery). A failed sync loses its pages although they read well until
// the process ends (I21).
//
// With a SimStore under it the disk is that store's judge: every read must answer as the model
// does, and after a crash the store must come back with a prefix of the steps as below. How many
// steps it came back with is known only when it is open again; until then the model counts the
// synced steps.
//
// Invariant 1: after any crash the store holds a prefix of the steps written, and that prefix holds
// every step that was synced (I24).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dynakv/adapters/memory_store.h"
#include "dynakv/base/random.h"
#include "dynakv/protocol/store.h"
#include "dynakv/sim/sim_store.h"

namespace dynakv {

/// What the model does with a step that finds no room. A real store decides that by itself.
enum class NoRoom : std::uint8_t {
  step_waits,   // RocksDB could not write a table: it stops, and goes on when there is room
  store_fails,  // it could not write its log: the process ends
};

/// Counts the calls that can fail, over several disks, and fails one of them.
struct CallFault {
  std::uint64_t count = 0;
  /// 1 = the first; 0 = none.
  std::uint64_t fails_at = 0;
};

class SimDisk final : public DurableStore {
  /// What the step changed, or what undoes it: exchanging it with the store turns one into the
  /// other.
  using Step = MemoryStore::Batch;

 public:
  /// What is on a disk, for a backup or a copy.
  struct Image {
    MemoryStore durable;
    /// For a real store: what its files may hold too.
    std::deque<Step> unsynced;
    std::shared_ptr<const SimFiles> files;
    /// A failed sync may have lost pages of them.
    bool pages_may_be_lost = false;
  };

  /// `store` may be null; then there is only the model.
  explicit SimDisk(std::unique_ptr<SimStore> store = nullptr) : store_(std::move(store)) {}

  /// A process begins to use the disk. Errors: the store refuses its files.
  Status open(const std::string& boot_id);
  /// It ends properly; the pending batch is lost.
  void close();

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
  /// The process ends, if there is one.
  void drop_pending();
  void lose_power(Random& random);
  void wipe();
  void fail_next_sync() { fail_next_sync_ = true; }
  void set_full(bool full);
  /// This many more bytes fit on the disk; nullopt makes room again. A store that found no room
  /// does not open until then.
  void limit_room(std::optional<std::size_t> bytes, NoRoom what = NoRoom::step_waits);
  /// Counts get, scan, write_step and sync from now on, in `calls`, which must outlive the disk.
  void watch_calls(CallFault* calls) { calls_ = calls; }
  /// No fault is armed any more.
  void clear_faults();
  /// Damages a stored object, drawn from `random`: reads of it fail until it is overwritten.
  bool damage_object(Random& random);
  /// What a backup taken now holds.
  Image image() const;
  /// REQUIRES: no process uses the disk.
  void restore(const Image& image);

  /// What survives a loss of power now.
  MemoryStore durable() const { return image_of_memory().durable; }
  /// The record of that under `key`, null when there is none; valid until the disk is used.
  const Bytes* durable_record(Space space, BytesView key) const;
  const MemoryStore& written() const { return written_; }
  bool is_damaged(BytesView key) const { return damaged_.contains(Bytes(key)); }
  /// The store refused its files at the last open.
  bool was_refused() const { return was_refused_; }
  /// The first promise that the store under the disk has broken; empty when it kept all.
  const std::string& broken_promise() const { return broken_promise_; }

 private:
  /// Errors: disk_full, when the pending batch must wait; storage, when the store fails over it.
  Status take_room();
  bool call_fails() { return calls_ != nullptr && ++calls_->count == calls_->fails_at; }
  /// An image without the files.
  Image image_of_memory() const;
  /// Undoes all but the first `kept` unsynced steps, so that they could be done again.
  void roll_back(std::size_t kept);
  /// Everything that is written now is durable, and nothing else exists.
  void forget_unsynced();
  void note_broken(std::string what);
  /// What the opened store holds; objects on damaged files are noted in `unreadable`.
  Result<MemoryStore> read_all(std::set<Bytes>& unreadable);
  /// Finds out how many of the unsynced steps an opened store came back with.
  Status reconcile();
  /// Asks the store which objects it cannot read.
  void find_damaged();

  std::unique_ptr<SimStore> store_;
  /// Of store_, while a process uses it.
  DurableStore* opened_ = nullptr;
  /// The end of the last process may have lost unsynced steps.
  bool tail_may_be_cut_ = false;
  /// A file was cut by the last loss of power.
  bool tail_was_torn_ = false;
  /// Pages that the store knows it had written may be gone.
  bool pages_may_be_lost_ = false;
  bool was_refused_ = false;
  /// For a real store: reads may fail, and so may compactions.
  bool has_damaged_files_ = false;
  std::string broken_promise_;
  MemoryStore written_;
  /// The first `done_` are in written_ and hold what undoes them; the others are rolled back.
  std::deque<Step> unsynced_;
  std::size_t done_ = 0;
  std::uint64_t written_steps_ = 0;
  std::uint64_t synced_steps_ = 0;
  std::set<Bytes> damaged_;
  CallFault* calls_ = nullptr;
  bool fail_next_sync_ = false;
  bool is_full_ = false;
  std::optional<std::size_t> room_;
  NoRoom no_room_ = NoRoom::step_waits;
  /// For the model: a step found no room, and there is still none.
  bool writes_stopped_ = false;
  /// Room was limited while this process used the disk, or is.
  bool room_was_limited_ = false;
  bool has_failed_ = false;
  /// The store failed for want of room, which loses nothing that was written.
  bool has_lost_nothing_ = false;
};

}  // namespace dynakv

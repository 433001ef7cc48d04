// Whether a database may be written to: it hears of the errors of RocksDB's background threads,
// watches the free space, and brings the database back when a full disk has space again.
//
// Invariant 1: a failure is final (I21). Nothing is retried; a restart is an unclean start.
// Invariant 2: only "no space" for a table or the manifest is ever taken back, and only by
// RocksDB's own Resume(), which writes the memtables to new files (INVARIANTS §1.6). No space in
// the log itself is a failure: 7.8.3 goes on with a new log whose first record was torn, and the
// next write then ends the process in an assertion. The reserve exists to prevent that. RocksDB's
// automatic recovery is off: it would retry at times of its own choosing, and after failed syncs.
//
// Threads: note_* and failure() any; the rest one strand.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <string>

#include "dynakv/base/result.h"
#include "dynakv/protocol/store.h"

namespace dynakv {

class RocksDbHealth final : public rocksdb::EventListener {
 public:
  /// `reserve_bytes`: below so much free space the disk counts as full; 0 never.
  RocksDbHealth(rocksdb::Env& env, std::string directory, std::uint64_t reserve_bytes);

  StoreCondition condition(rocksdb::DB& db);

  /// The first failure, if there was one.
  std::optional<Error> failure() const;
  Error note_failure(Error error);

  /// RocksDB refuses writes until there is space. They leave no trace and may be tried again.
  bool writes_stopped() const { return writes_stopped_; }

  /// A write was refused for want of space. RocksDB reports an error before it acts on it. A
  /// recovery in between finds nothing to do, and wrongly concludes that the database goes on.
  void note_refusal() { writes_stopped_ = true; }

  /// To be called after a step of `bytes`: looks at the free space every kCheckedBytes or
  /// kCheckedSteps, so that a healthy store pays next to nothing for it.
  void note_step(std::size_t bytes);

  /// Checks the free space and, when there is enough, lets a stopped database go on.
  void try_to_recover(rocksdb::DB& db);

  // RocksDB's threads call these.
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override;
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status status,
                            bool* auto_recovery) override;

 private:
  static constexpr std::size_t kCheckedSteps = 64;
  static constexpr std::size_t kCheckedBytes = 1 << 20;
  /// While the disk is full: how many calls of condition() there are between two checks of the
  /// space.
  static constexpr std::size_t kCheckedCalls = 16;

  bool has_reserve() const;

  rocksdb::Env& env_;
  const std::string directory_;
  const std::uint64_t reserve_bytes_;

  std::atomic<bool> failed_{false};
  std::atomic<bool> writes_stopped_{false};
  mutable std::mutex mutex_;
  std::optional<Error> failure_;

  bool below_reserve_ = false;
  std::size_t steps_ = 0;
  std::size_t bytes_ = 0;
  std::size_t calls_ = 0;
};

}  // namespace dynakv

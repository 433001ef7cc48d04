// The store of a real node: RocksDB, one column family for each space.
//
// A step becomes one record of RocksDB's log, written without a sync: it survives the end of the
// process. sync() makes everything written so far durable and runs beside further steps. The
// durability of an acknowledgement is the driver's choice, not made here.
//
// Log recovery is point-in-time: an open after a loss of power keeps a prefix of history and cuts
// the torn tail. The modes that tolerate only a torn last record refuse a tail whose blocks reached
// the disk out of order, which is normal after a loss of power; and given several logs they go on
// behind the tear, which leaves a hole. What point-in-time alone would hide, damage in the middle,
// is found by a mark beside the database (rocksdb_mark.h): a log that ends before what was synced,
// or before what was written since the machine started, is corruption. Neither best-efforts
// recovery nor skipping of corrupt records is ever used, nor is a repair tool (INVARIANTS §1.6).
//
// Invariant 1: a failed write or sync is final: condition() is `failed`, every later write_step and
// sync fails, nothing is retried (I21).
// Invariant 2: a wrong checksum is an error of that read, never "not found" (I20).
// Invariant 3: `disk_full` from write_step leaves the batch pending, so the same step may be
// written again once condition() is healthy; reads go on.
//
// Threads: one strand, except sync().
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "dynakv/protocol/store.h"

namespace rocksdb {
class Env;
}

namespace dynakv {

struct RocksDbOptions {
  /// Created when missing (its parents are not).
  std::string directory;

  /// What changes with each start of the operating system (StartEvidence::boot_id). Empty: not
  /// known; then only what was synced is required of the log at an open.
  Bytes boot_id;

  /// Bytes of data and index blocks kept in memory.
  std::size_t block_cache_bytes = std::size_t{64} << 20;

  /// Bytes of a memtable of objects; up to three exist. Larger ones were not faster (PERFORMANCE
  /// §1), and the log, and so a restart, grows with them. Hints get a quarter, node state a
  /// sixteenth.
  std::size_t memtable_bytes = std::size_t{64} << 20;

  /// Free bytes below which the disk counts as full, so that deletes, repair and flushes still have
  /// room (I22). Nothing: the smaller of 1 GiB and 5 % of the file system. 0: never. A reserve
  /// smaller than a memtable means that a memtable may not find room to be flushed.
  std::optional<std::uint64_t> reserve_bytes;

  /// Where files are; nullptr is the operating system. Must outlive the store. Needs RandomRWFile.
  rocksdb::Env* env = nullptr;
};

class RocksDbStore final : public DurableStore {
 public:
  /// Opens the store in `options.directory`, and formats an empty directory.
  /// Errors: invalid_argument (in use by another process, or by this one), corruption (do not use
  /// the directory again, the message says what to do), disk_full, storage.
  static Result<std::unique_ptr<RocksDbStore>> open(RocksDbOptions options);

  /// Ends background work and closes the files. The pending batch is lost.
  ~RocksDbStore() override;

  Result<std::optional<Bytes>> get(Space space, BytesView key) override;
  void put(Space space, BytesView key, BytesView value) override;
  void erase(Space space, BytesView key) override;
  Result<std::vector<std::pair<Bytes, Bytes>>> scan(Space space, BytesView first, BytesView last,
                                                    std::size_t count_max) override;

  /// `disk_full` ends by itself when space returns. It asks the file system only now and then.
  StoreCondition condition() const override;

  bool has_pending() const override;
  /// May wait while RocksDB slows writers down because compaction is behind.
  Status write_step() override;
  /// May be called from another thread. Errors: storage, which is final.
  Status sync() override;

  /// Gauges for metrics, by name; cheap (no I/O).
  std::map<std::string, std::uint64_t> counters() const;

  /// Writes the memtables to table files now, so that reads come from disk; for tests and tools.
  Status flush();
  /// The same without waiting for it.
  Status begin_flush();

 private:
  struct Parts;
  explicit RocksDbStore(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace dynakv

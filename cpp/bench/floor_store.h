// The bare store of one floor node.
//
// What: one RocksDB with the options that the real store should have, the write batch of the
// current step, and an optional bounded map of recent keys.
//
// Why: record = version:u64 value. The version stands in for the context that a real put must
// read first; the map shows what the read costs.
//
// Invariants:
// 1. The map's entry of a key equals what the database and the step's batch hold together.
// 2. Departs from the step contract: without the map, a read does not see the step's batch; two
//    puts of one key in one step may get the same version. A floor may be that careless.
//
// Source: PERFORMANCE.md §2.2. Threads: one strand, but sync() may run beside everything.
#ifndef DYNAKV_BENCH_FLOOR_STORE_H_
#define DYNAKV_BENCH_FLOOR_STORE_H_

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/floor.h"

namespace dynakv::bench {

class FloorStore {
 public:
  FloorStore(const FloorOptions& options, const std::string& path);

  // To be called once on the thread that uses the store.
  static void prepare_thread();

  // Adds the key's next record to the step's batch. Returns its version.
  std::uint64_t put_value(std::string_view key, std::string_view value);

  // Adds a record that another node coordinated; the higher of both versions is kept.
  void put_record(std::string_view key, std::uint64_t version, std::string_view value);

  // Returns whether the key exists; `value` is a view that holds until the next call.
  bool get(std::string_view key, std::string_view* value);

  // Writes the step's batch to WAL and memtable. Returns false where it was empty.
  bool write_batch();

  // Makes all batches that were written before the call durable.
  void sync();

  void flush_memtable();

  std::uint64_t reads() const { return reads_; }  // Of RocksDB.

 private:
  struct Entry {
    std::string key;  // Empty = the place is free.
    std::uint64_t version = 0;
    std::string value;
    bool has_value = false;
  };

  Entry* find(std::string_view key);  // Null where the map does not know the key.
  void remember(std::string_view key, std::uint64_t version, const std::string_view* value);
  std::uint64_t read_version(std::string_view key);
  bool read(std::string_view key);  // Into `slice_`.
  void add(std::string_view key, std::uint64_t version, std::string_view value);

  const bool read_modify_write_;
  const bool map_holds_values_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::WriteBatch batch_;
  rocksdb::PinnableSlice slice_;
  std::vector<Entry> map_;  // Sets of kWays places; size 0 or a power of two.
  std::size_t victim_ = 0;
  std::uint64_t next_version_ = 0;
  std::uint64_t reads_ = 0;
};

}  // namespace dynakv::bench

#endif  // DYNAKV_BENCH_FLOOR_STORE_H_

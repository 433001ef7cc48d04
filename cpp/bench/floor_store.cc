#include "bench/floor_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "bench/floor_wire.h"

namespace dynakv::bench {
namespace {

constexpr std::size_t kWays = 4;
constexpr std::size_t kMemtableBytes = 64U << 20;
constexpr std::size_t kBlockCacheBytes = 256U << 20;

rocksdb::Slice slice_of(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

void require_ok(const rocksdb::Status& status, const char* what) {
  if (!status.ok()) floor_require(false, (std::string(what) + ": " + status.ToString()).c_str());
}

rocksdb::Options database_options() {
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  rocksdb::Options options;
  options.create_if_missing = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = kMemtableBytes;
  options.max_write_buffer_number = 4;
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.05;
  options.compression = rocksdb::kNoCompression;
  // One writer per database: nothing is gained by inserting into the memtable concurrently.
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.avoid_flush_during_shutdown = true;
  return options;
}

}  // namespace

FloorStore::FloorStore(const FloorOptions& options, const std::string& path)
    : read_modify_write_(options.read_modify_write), map_holds_values_(options.map_holds_values) {
  rocksdb::DB* db = nullptr;
  require_ok(rocksdb::DB::Open(database_options(), path, &db), "open");
  db_.reset(db);
  if (options.version_map_entries > 0) {
    map_.resize(std::bit_ceil(std::max(options.version_map_entries, kWays)));
  }
}

void FloorStore::prepare_thread() {
  // By default RocksDB counts every key comparison in a thread-local context of its library, a
  // function call each: a fifth of a put's CPU time.
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
}

FloorStore::Entry* FloorStore::find(std::string_view key) {
  if (map_.empty()) return nullptr;
  const std::size_t first = hash_bytes(key) & (map_.size() - 1) & ~(kWays - 1);
  for (std::size_t way = 0; way < kWays; ++way) {
    if (map_[first + way].key == key) return &map_[first + way];
  }
  return nullptr;
}

void FloorStore::remember(std::string_view key, std::uint64_t version,
                          const std::string_view* value) {
  if (map_.empty()) return;
  Entry* entry = find(key);
  if (entry == nullptr) {
    const std::size_t first = hash_bytes(key) & (map_.size() - 1) & ~(kWays - 1);
    entry = &map_[first + victim_++ % kWays];
    entry->key.assign(key);
  }
  entry->version = version;
  entry->has_value = map_holds_values_ && value != nullptr;
  if (entry->has_value) entry->value.assign(*value);
}

bool FloorStore::read(std::string_view key) {
  ++reads_;
  slice_.Reset();
  rocksdb::ReadOptions options;
  options.verify_checksums = false;
  const rocksdb::Status status =
      db_->Get(options, db_->DefaultColumnFamily(), slice_of(key), &slice_);
  if (status.IsNotFound()) return false;
  require_ok(status, "get");
  floor_require(slice_.size() >= sizeof(std::uint64_t), "record size");
  return true;
}

std::uint64_t FloorStore::read_version(std::string_view key) {
  if (const Entry* entry = find(key); entry != nullptr) return entry->version;
  if (!read(key)) return 0;
  std::uint64_t version = 0;
  std::memcpy(&version, slice_.data(), sizeof(version));
  return version;
}

void FloorStore::add(std::string_view key, std::uint64_t version, std::string_view value) {
  const rocksdb::Slice key_part = slice_of(key);
  const rocksdb::Slice record_parts[] = {{reinterpret_cast<const char*>(&version), sizeof(version)},
                                         slice_of(value)};
  require_ok(batch_.Put(rocksdb::SliceParts(&key_part, 1), rocksdb::SliceParts(record_parts, 2)),
             "batch");
  if (read_modify_write_ || map_holds_values_) remember(key, version, &value);
}

std::uint64_t FloorStore::put_value(std::string_view key, std::string_view value) {
  const std::uint64_t version = read_modify_write_ ? read_version(key) + 1 : ++next_version_;
  add(key, version, value);
  return version;
}

void FloorStore::put_record(std::string_view key, std::uint64_t version, std::string_view value) {
  add(key, read_modify_write_ ? std::max(version, read_version(key)) : version, value);
}

bool FloorStore::get(std::string_view key, std::string_view* value) {
  if (map_holds_values_) {
    const Entry* entry = find(key);
    if (entry != nullptr && entry->has_value) {
      *value = entry->value;
      return true;
    }
  }
  if (!read(key)) return false;
  std::uint64_t version = 0;
  std::memcpy(&version, slice_.data(), sizeof(version));
  *value = {slice_.data() + sizeof(version), slice_.size() - sizeof(version)};
  if (map_holds_values_) remember(key, version, value);
  return true;
}

bool FloorStore::write_batch() {
  if (batch_.Count() == 0) return false;
  require_ok(db_->Write(rocksdb::WriteOptions(), &batch_), "write");
  batch_.Clear();
  return true;
}

void FloorStore::sync() { require_ok(db_->SyncWAL(), "sync"); }

void FloorStore::flush_memtable() { require_ok(db_->Flush(rocksdb::FlushOptions()), "flush"); }

}  // namespace dynakv::bench

#include "dynakv/adapters/rocksdb_setup.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cstdarg>

namespace dynakv {
namespace {

constexpr std::uint64_t kReserveBytesMax = std::uint64_t{1} << 30;
constexpr std::uint64_t kReserveShare = 20;  // 5 %
constexpr std::size_t kMemtableBytesMin = 64 << 10;
constexpr int kFilterBitsPerKey = 10;  // about 1 % of absent keys cost a read of a block

/// RocksDB's own information log is discarded: its writer ends the process in an assertion when it
/// is used after the disk was full (7.8.3 as Debian builds it). Errors reach RocksDbHealth.
class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

/// LZ4 where data has come to rest; the youngest levels are rewritten soon, so that compressing
/// them costs more than it saves.
std::vector<rocksdb::CompressionType> compression_by_level() {
  const std::vector<rocksdb::CompressionType> known = rocksdb::GetSupportedCompressions();
  const bool has_lz4 =
      std::find(known.begin(), known.end(), rocksdb::kLZ4Compression) != known.end();
  const auto deep = has_lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  return {rocksdb::kNoCompression, rocksdb::kNoCompression, deep};
}

rocksdb::ColumnFamilyOptions family_options(std::size_t memtable_bytes,
                                            const std::shared_ptr<rocksdb::Cache>& block_cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = block_cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBitsPerKey));
  table.whole_key_filtering = true;
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = std::max(memtable_bytes, kMemtableBytesMin);
  options.max_write_buffer_number = 3;
  // Absent keys, the common case of a first put, cost 0.6 instead of 5.9 µs (PERFORMANCE §1).
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.05;
  options.compression_per_level = compression_by_level();
  options.level_compaction_dynamic_level_bytes = true;
  return options;
}

}  // namespace

rocksdb::DBOptions database_options(const RocksDbOptions& options) {
  rocksdb::DBOptions db;
  if (options.env != nullptr) db.env = options.env;
  db.paranoid_checks = true;
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  db.best_efforts_recovery = false;
  // 7.8.3 with SyncWAL() raises false alarms at the next open (rocksdb#10892): the mark instead.
  db.track_and_verify_wals_in_manifest = false;
  // No retry of failed background work; "no space" is taken back by RocksDbHealth alone.
  db.max_bgerror_resume_count = 0;
  db.max_background_jobs = 2;
  // Spaces that are rarely written must not hold back old logs: bounds log and restart.
  db.max_total_wal_size = std::max(options.memtable_bytes, kMemtableBytesMin) * 4;
  // Table files reach the disk bit by bit, so that their fsync does not stall that of the log.
  db.bytes_per_sync = 1 << 20;
  // One writer: nothing is gained by filling a memtable concurrently.
  db.allow_concurrent_memtable_write = false;
  db.enable_write_thread_adaptive_yield = false;
  db.avoid_flush_during_shutdown = true;
  db.info_log = std::make_shared<SilentLogger>();
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  return db;
}

std::vector<rocksdb::ColumnFamilyDescriptor> column_families(
    const RocksDbOptions& options, const std::shared_ptr<rocksdb::Cache>& block_cache) {
  const std::size_t bytes = options.memtable_bytes;
  return {{"objects", family_options(bytes, block_cache)},
          {"hints", family_options(bytes / 4, block_cache)},
          {"node_state", family_options(bytes / 16, block_cache)},
          {rocksdb::kDefaultColumnFamilyName, family_options(0, block_cache)}};
}

std::shared_ptr<rocksdb::Cache> new_block_cache(std::size_t bytes) {
  // Few shards: one strand reads, and a value of 16 MiB must fit into a shard. HyperClock is 10 %
  // faster but young in 7.8.
  constexpr int kShardBits = 2;
  return rocksdb::NewLRUCache(bytes, kShardBits);
}

rocksdb::ReadOptions read_options() {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  return options;
}

rocksdb::ReadOptions scan_options() {
  rocksdb::ReadOptions options = read_options();
  // In 7.8.3 an iterator that also looks for deleted ranges loses the error of a table's first
  // block when it comes from the table before it, and passes over the rest of the level
  // (rocksdb#11782). Nothing here deletes ranges.
  options.ignore_range_deletions = true;
  options.fill_cache = false;  // a scan must not push out what gets need
  return options;
}

std::uint64_t reserve_bytes_of(const RocksDbOptions& options) {
  if (options.reserve_bytes) return *options.reserve_bytes;
  struct statvfs info {};
  if (options.env != nullptr || ::statvfs(options.directory.c_str(), &info) != 0) return 0;
  const std::uint64_t size = std::uint64_t{info.f_frsize} * info.f_blocks;
  return std::min(kReserveBytesMax, size / kReserveShare);
}

}  // namespace dynakv

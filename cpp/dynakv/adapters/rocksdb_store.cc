#include "dynakv/adapters/rocksdb_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/perf_level.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "dynakv/adapters/rocksdb_health.h"
#include "dynakv/adapters/rocksdb_manifest.h"
#include "dynakv/adapters/rocksdb_mark.h"
#include "dynakv/adapters/rocksdb_pending.h"
#include "dynakv/adapters/rocksdb_setup.h"
#include "dynakv/adapters/rocksdb_status.h"

namespace dynakv {
namespace {

/// RocksDB counts every comparison of keys in a thread-local record of its library, a function call
/// each: in a profile of puts about 5 % of a node's CPU time, for figures that nobody reads.
void stop_counting_on_this_thread() {
  thread_local bool done = false;
  if (done) return;
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
  done = true;
}

}  // namespace

struct RocksDbStore::Parts {
  explicit Parts(RocksDbOptions options_in) : options(std::move(options_in)) {}
  ~Parts();

  rocksdb::Env& env() { return options.env == nullptr ? *rocksdb::Env::Default() : *options.env; }
  rocksdb::ColumnFamilyHandle& family(Space space) {
    return *families[static_cast<std::size_t>(space)];
  }
  Status open_database();
  Status flush(bool waits);
  /// After each change of the set of tables, on RocksDB's threads.
  void note_tables();

  RocksDbOptions options;
  std::unique_ptr<RocksDbMark> mark;
  std::shared_ptr<RocksDbHealth> health;
  std::shared_ptr<rocksdb::Cache> block_cache;
  std::unique_ptr<rocksdb::DB> db;
  /// False while the mark must stay as it was found.
  std::atomic<bool> is_open{false};
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  RocksDbPending pending;
};

RocksDbStore::Parts::~Parts() {
  for (rocksdb::ColumnFamilyHandle* handle : families) {
    db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  pending.clear();
}

void RocksDbStore::Parts::note_tables() {
  const Result<ManifestExtent> extent = sync_manifest(env(), options.directory);
  const Status noted = extent ? mark->note_manifest(*extent) : Status(fail(extent.error()));
  if (!noted) health->note_failure(noted.error());
}

Status RocksDbStore::Parts::open_database() {
  if (Status checked = check_manifest(env(), options.directory, mark->manifest()); !checked) {
    return checked;
  }
  rocksdb::DBOptions setup = database_options(options);
  setup.create_if_missing = !mark->is_formatted();
  setup.create_missing_column_families = !mark->is_formatted();
  setup.listeners.push_back(health);
  setup.listeners.push_back(std::make_shared<RocksDbTableListener>([this] {
    if (is_open) note_tables();
  }));
  block_cache = new_block_cache(options.block_cache_bytes);
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(
      setup, options.directory, column_families(options, block_cache), &families, &opened);
  if (!status.ok()) return fail(open_error(status, options.directory));
  db.reset(opened);
  const std::uint64_t sequence = db->GetLatestSequenceNumber();
  if (sequence < mark->sequence_min()) {
    return fail(ErrorCode::corruption, options.directory + ": the log ends at change " +
                                           std::to_string(sequence) + ", but change " +
                                           std::to_string(mark->sequence_min()) + " was written" +
                                           kRejoinRemedy);
  }
  const Result<ManifestExtent> extent = sync_manifest(env(), options.directory);
  if (!extent) return fail(extent.error());
  if (Status begun = mark->begin(sequence, *extent); !begun) return begun;
  is_open = true;
  return {};
}

RocksDbStore::RocksDbStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

RocksDbStore::~RocksDbStore() = default;

Result<std::unique_ptr<RocksDbStore>> RocksDbStore::open(RocksDbOptions options) {
  auto parts = std::make_unique<Parts>(std::move(options));
  const std::string& directory = parts->options.directory;
  const rocksdb::Status created = parts->env().CreateDirIfMissing(directory);
  if (!created.ok()) return fail(error_of(created, "cannot create " + directory));
  auto mark = RocksDbMark::open(parts->env(), directory, parts->options.boot_id);
  if (!mark) return fail(mark.error());
  parts->mark = std::move(*mark);
  parts->health =
      std::make_shared<RocksDbHealth>(parts->env(), directory, reserve_bytes_of(parts->options));
  if (Status opened = parts->open_database(); !opened) return fail(opened.error());
  return std::unique_ptr<RocksDbStore>(new RocksDbStore(std::move(parts)));
}

Result<std::optional<Bytes>> RocksDbStore::get(Space space, BytesView key) {
  if (const RocksDbPending::Change* change = parts_->pending.find(space, key)) return *change;
  stop_counting_on_this_thread();
  Bytes value;
  const rocksdb::Status status =
      parts_->db->Get(read_options(), &parts_->family(space), slice_of(key), &value);
  if (status.ok()) return std::optional<Bytes>(std::move(value));
  if (status.IsNotFound()) return std::optional<Bytes>();
  return fail(error_of(status, "cannot read " + printable(key)));
}

void RocksDbStore::put(Space space, BytesView key, BytesView value) {
  parts_->pending.put(space, parts_->family(space), key, value);
}

void RocksDbStore::erase(Space space, BytesView key) {
  parts_->pending.erase(space, parts_->family(space), key);
}

Result<std::vector<std::pair<Bytes, Bytes>>> RocksDbStore::scan(Space space, BytesView first,
                                                                BytesView last,
                                                                std::size_t count_max) {
  const auto changes = parts_->pending.ordered(space, first, last);
  const rocksdb::Slice end = slice_of(last);
  rocksdb::ReadOptions options = scan_options();
  if (!last.empty()) options.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> stored(
      parts_->db->NewIterator(options, &parts_->family(space)));
  std::vector<std::pair<Bytes, Bytes>> found;
  auto change = changes.begin();
  stored->Seek(slice_of(first));
  while (found.size() < count_max && (stored->Valid() || change != changes.end())) {
    // An iterator that met an error is not valid, which must not read as the end of the data.
    if (!stored->Valid() && !stored->status().ok()) break;
    if (change != changes.end() && (!stored->Valid() || change->first <= view_of(stored->key()))) {
      if (stored->Valid() && change->first == view_of(stored->key())) stored->Next();
      if (*change->second) found.emplace_back(Bytes(change->first), **change->second);
      ++change;
    } else {
      found.emplace_back(stored->key().ToString(), stored->value().ToString());
      stored->Next();
    }
  }
  if (!stored->status().ok()) {
    return fail(error_of(stored->status(), "cannot scan from " + printable(first)));
  }
  return found;
}

StoreCondition RocksDbStore::condition() const { return parts_->health->condition(*parts_->db); }

bool RocksDbStore::has_pending() const { return !parts_->pending.is_empty(); }

Status RocksDbStore::write_step() {
  RocksDbHealth& health = *parts_->health;
  if (const auto failure = health.failure()) return fail(*failure);
  if (!has_pending()) return {};
  if (health.writes_stopped()) health.try_to_recover(*parts_->db);
  if (const auto failure = health.failure()) return fail(*failure);
  if (health.writes_stopped()) {
    return fail(ErrorCode::disk_full, "the disk is full; the step stays pending");
  }
  stop_counting_on_this_thread();
  rocksdb::WriteBatch& batch = parts_->pending.batch();
  const rocksdb::Status status = parts_->db->Write(rocksdb::WriteOptions(), &batch);
  if (const auto failure = health.failure()) return fail(*failure);  // the listener came first
  if (is_no_space(status)) {
    health.note_refusal();
    return fail(error_of(status, "the step stays pending"));
  }
  if (!status.ok()) return fail(health.note_failure(error_of(status, "cannot write a step")));
  if (Status noted = parts_->mark->note_written(parts_->db->GetLatestSequenceNumber()); !noted) {
    return fail(health.note_failure(noted.error()));
  }
  health.note_step(batch.GetDataSize());
  parts_->pending.clear();
  return {};
}

Status RocksDbStore::sync() {
  RocksDbHealth& health = *parts_->health;
  if (const auto failure = health.failure()) return fail(*failure);
  // Everything up to here is in a log: RocksDB publishes a number after it wrote the record.
  const std::uint64_t sequence = parts_->db->GetLatestSequenceNumber();
  // Covers every log that is not yet durable, also those closed by a change of memtable, and the
  // directory of a new one; does not hold up Write() (DBImpl::SyncWAL in 7.8.3).
  rocksdb::Status status = parts_->db->SyncWAL();
  if (status.IsNotSupported()) {  // files of an in-memory disk; the documented other way
    rocksdb::WriteOptions synced;
    synced.sync = true;
    rocksdb::WriteBatch nothing;
    status = parts_->db->Write(synced, &nothing);
  }
  if (!status.ok()) {
    Error error = error_of(status, "cannot sync");
    error.code = ErrorCode::storage;  // also for want of space: pages may be clean but lost
    return fail(health.note_failure(std::move(error)));
  }
  if (Status noted = parts_->mark->note_synced(sequence); !noted) {
    return fail(health.note_failure(noted.error()));
  }
  // A failure in the meantime covers this sync too: the caller must not acknowledge.
  if (const auto failure = health.failure()) return fail(*failure);
  return {};
}

std::map<std::string, std::uint64_t> RocksDbStore::counters() const {
  static constexpr std::array<std::pair<const char*, const char*>, 6> kProperties{{
      {"store_live_bytes", "rocksdb.estimate-live-data-size"},
      {"store_memtable_bytes", "rocksdb.cur-size-all-mem-tables"},
      {"store_table_reader_bytes", "rocksdb.estimate-table-readers-mem"},
      {"store_records_estimate", "rocksdb.estimate-num-keys"},
      {"store_compaction_debt_bytes", "rocksdb.estimate-pending-compaction-bytes"},
      {"store_background_errors", "rocksdb.background-errors"},
  }};
  std::map<std::string, std::uint64_t> gauges;
  for (const auto& [name, property] : kProperties) {
    std::uint64_t value = 0;
    if (parts_->db->GetAggregatedIntProperty(property, &value)) gauges[name] = value;
  }
  gauges["store_block_cache_bytes"] = parts_->block_cache->GetUsage();
  return gauges;
}

Status RocksDbStore::flush() { return parts_->flush(true); }

Status RocksDbStore::begin_flush() { return parts_->flush(false); }

Status RocksDbStore::Parts::flush(bool waits) {
  rocksdb::FlushOptions how;
  how.wait = waits;
  how.allow_write_stall = !waits;
  const rocksdb::Status status = db->Flush(how, {families.begin(), families.end()});
  if (!status.ok()) return fail(error_of(status, "cannot flush"));
  return {};
}

}  // namespace dynakv

// Guards RocksDB's manifest, the log of which table files exist.
//
// Why: RocksDB reads a manifest that ends early, or whose last record's length is damaged, as one
// that a crash cut short. The tables that the lost records named are then deleted as leftovers, and
// their keys read as "not found" (I20), since their part of the log is gone already.
//
// Invariant 1: a recorded extent was synced first, so a loss of power cannot undercut it.
// Invariant 2: an extent of the current manifest that is missing, or holds a damaged record, is
// corruption; what lies behind it may be torn.
//
// Threads: any.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/listener.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "dynakv/base/result.h"

namespace dynakv {

/// The first `size` bytes of the manifest with this number; number 0 is none.
struct ManifestExtent {
  std::uint64_t number = 0;
  std::uint64_t size = 0;
};

/// Syncs the current manifest and tells how far it reaches. Errors: storage, corruption.
Result<ManifestExtent> sync_manifest(rocksdb::Env& env, const std::string& directory);

/// Errors: corruption when the current manifest is older than `known`, or is the same one and the
/// extent is not whole; storage.
Status check_manifest(rocksdb::Env& env, const std::string& directory, const ManifestExtent& known);

/// Calls a function after each change of the set of tables, on one of RocksDB's threads.
class RocksDbTableListener final : public rocksdb::EventListener {
 public:
  explicit RocksDbTableListener(std::function<void()> changed) : changed_(std::move(changed)) {}

  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo&) override { changed_(); }
  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo&) override {
    changed_();
  }

 private:
  const std::function<void()> changed_;
};

}  // namespace dynakv

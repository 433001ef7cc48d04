// How RocksDB is set up: every option that differs from its default, with the reason.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <vector>

#include "dynakv/adapters/rocksdb_store.h"

namespace dynakv {

rocksdb::DBOptions database_options(const RocksDbOptions& options);

/// The column families in the order of Space, and last RocksDB's own `default`, which stays empty.
std::vector<rocksdb::ColumnFamilyDescriptor> column_families(
    const RocksDbOptions& options, const std::shared_ptr<rocksdb::Cache>& block_cache);

std::shared_ptr<rocksdb::Cache> new_block_cache(std::size_t bytes);

/// For each read: the checksum of every block is compared (I20).
rocksdb::ReadOptions read_options();

/// For each scan: what read_options() has, and an error in any table ends the scan (B43).
rocksdb::ReadOptions scan_options();

/// `options.reserve_bytes`, or the default for the directory's file system (0 when unknown).
std::uint64_t reserve_bytes_of(const RocksDbOptions& options);

}  // namespace dynakv

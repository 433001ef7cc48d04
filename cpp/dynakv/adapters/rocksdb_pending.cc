#include "dynakv/adapters/rocksdb_pending.h"

#include <algorithm>

#include "dynakv/base/check.h"

namespace dynakv {
namespace {

/// A batch keeps its memory when it is cleared; one that held large values gives it back.
constexpr std::size_t kKeptBatchBytes = 1 << 20;

}  // namespace

void RocksDbPending::set(Space space, BytesView key, Change change) {
  Table& table = tables_[static_cast<std::size_t>(space)];
  if (const auto entry = table.find(key); entry != table.end()) {
    entry->second = std::move(change);
  } else {
    table.emplace(Bytes(key), std::move(change));
  }
}

void RocksDbPending::put(Space space, rocksdb::ColumnFamilyHandle& family, BytesView key,
                         BytesView value) {
  DYNAKV_CHECK(batch_.Put(&family, slice_of(key), slice_of(value)).ok());
  set(space, key, Bytes(value));
}

void RocksDbPending::erase(Space space, rocksdb::ColumnFamilyHandle& family, BytesView key) {
  DYNAKV_CHECK(batch_.Delete(&family, slice_of(key)).ok());
  set(space, key, std::nullopt);
}

const RocksDbPending::Change* RocksDbPending::find(Space space, BytesView key) const {
  const Table& table = tables_[static_cast<std::size_t>(space)];
  if (table.empty()) return nullptr;
  const auto entry = table.find(key);
  return entry == table.end() ? nullptr : &entry->second;
}

RocksDbPending::OrderedChanges RocksDbPending::ordered(Space space, BytesView first,
                                                       BytesView last) const {
  OrderedChanges changes;
  for (const auto& [key, change] : tables_[static_cast<std::size_t>(space)]) {
    const bool inside = key >= first && (last.empty() || key < last);
    if (inside) changes.emplace_back(key, &change);
  }
  std::sort(changes.begin(), changes.end());
  return changes;
}

void RocksDbPending::clear() {
  if (batch_.GetDataSize() > kKeptBatchBytes) {
    batch_ = rocksdb::WriteBatch(0, 0, 8, 0);
  } else {
    batch_.Clear();
  }
  for (Table& table : tables_) {
    if (!table.empty()) table.clear();
  }
}

}  // namespace dynakv

// The pending batch of a step: RocksDB's own batch, which becomes one record of its log, and a
// table of the same changes for reads, because a batch cannot be searched.
//
// Invariant 1: the table and the batch hold the same changes; of several to one key the last
// counts.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dynakv/protocol/store.h"

namespace dynakv {

inline rocksdb::Slice slice_of(BytesView bytes) { return {bytes.data(), bytes.size()}; }
inline BytesView view_of(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

class RocksDbPending {
 public:
  /// An empty optional is an erased key.
  using Change = std::optional<Bytes>;
  using OrderedChanges = std::vector<std::pair<BytesView, const Change*>>;

  void put(Space space, rocksdb::ColumnFamilyHandle& family, BytesView key, BytesView value);
  void erase(Space space, rocksdb::ColumnFamilyHandle& family, BytesView key);

  /// Null when the step did not change the key.
  const Change* find(Space space, BytesView key) const;

  /// The changes of [first, last) in the order of their keys; valid until the next change.
  OrderedChanges ordered(Space space, BytesView first, BytesView last) const;

  bool is_empty() const { return batch_.Count() == 0; }
  rocksdb::WriteBatch& batch() { return batch_; }
  void clear();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(BytesView bytes) const { return std::hash<BytesView>()(bytes); }
  };
  // lookup only: ordered() sorts
  using Table = std::unordered_map<Bytes, Change, Hash, std::equal_to<>>;

  void set(Space space, BytesView key, Change change);

  // 8 bytes of checksum for each change guard it from here to the memtable and the log.
  rocksdb::WriteBatch batch_{0, 0, 8, 0};
  std::array<Table, 3> tables_;
};

}  // namespace dynakv

#include "dynakv/adapters/memory_store.h"

#include <algorithm>
#include <utility>

namespace dynakv {
namespace {

std::size_t index_of(Space space) { return static_cast<std::size_t>(space); }

}  // namespace

Result<std::optional<Bytes>> MemoryStore::get(Space space, BytesView key) {
  const Changes& changes = pending_[index_of(space)];
  if (const auto change = changes.find(key); change != changes.end()) return change->second;
  const Records& records = written_[index_of(space)];
  const auto record = records.find(key);
  if (record == records.end()) return std::optional<Bytes>();
  return std::optional<Bytes>(record->second);
}

void MemoryStore::put(Space space, BytesView key, BytesView value) {
  pending_[index_of(space)].insert_or_assign(Bytes(key), Bytes(value));
}

void MemoryStore::erase(Space space, BytesView key) {
  pending_[index_of(space)].insert_or_assign(Bytes(key), std::nullopt);
}

Result<std::vector<std::pair<Bytes, Bytes>>> MemoryStore::scan(Space space, BytesView first,
                                                               BytesView last,
                                                               std::size_t count_max) {
  const Changes& changes = pending_[index_of(space)];
  const Records& records = written_[index_of(space)];
  auto change = changes.lower_bound(first);
  auto record = records.lower_bound(first);
  const auto inside = [last](const auto& position, const auto& end) {
    return position != end && (last.empty() || position->first < last);
  };
  std::vector<std::pair<Bytes, Bytes>> found;
  while (found.size() < count_max) {
    const bool has_change = inside(change, changes.end());
    const bool has_record = inside(record, records.end());
    if (!has_change && !has_record) break;
    if (has_change && (!has_record || change->first <= record->first)) {
      if (has_record && change->first == record->first) ++record;  // hidden by the change
      if (change->second) found.emplace_back(change->first, *change->second);
      ++change;
    } else {
      found.emplace_back(record->first, record->second);
      ++record;
    }
  }
  return found;
}

bool MemoryStore::has_pending() const {
  return std::any_of(pending_.begin(), pending_.end(),
                     [](const Changes& changes) { return !changes.empty(); });
}

std::size_t MemoryStore::pending_bytes() const {
  std::size_t bytes = 0;
  for (const Changes& changes : pending_) {
    for (const auto& [key, value] : changes) bytes += key.size() + (value ? value->size() : 0);
  }
  return bytes;
}

Status MemoryStore::write_step() {
  if (condition_ == StoreCondition::failed) return fail(ErrorCode::storage, "the store has failed");
  (void)write_undoable_step();
  return {};
}

Status MemoryStore::sync() {
  if (condition_ == StoreCondition::failed) return fail(ErrorCode::storage, "the store has failed");
  return {};
}

void MemoryStore::drop_pending() {
  for (Changes& changes : pending_) changes.clear();
}

MemoryStore::Batch MemoryStore::write_undoable_step() {
  Batch batch = std::exchange(pending_, {});
  exchange(batch);
  return batch;
}

void MemoryStore::exchange(Batch& batch) {
  for (std::size_t space = 0; space < kSpaceCount; ++space) {
    Records& records = written_[space];
    for (auto& [key, value] : batch[space]) {
      const auto record = records.lower_bound(key);
      const bool is_known = record != records.end() && record->first == key;
      if (is_known && value) {
        record->second.swap(*value);
      } else if (is_known) {
        value = std::move(record->second);
        records.erase(record);
      } else if (value) {
        records.emplace_hint(record, key, std::move(*value));
        value.reset();
      }
    }
  }
}

const MemoryStore::Records& MemoryStore::written(Space space) const {
  return written_[index_of(space)];
}

}  // namespace dynakv

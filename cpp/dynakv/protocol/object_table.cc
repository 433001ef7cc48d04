#include "dynakv/protocol/object_table.h"

#include <utility>

#include "dynakv/base/check.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/sometimes.h"
#include "dynakv/protocol/store_keys.h"

namespace dynakv {
namespace {

// Rough cost of an entry beside its bytes: the entry itself and its place in the index.
constexpr std::size_t kEntryOverheadBytes = 128;

}  // namespace

ObjectTable::ObjectTable(Store& store, ActorTable& actors, const ObjectTableOptions& options)
    : store_(store),
      actors_(actors),
      bytes_max_(options.cache_bytes),
      item_bytes_max_(options.cache_item_bytes_max) {}

const Bytes* ObjectTable::find(BytesView store_key) {
  const auto found = index_.find(store_key);
  if (found == index_.end()) return nullptr;
  Entry& entry = entries_[found->second];
  entry.recently_used = true;
  return &entry.encoded;
}

Result<Bytes> ObjectTable::load_encoded(const KeyRef& key) {
  Bytes store_key = object_key(key);
  if (const Bytes* encoded = find(store_key)) return *encoded;
  auto stored = store_.get(Space::objects, store_key);
  if (!stored && canary(Canary::read_error_is_absent)) return Bytes{};
  if (!stored) {
    sometimes(Sometimes::actor_retired_by_read_error);
    actors_.retire(key.slot());
    return fail(stored.error());
  }
  if (!stored->has_value()) return Bytes{};
  remember(std::move(store_key), **stored);
  return std::move(**stored);
}

Result<Object> ObjectTable::load(const KeyRef& key, ObjectKind kind) {
  Result<Object> object(kind);
  if (const Bytes* remembered = find(object_key(key))) {
    object = decode_object(*remembered);
  } else {
    const auto encoded = load_encoded(key);
    if (!encoded) return fail(encoded.error());
    if (!encoded->empty()) object = decode_object(*encoded);
  }
  if (!object || object->kind() != kind) {
    actors_.retire(key.slot());
    return fail(ErrorCode::corruption,
                "this node's copy is damaged or not of its bucket's conflict policy");
  }
  return object;
}

void ObjectTable::save_encoded(const KeyRef& key, BytesView encoded) {
  Bytes store_key = object_key(key);
  store_.put(Space::objects, store_key, encoded);
  const auto found = index_.find(store_key);
  if (found == index_.end()) {
    remember(std::move(store_key), encoded);
    return;
  }
  if (encoded.size() > item_bytes_max_) {
    forget(store_key);
    return;
  }
  Entry& entry = entries_[found->second];
  bytes_ = bytes_ - entry.encoded.size() + encoded.size();
  entry.encoded.assign(encoded);
  entry.recently_used = true;
  evict_until(bytes_max_);
}

Result<Context> ObjectTable::merge(const KeyRef& key, ObjectKind kind, BytesView encoded) {
  auto incoming = decode_object(encoded);
  if (!incoming) return fail(incoming.error());
  if (incoming->kind() != kind) {
    return fail(ErrorCode::invalid_argument, "the object is not of its bucket's conflict policy");
  }
  actors_.check_against(key.slot(), incoming->context());

  // A delete of an absent key by a writer that had seen nothing leaves no state.
  if (incoming->is_absent()) return incoming->context();
  auto local = load(key, kind);
  if (!local) return fail(local.error());
  if (local->is_absent()) {
    save_encoded(key, encoded);
    return incoming->context();
  }
  if (!canary(Canary::overwrite_not_join)) incoming->join(*local);
  if (canary(Canary::replica_counts_too) && *incoming != *local && !incoming->siblings().empty()) {
    const Payload payload = incoming->siblings().back().payload;
    const Dot again = actors_.next_dot(key.slot());
    incoming->put(incoming->context(), again, payload);
  }
  sometimes(Sometimes::replica_joined_siblings, incoming->siblings().size() > 1);
  sometimes(Sometimes::replica_put_was_old, *incoming == *local);
  if (*incoming != *local) save_encoded(key, encode_object(*incoming));
  return incoming->context();
}

void ObjectTable::remember(Bytes store_key, BytesView encoded) {
  const std::size_t cost = store_key.size() + encoded.size() + kEntryOverheadBytes;
  if (encoded.size() > item_bytes_max_ || cost > bytes_max_) return;
  evict_until(bytes_max_ - cost);
  std::uint32_t at = 0;
  if (free_.empty()) {
    at = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    at = free_.back();
    free_.pop_back();
  }
  bytes_ += cost;
  entries_[at] = Entry{std::move(store_key), Bytes(encoded), false};
  index_.emplace(entries_[at].store_key, at);
}

void ObjectTable::forget(BytesView store_key) {
  const auto found = index_.find(store_key);
  if (found == index_.end()) return;
  const std::uint32_t at = found->second;
  Entry& entry = entries_[at];
  bytes_ -= entry.store_key.size() + entry.encoded.size() + kEntryOverheadBytes;
  index_.erase(found);
  entry = Entry{};
  free_.push_back(at);
}

void ObjectTable::evict_until(std::size_t bytes_max) {
  for (std::size_t visits = 0; bytes_ > bytes_max; ++visits) {
    // Two sweeps leave nothing. If that is not enough, the count of bytes is wrong.
    DYNAKV_CHECK(visits < 2 * entries_.size());
    hand_ = hand_ + 1 < entries_.size() ? hand_ + 1 : 0;
    Entry& entry = entries_[hand_];
    if (entry.store_key.empty()) continue;
    if (entry.recently_used) {
      entry.recently_used = false;
    } else {
      sometimes(Sometimes::object_evicted);
      const Bytes store_key = entry.store_key;
      forget(store_key);
    }
  }
}

}  // namespace dynakv

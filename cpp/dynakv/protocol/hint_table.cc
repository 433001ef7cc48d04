#include "dynakv/protocol/hint_table.h"

#include <algorithm>
#include <string>
#include <utility>

#include "dynakv/base/byte_io.h"
#include "dynakv/base/hash.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/sometimes.h"
#include "dynakv/protocol/store_keys.h"

namespace dynakv {
namespace {

constexpr std::size_t kLoadPage = 1024;

struct Record {
  std::uint64_t version = 0;
  std::uint64_t run = 0;
  ActorId actor{};
  std::uint64_t counter = 0;
  std::int64_t created_at_ms = 0;
  BytesView object;
};

Result<Record> decode_record(BytesView bytes) {
  ByteReader in(bytes);
  Record record;
  record.version = in.fixed<std::uint64_t>();
  record.run = in.fixed<std::uint64_t>();
  record.actor = static_cast<ActorId>(in.fixed<std::uint64_t>());
  record.counter = in.fixed<std::uint64_t>();
  record.created_at_ms = static_cast<std::int64_t>(in.fixed<std::uint64_t>());
  record.object = in.string();
  if (!in.finished()) return fail(ErrorCode::corruption, "a stored hint is malformed");
  return record;
}

}  // namespace

Result<BytesView> object_of_hint(BytesView stored) {
  const auto record = decode_record(stored);
  if (!record) return fail(record.error());
  return record->object;
}

HintTable::HintTable(Store& store, Random random, const HintOptions& options)
    : store_(store), random_(random), options_(options) {}

Status HintTable::load(std::uint64_t run, bool past_is_proven) {
  run_ = run;
  trusts_past_ = past_is_proven;
  if (canary(Canary::hints_forgotten_at_restart)) return {};
  Bytes first;
  for (;;) {
    auto records = store_.scan(Space::hints, first, {}, kLoadPage);
    if (!records) return fail(records.error());
    for (const auto& [key, value] : *records) {
      const auto record = decode_record(value);
      const auto parts = parse_hint_key(key);
      if (!record || !parts) return fail(ErrorCode::corruption, "a stored hint is malformed");
      HintTotals& totals = totals_[parts->owner];
      totals.oldest_ms = totals.count == 0 ? record->created_at_ms
                                           : std::min(totals.oldest_ms, record->created_at_ms);
      ++totals.count;
      totals.bytes += key.size() + value.size();
      bytes_ += key.size() + value.size();
    }
    sometimes(Sometimes::hint_survived_restart, !records->empty());
    if (records->size() < kLoadPage) return {};
    first = records->back().first + '\0';
  }
}

Status HintTable::may_accept(Now now, const NodeId& owner) {
  if (store_.condition() == StoreCondition::disk_full) {
    ++refused_count_;
    return fail(ErrorCode::disk_full, "the disk is nearly full; no more hints are accepted");
  }
  const auto totals = totals_.find(owner);
  const bool too_old = totals != totals_.end() && now.wall.milliseconds - totals->second.oldest_ms >
                                                      options_.age_max.milliseconds();
  if (too_old || bytes_ >= options_.bytes_max) {
    if (canary(Canary::full_hints_dropped)) {
      const auto dropped = page(owner, {}, kLoadPage);
      for (const Hint& hint : *dropped) erase_if_unchanged(owner, hint);
      return {};
    }
    sometimes(Sometimes::hint_refused);
    ++refused_count_;
    return fail(ErrorCode::overloaded,
                too_old ? "the owner has been away for longer than hints are accepted"
                        : "this node keeps as many hints as it may");
  }
  return {};
}

Result<HintTable::Draft> HintTable::read(const NodeId& owner, const KeyRef& key, ObjectKind kind) {
  Draft draft;
  draft.store_key = hint_key(owner, object_key(key));
  draft.owner = owner;
  draft.object = Object(kind);
  const auto stored = store_.get(Space::hints, draft.store_key);
  if (!stored) return fail(stored.error());
  if (!stored->has_value()) return draft;
  const auto record = decode_record(**stored);
  if (!record) return fail(record.error());
  draft.version = record->version;
  draft.run = record->run;
  draft.actor = record->actor;
  draft.counter = record->counter;
  draft.created_at_ms = record->created_at_ms;
  draft.old_bytes = draft.store_key.size() + (*stored)->size();
  if (!record->object.empty()) {
    auto object = decode_object(record->object);
    if (!object) return fail(object.error());
    if (object->kind() != kind) {
      return fail(ErrorCode::corruption, "a hint is not of its bucket's conflict policy");
    }
    draft.object = std::move(*object);
  }
  return draft;
}

void HintTable::write(const Draft& draft, BytesView object) {
  Bytes value;
  ByteWriter out(value);
  out.fixed(draft.version + 1);
  out.fixed(draft.run);
  out.fixed(to_number(draft.actor));
  out.fixed(draft.counter);
  out.fixed(static_cast<std::uint64_t>(draft.created_at_ms));
  out.string(object);
  const std::uint64_t size = draft.store_key.size() + value.size();
  HintTotals& totals = totals_[draft.owner];
  if (draft.old_bytes == 0) ++totals.count;
  totals.oldest_ms =
      totals.count == 1 ? draft.created_at_ms : std::min(totals.oldest_ms, draft.created_at_ms);
  totals.bytes += size - draft.old_bytes;
  bytes_ += size - draft.old_bytes;
  store_.put(Space::hints, draft.store_key, value);
}

Result<HintTable::Draft> HintTable::open(Now now, const NodeId& owner, const KeyRef& key,
                                         ObjectKind kind) {
  if (const Status accepted = may_accept(now, owner); !accepted) return fail(accepted.error());
  auto draft = read(owner, key, kind);
  if (draft && (draft->old_bytes == 0 || canary(Canary::hint_age_restarts))) {
    draft->created_at_ms = now.wall.milliseconds;
  }
  return draft;
}

Dot HintTable::next_dot(Draft& draft, const Context& seen) {
  const bool is_vouched_for = draft.run == run_ || (trusts_past_ && draft.run != 0);
  const bool is_known = to_number(draft.actor) != 0 && is_vouched_for &&
                        seen.highest_counter_of(draft.actor) <= draft.counter &&
                        draft.object.context().highest_counter_of(draft.actor) <= draft.counter;
  if (!is_known && !(canary(Canary::hint_actor_outlives_loss) && to_number(draft.actor) != 0)) {
    sometimes(Sometimes::hint_actor_retired, to_number(draft.actor) != 0);
    draft.actor = static_cast<ActorId>(random_.next() | 1);
    if (canary(Canary::hint_actor_outlives_record)) {
      draft.actor = static_cast<ActorId>(hash64(draft.store_key) | 1);
    }
    draft.counter = 0;
    draft.run = run_;
  }
  return {draft.actor, ++draft.counter};
}

void HintTable::save(Draft draft) { write(draft, encode_object(draft.object)); }

Status HintTable::keep(Now now, const NodeId& owner, const KeyRef& key, const Object& object) {
  auto draft = open(now, owner, key, object.kind());
  if (!draft) return fail(draft.error());
  const Object before = draft->object;
  sometimes(Sometimes::hint_joined, draft->old_bytes > 0);
  draft->object.join(object);
  // Keeping the same again changes nothing, and must not keep a delivery from ending.
  if (draft->old_bytes == 0 || draft->object != before) save(std::move(*draft));
  return {};
}

bool HintTable::keep_marker(Now now, const NodeId& owner, const KeyRef& key, ObjectKind kind) {
  if (!may_accept(now, owner)) return false;
  auto draft = read(owner, key, kind);
  if (!draft) return false;
  if (draft->old_bytes == 0) draft->created_at_ms = now.wall.milliseconds;
  write(*draft, draft->object.is_absent() ? Bytes() : encode_object(draft->object));
  return true;
}

Result<Object> HintTable::find(const std::vector<NodeId>& owners, const KeyRef& key,
                               ObjectKind kind) {
  Object found(kind);
  for (const NodeId& owner : owners) {
    if (!has_hints_for(owner)) continue;
    const auto draft = read(owner, key, kind);
    if (!draft) return fail(draft.error());
    found.join(draft->object);
  }
  return found;
}

Result<std::vector<Hint>> HintTable::page(const NodeId& owner, BytesView after,
                                          std::size_t count_max) {
  const Bytes prefix = hint_key(owner, {});
  const Bytes first = after.empty() ? prefix : Bytes(after) + '\0';
  auto records = store_.scan(Space::hints, first, end_of_hints(owner), count_max);
  if (!records) return fail(records.error());
  std::vector<Hint> hints;
  hints.reserve(records->size());
  for (auto& [store_key, value] : *records) {
    const auto record = decode_record(value);
    const auto parts = parse_hint_key(store_key);
    if (!record || !parts) return fail(ErrorCode::corruption, "a stored hint is malformed");
    hints.push_back({store_key, record->version, Bytes(parts->bucket), Bytes(parts->key),
                     Bytes(record->object)});
  }
  return hints;
}

void HintTable::erase_if_unchanged(const NodeId& owner, const Hint& hint) {
  const auto stored = store_.get(Space::hints, hint.store_key);
  if (!stored || !stored->has_value()) return;
  const auto record = decode_record(**stored);
  if (!record) return;
  sometimes(Sometimes::hint_changed_on_its_way, record->version != hint.version);
  if (record->version != hint.version && !canary(Canary::hint_erased_though_changed)) return;
  const std::uint64_t size = hint.store_key.size() + (*stored)->size();
  store_.erase(Space::hints, hint.store_key);
  const auto totals = totals_.find(owner);
  if (totals == totals_.end()) return;
  bytes_ -= size;
  totals->second.bytes -= size;
  if (--totals->second.count == 0) totals_.erase(totals);
}

std::uint64_t HintTable::total_count() const {
  std::uint64_t count = 0;
  for (const auto& [owner, totals] : totals_) count += totals.count;
  return count;
}

}  // namespace dynakv

#include "dynakv/protocol/recovery.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/sometimes.h"
#include "dynakv/protocol/store_keys.h"

namespace dynakv {
namespace {

constexpr TimerId kTimer{TimerKind::recovery, 0};
/// Records that one scan of the store returns; values may be large.
constexpr std::size_t kScanChunk = 16;

/// The first store key at or behind the cursor.
Bytes store_key_at(const ObjectCursor& cursor) {
  if (cursor.key.empty()) return begin_of_slot(cursor.slot);
  return object_key({cursor.bucket, cursor.key}) + '\0';
}

}  // namespace

MachineInputs Recovery::inputs() const {
  return {.timers = {TimerKind::recovery},
          .waiter = Waiter::recovery,
          .requests = {kKindOf<RecoveryRequest>}};
}

Status Recovery::start(Now now, Outbox& out) {
  begin(now, out);
  return {};
}

void Recovery::handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) {
  dispatch(*this, now, {from, message}, out);
}

void Recovery::add_to(Counters& counters) const {
  counters["recovered_records"] += recovered_count_;
  counters["recoveries"] += completed_count_;
}

void Recovery::begin(Now now, Outbox& out) {
  if (!identity_.is_amnesic() || !view_.has_layout()) return;
  const int n = copies_max();
  std::set<NodeId> others;
  for (std::uint32_t slot = 0; slot < kSlotCount; ++slot) {
    if (!view_.ring().owns(identity_.id(), static_cast<Slot>(slot), n)) continue;
    const std::vector<NodeId> owners = view_.owners(static_cast<Slot>(slot), n);
    others.insert(owners.begin(), owners.end());
  }
  others.erase(identity_.id());
  sources_.clear();
  for (const NodeId& other : others) sources_[other] = {};
  arm(now, out);
  fill(now, false, out);
  finish_if_complete(out);
}

int Recovery::copies_max() const {
  const Layout& layout = view_.layout();
  int n = layout.defaults.n;
  for (const auto& [name, properties] : layout.buckets) n = std::max(n, properties.n);
  return n;
}

void Recovery::arm(Now now, Outbox& out) {
  out.set_timer(kTimer, now.steady + options_.retry_pause);
}

void Recovery::fill(Now now, bool probes, Outbox& out) {
  std::size_t under_way = 0;
  for (const auto& [id, source] : sources_) under_way += source.asked != RequestId{} ? 1 : 0;
  for (auto& [id, source] : sources_) {
    if (under_way >= options_.source_count) return;
    const bool is_wanted = !source.is_done || (probes && !source.is_whole);
    if (!is_wanted || source.asked != RequestId{} || !view_.is_usable(id)) continue;
    source.asked = ids_.next(identity_.progress());
    ++under_way;
    ask(now, id, source, out);
  }
}

void Recovery::ask(Now now, const NodeId& id, Source& source, Outbox& out) {
  source.asked_at = now.steady;
  // A probe asks for a page behind the last slot: the answer only says whether its sender is whole.
  const ObjectCursor from = source.is_done ? ObjectCursor{.slot = kSlotCount} : source.from;
  out.send(id, source.asked, RecoveryRequest{view_.stamp(), from});
}

void Recovery::handle_peer_up(Now now, const Hello&, Outbox& out) {
  if (!sources_.empty()) fill(now, false, out);
}

void Recovery::handle_peer_down(Now, const NodeId& peer, Outbox&) {
  const auto at = sources_.find(peer);
  if (at != sources_.end()) at->second.asked = {};
}

void Recovery::handle_message(Now, const Origin& from, const RecoveryRequest& request,
                              Outbox& out) {
  auto page = make_page(from.node, request.from);
  if (!page) return out.answer(from, ReplicaError{page.error()});
  out.answer(from, std::move(*page));
}

Result<RecoveryPage> Recovery::make_page(const NodeId& requester, const ObjectCursor& from) const {
  RecoveryPage page;
  page.is_whole = identity_.copy_counts();
  page.next = from;
  const int n_max = copies_max();
  std::size_t bytes = 0;
  std::size_t looked_at = 0;
  while (looked_at < options_.scan_count && bytes < options_.page_bytes) {
    const std::size_t count = std::min(kScanChunk, options_.scan_count - looked_at);
    auto records = store_.scan(Space::objects, store_key_at(page.next), {}, count);
    if (!records) return fail(records.error());
    page.is_last = records->empty();
    if (page.is_last) return page;
    for (auto& [store_key, object] : *records) {
      const auto parts = parse_object_key(store_key);
      if (!parts) return fail(ErrorCode::corruption, "the key of a stored object is malformed");
      ++looked_at;
      if (!view_.ring().owns(requester, parts->slot, n_max)) {
        // The requester owns nothing in this slot.
        page.next = {.slot = static_cast<std::uint16_t>(to_number(parts->slot) + 1u)};
        break;
      }
      page.next = {to_number(parts->slot), Bytes(parts->bucket), Bytes(parts->key)};
      const int n = view_.layout().properties_of(parts->bucket).n;
      if (!view_.ring().owns(requester, parts->slot, n)) continue;
      bytes += store_key.size() + object.size();
      page.records.push_back({Bytes(parts->bucket), Bytes(parts->key), std::move(object)});
      if (bytes >= options_.page_bytes) break;
    }
  }
  return page;
}

bool Recovery::merge(const RecoveryRecord& record) {
  const ObjectKind kind = view_.layout().properties_of(record.bucket).kind;
  const auto merged = objects_.merge({record.bucket, record.key}, kind, record.object);
  if (merged) {
    ++recovered_count_;
    return true;
  }
  // This node's own damaged copy still answers with an error, and so does not count.
  return merged.error().code == ErrorCode::corruption && decode_object(record.object).has_value();
}

void Recovery::handle_message(Now now, const Origin& from, const RecoveryPage& page, Outbox& out) {
  const auto at = sources_.find(from.node);
  if (at == sources_.end() || at->second.asked != from.request || from.request == RequestId{})
    return;
  Source& source = at->second;
  source.asked = {};
  if (source.is_done) {
    // The answer to a probe: it has become whole since.
    if (page.is_whole) source = {};
    return fill(now, false, out);
  }
  // The timer asks again for a record that cannot be merged now.
  if (!std::all_of(page.records.begin(), page.records.end(),
                   [this](const RecoveryRecord& record) { return merge(record); })) {
    return;
  }
  source.from = page.next;
  source.is_done = page.is_last;
  source.is_whole = source.is_whole && page.is_whole;
  fill(now, false, out);
  if (source.is_done) finish_if_complete(out);
}

void Recovery::handle_message(Now, const Origin& from, const ReplicaError&, Outbox&) {
  const auto at = sources_.find(from.node);
  if (at != sources_.end() && at->second.asked == from.request) at->second.asked = {};
}

void Recovery::handle_timer(Now now, TimerId, Outbox& out) {
  if (!identity_.is_amnesic() || !view_.has_layout()) return;
  arm(now, out);
  bool is_pulling = false;
  for (auto& [id, source] : sources_) {
    const bool is_late = now.steady - source.asked_at >= options_.page_timeout;
    // Under the same id, because an answer that is merely slow is just as good.
    if (is_late && source.asked != RequestId{}) ask(now, id, source, out);
    is_pulling = is_pulling || (!source.is_done && view_.is_usable(id));
  }
  sometimes(Sometimes::recovery_waited_for_peer, !is_pulling);
  fill(now, true, out);
}

void Recovery::finish_if_complete(Outbox& out) {
  if (!identity_.is_amnesic() || !is_complete()) return;
  identity_.end_amnesia();
  sources_.clear();
  ++completed_count_;
  out.cancel_timer(kTimer);
  sometimes(Sometimes::recovery_completed);
}

bool Recovery::is_complete() const {
  const Layout& layout = view_.layout();
  for (std::uint32_t slot = 0; slot < kSlotCount; ++slot) {
    if (!is_complete(static_cast<Slot>(slot), layout.defaults)) return false;
    for (const auto& [name, properties] : layout.buckets) {
      if (!is_complete(static_cast<Slot>(slot), properties)) return false;
    }
  }
  return true;
}

bool Recovery::is_complete(Slot slot, const BucketProperties& properties) const {
  const int n = properties.n;
  if (!view_.ring().owns(identity_.id(), slot, n)) return true;
  int others = 0;
  int merged = 0;
  int whole = 0;
  for (const NodeId& owner : view_.owners(slot, n)) {
    if (owner == identity_.id()) continue;
    ++others;
    const auto at = sources_.find(owner);
    if (at == sources_.end() || !at->second.is_done) continue;
    ++merged;
    whole += at->second.is_whole ? 1 : 0;
  }
  if (canary(Canary::recovery_from_one_copy)) return merged >= std::min(others, 1);
  const int w = properties.w.resolve(n).value_or(n);
  const int r = properties.r.resolve(n).value_or(n);
  return merged == others || whole >= std::max({n - w + 1, r, n / 2 + 1});
}

}  // namespace dynakv

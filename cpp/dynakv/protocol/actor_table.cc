#include "dynakv/protocol/actor_table.h"

#include <algorithm>
#include <utility>

#include "dynakv/base/byte_io.h"
#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/sometimes.h"
#include "dynakv/protocol/store_keys.h"

namespace dynakv {

ActorTable::ActorTable(Store& store, Random random)
    : store_(store), random_(random), journal_(kJournalLength) {}

Status ActorTable::load() {
  auto records =
      store_.scan(Space::node_state, kActorPrefix, end_of_prefix(kActorPrefix), kJournalLength);
  if (!records) return fail(records.error());
  for (const auto& [key, value] : *records) {
    if (const Status loaded = load_record(value); !loaded) return loaded;
  }
  // A row that was written again later counts only in its newest record.
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
    const std::uint64_t sequence = row_of(static_cast<Slot>(slot)).sequence;
    if (sequence != 0) journal_[sequence % kJournalLength].push_back(static_cast<Slot>(slot));
  }
  return {};
}

Status ActorTable::load_record(BytesView value) {
  ByteReader in(value);
  const auto sequence = in.fixed<std::uint64_t>();
  sequence_ = std::max(sequence_, sequence);
  while (in.ok() && !in.at_end()) {
    const auto slot = in.fixed<std::uint16_t>();
    const auto actor = static_cast<ActorId>(in.fixed<std::uint64_t>());
    const auto counter = in.fixed<std::uint64_t>();
    if (!in.ok() || slot >= kSlotCount) in.refuse();
    if (!in.ok()) break;
    Row& row = made_row_of(static_cast<Slot>(slot));
    if (row.sequence < sequence) row = {actor, counter, sequence, false};
  }
  if (in.finished() && sequence != 0) return {};
  return fail(ErrorCode::corruption, "a record of the slots' actors is malformed");
}

Dot ActorTable::next_dot(Slot slot) {
  Row& row = made_row_of(slot);
  if (row.actor == ActorId{}) {
    while (row.actor == ActorId{}) row.actor = static_cast<ActorId>(random_.next());
    row.counter = 0;
    ++minted_count_;
  }
  ++row.counter;
  move(slot);
  return {row.actor, row.counter};
}

void ActorTable::move(Slot slot) {
  Row& row = made_row_of(slot);
  if (row.moved) return;
  row.moved = true;
  moved_.push_back(slot);
}

void ActorTable::end_step() {
  if (moved_.empty()) return;
  const std::uint64_t sequence = ++sequence_;
  std::vector<Slot>& place = journal_[sequence % kJournalLength];
  for (const Slot slot : place) {
    const Row& row = row_of(slot);
    const bool only_here = row.sequence + kJournalLength == sequence;
    sometimes(Sometimes::journal_place_carried_on, only_here && row.actor != ActorId{});
    if (only_here && row.actor != ActorId{}) move(slot);
  }
  Bytes value;
  ByteWriter out(value);
  out.fixed(sequence);
  for (const Slot slot : moved_) {
    Row& row = made_row_of(slot);
    row.sequence = sequence;
    row.moved = false;
    out.fixed(to_number(slot));
    out.fixed(to_number(row.actor));
    out.fixed(row.counter);
  }
  place = std::exchange(moved_, {});
  if (!canary(Canary::counter_not_stored) || sequence == 1) {
    store_.put(Space::node_state, actor_journal_key(sequence % kJournalLength), value);
  }
}

void ActorTable::retire(Slot slot) {
  if (row_of(slot).actor == ActorId{}) return;
  Row& row = made_row_of(slot);
  row.actor = ActorId{};
  row.counter = 0;
  ++retired_count_;
  move(slot);
}

void ActorTable::retire_all() {
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) retire(static_cast<Slot>(slot));
}

bool ActorTable::check_against(Slot slot, const Context& seen) {
  const Row& row = row_of(slot);
  if (row.actor == ActorId{} || seen.highest_counter_of(row.actor) <= row.counter) return false;
  if (canary(Canary::past_not_checked)) return false;
  retire(slot);
  return true;
}

bool ActorTable::check_against(Slot slot, const Dot& known) {
  const Row& row = row_of(slot);
  if (row.actor == ActorId{} || known.actor != row.actor || known.counter <= row.counter ||
      canary(Canary::past_not_checked)) {
    return false;
  }
  retire(slot);
  return true;
}

}  // namespace dynakv

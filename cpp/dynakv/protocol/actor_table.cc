#include "dynakv/protocol/actor_table.h"

#include "dynakv/base/byte_io.h"
#include "dynakv/base/canary.h"
#include "dynakv/protocol/store_keys.h"

namespace dynakv {

ActorTable::ActorTable(Store& store, Random random)
    : store_(store), random_(random), rows_(kSlotCount) {}

Status ActorTable::load() {
  auto records =
      store_.scan(Space::node_state, kActorPrefix, end_of_prefix(kActorPrefix), kSlotCount);
  if (!records) return fail(records.error());
  for (const auto& [key, value] : *records) {
    const auto high = static_cast<unsigned char>(key[key.size() - 2]);
    const auto low = static_cast<unsigned char>(key[key.size() - 1]);
    const std::size_t slot = static_cast<std::size_t>(high) * 256 + low;
    ByteReader in(value);
    const Row row{static_cast<ActorId>(in.fixed<std::uint64_t>()), in.fixed<std::uint64_t>()};
    if (!in.finished() || slot >= kSlotCount) {
      return fail(ErrorCode::corruption, "the record of a slot's actor is malformed");
    }
    rows_[slot] = row;
  }
  return {};
}

Dot ActorTable::next_dot(Slot slot) {
  Row& row = rows_[to_number(slot)];
  if (row.actor == ActorId{}) {
    while (row.actor == ActorId{}) row.actor = static_cast<ActorId>(random_.next());
    row.counter = 0;
    ++minted_count_;
  }
  ++row.counter;
  Bytes value;
  ByteWriter out(value);
  out.fixed(to_number(row.actor));
  out.fixed(row.counter);
  if (!canary(Canary::counter_not_stored) || row.counter == 1) {
    store_.put(Space::node_state, actor_key(slot), value);
  }
  return {row.actor, row.counter};
}

void ActorTable::retire(Slot slot) {
  Row& row = rows_[to_number(slot)];
  if (row.actor == ActorId{}) return;
  row = Row{};
  ++retired_count_;
  store_.erase(Space::node_state, actor_key(slot));
}

void ActorTable::retire_all() {
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) retire(static_cast<Slot>(slot));
}

bool ActorTable::check_against(Slot slot, const Context& seen) {
  const Row& row = rows_[to_number(slot)];
  if (row.actor == ActorId{} || seen.highest_counter_of(row.actor) <= row.counter) return false;
  retire(slot);
  return true;
}

bool ActorTable::check_against(Slot slot, const Dot& known) {
  const Row& row = rows_[to_number(slot)];
  if (row.actor == ActorId{} || known.actor != row.actor || known.counter <= row.counter) {
    return false;
  }
  retire(slot);
  return true;
}

}  // namespace dynakv

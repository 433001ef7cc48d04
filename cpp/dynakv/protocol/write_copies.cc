// How a WriteCoordinator makes a write's copies: its own, the owners', and the hints of the nodes
// that stand in.
#include <algorithm>
#include <utility>

#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/request_error.h"
#include "dynakv/protocol/sometimes.h"
#include "dynakv/protocol/write_coordinator.h"

namespace dynakv {

void WriteCoordinator::store(Now now, Flights::iterator at, const Context& seen, Outbox& out) {
  Flight& flight = at->second;
  auto encoded =
      flight.is_owner ? apply_as_owner(now, flight, seen) : apply_as_fallback(now, flight, seen);
  if (!encoded) {
    reply(now, flight, refused(encoded.error()), out);
    return forget(at);
  }
  flight.copies = Replication(flight.w, flight.route.is_sloppy, flight.route.write_groups());
  if (!flight.is_owner) {
    // The first owner's place: the hint that this node has just written.
    flight.copies.add_failed(flight.route.owners.front());
    flight.copies.add_stand_in(identity_.id(), flight.route.owners.front());
    ++hinted_count_;
  }
  flight.copies.add_held(identity_.id());
  flight.explain.note(now.steady, flight.is_owner ? ExplainKind::acked : ExplainKind::hint_stored,
                      identity_.id(), flight.is_owner ? NodeId{} : flight.route.owners.front());
  std::vector<NodeId> others;
  for (const NodeId& owner : flight.route.owners) {
    if (owner == identity_.id()) continue;
    if (peers_.is_usable(owner)) {
      others.push_back(owner);
      flight.explain.note(now.steady, ExplainKind::sent, owner);
    } else if (flight.copies.add_failed(owner)) {
      flight.node_errors.push_back({owner, ErrorCode::no_nodes_available});
      flight.explain.note(now.steady, ExplainKind::skipped, owner);
    }
  }
  out.send(
      std::move(others), at->first,
      ReplicaPut{flight.envelope(), std::move(*encoded), flight.actor, identity_.promise_step()});
  stand_in(now, at, out);
  advance(now, at, out);
}

Result<Bytes> WriteCoordinator::apply_as_owner(Now now, Flight& flight, const Context& seen) {
  const Slot slot = flight.route.slot();
  const bool is_put = flight.request.kind == WriteKind::put;
  if (is_put && objects_.condition() == StoreCondition::disk_full) {
    sometimes(Sometimes::disk_full_refused);
    return fail(ErrorCode::disk_full,
                "the coordinator's disk is nearly full; nothing was stored; free space on it");
  }
  const auto before = objects_.load(flight.key_ref(), flight.kind());
  sometimes(Sometimes::damaged_copy_refused_write, !before);
  if (!before) return fail(before.error());
  sometimes(Sometimes::delete_of_unwritten_key, !is_put && before->is_absent());
  // A client that knows more of this node's actor than the node itself proves a lost past (B3).
  actors_.check_against(slot, seen);
  actors_.check_against(slot, before->context());

  Object after = *before;
  after.expire(now.wall);
  const auto next_dot = [&] {
    Dot dot = actors_.next_dot(slot);
    if (canary(Canary::counter_of_key)) {
      dot.counter = after.context().highest_counter_of(dot.actor) + 1;
    }
    if (canary(Canary::actor_named_by_node)) {
      dot.actor = static_cast<ActorId>(identity_.id().low + to_number(slot));
    }
    return dot;
  };
  const auto dot = events_.add(now, {flight.request, seen, next_dot}, after);
  if (!dot) return fail(dot.error());
  Bytes encoded = encode_object(after);
  // A delete of an absent key by a writer that had seen nothing leaves no state.
  if (!after.is_absent()) objects_.save_encoded(flight.key_ref(), encoded);
  flight.actor = actors_.actor_of(slot);
  flight.reply.context = reply_context(seen, *dot, *before, after);
  sometimes(Sometimes::context_with_gap, !flight.reply.context.isolated().empty());
  if (*dot) flight.reply.dot = **dot;
  return encoded;
}

Result<Bytes> WriteCoordinator::apply_as_fallback(Now now, Flight& flight, const Context& seen) {
  const KeyRef key = flight.key_ref();
  sometimes(Sometimes::fallback_coordinated);
  auto draft = hints_.open(now, flight.route.owners.front(), key, flight.kind());
  if (!draft) return fail(draft.error());
  // What this node keeps for the other owners of the key is known here as well.
  const auto known = hints_.find(flight.route.owners, key, flight.kind());
  if (!known) return fail(known.error());
  draft->object.join(*known);
  const Object before = draft->object;
  draft->object.expire(now.wall);
  const auto next_dot = [&] { return hints_.next_dot(*draft, seen); };
  const auto dot = events_.add(now, {flight.request, seen, next_dot}, draft->object);
  if (!dot) return fail(dot.error());
  flight.reply.context = reply_context(seen, *dot, before, draft->object);
  if (*dot) flight.reply.dot = **dot;
  Bytes encoded = encode_object(draft->object);
  flight.written = draft->object;
  hints_.save(std::move(*draft));
  return encoded;
}

void WriteCoordinator::stand_in(Now now, Flights::iterator at, Outbox& out) {
  Flight& flight = at->second;
  for (const NodeId& owner : flight.copies.uncovered_owners()) {
    if (send_hint(now, at, owner, out)) continue;
    flight.copies.set_exhausted();
    keep_hint(now, flight, owner);
  }
}

bool WriteCoordinator::send_hint(Now now, Flights::iterator at, const NodeId& owner, Outbox& out) {
  auto& [id, flight] = *at;
  const NodeId fallback = next_fallback(flight);
  if (fallback.is_nil()) return false;
  auto object = current_object(flight);
  if (!object) return false;
  flight.copies.add_stand_in(fallback, owner);
  ++hinted_count_;
  flight.explain.note(now.steady, ExplainKind::hint_sent, fallback, owner);
  out.send(fallback, id,
           HintPut{flight.envelope(), owner, std::move(*object), identity_.promise_step()});
  return true;
}

NodeId WriteCoordinator::next_fallback(Flight& flight) const {
  const std::vector<NodeId>& fallbacks = flight.route.fallbacks;
  while (flight.fallbacks_used < fallbacks.size()) {
    const NodeId& node = fallbacks[flight.fallbacks_used++];
    if (peers_.is_usable(node) && !flight.copies.is_asked(node)) return node;
  }
  return {};
}

void WriteCoordinator::keep_hint(Now now, Flight& flight, const NodeId& owner) {
  bool is_kept = false;
  if (flight.is_owner) {
    is_kept = hints_.keep_marker(now, owner, flight.key_ref(), flight.kind());
  } else if (const auto object = known_as_fallback(flight)) {
    is_kept = hints_.keep(now, owner, flight.key_ref(), *object).has_value();
  }
  // A hint that is refused leaves the owner to read repair and anti-entropy.
  sometimes(Sometimes::coordinator_kept_hint, is_kept);
  if (is_kept) ++hinted_count_;
  flight.copies.cover(owner);
}

Result<Bytes> WriteCoordinator::current_object(const Flight& flight) {
  if (flight.is_owner) {
    auto own = objects_.load_encoded(flight.key_ref());
    return own && own->empty() ? encode_object(Object(flight.kind())) : own;
  }
  const auto object = known_as_fallback(flight);
  if (!object) return fail(object.error());
  return encode_object(*object);
}

Result<Object> WriteCoordinator::known_as_fallback(const Flight& flight) {
  auto object = hints_.find(flight.route.owners, flight.key_ref(), flight.kind());
  if (object) object->join(flight.written);
  return object;
}

}  // namespace dynakv

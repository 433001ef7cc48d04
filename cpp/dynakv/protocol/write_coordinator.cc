#include "dynakv/protocol/write_coordinator.h"

#include <algorithm>
#include <utility>

#include "dynakv/base/canary.h"
#include "dynakv/base/sometimes.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/request_error.h"

namespace dynakv {

void WriteCoordinator::handle_request(Now now, const NodeId& from, RequestId id,
                                      WriteRequest request, Outbox& out) {
  const RequestHead& head = request.head;
  const BucketProperties& properties = view_.layout().properties_of(head.bucket);
  const auto w = (request.w.is_default() ? properties.w : request.w).resolve(properties.n);
  if (!w) return out.send(from, id, refused(w.error()));
  Flight flight;
  flight.client = from;
  flight.client_request = id;
  flight.deadline = now.steady + head.time_left;
  flight.w = *w;
  flight.slot = slot_of(token_of_key(head.key));
  flight.owners = view_.owners(flight.slot, properties.n);
  const auto alive = std::count_if(
      flight.owners.begin(), flight.owners.end(),
      [this](const NodeId& owner) { return owner == identity_.id() || view_.is_up(owner); });
  sometimes(Sometimes::write_refused_early, alive < *w);
  if (alive < *w) return out.send(from, id, quorum_unavailable(*w, static_cast<int>(alive)));

  // The bucket's own R is known to fit N: the layout was validated.
  const int r = properties.r.resolve(properties.n).value_or(properties.n);
  const bool must_read = request.precondition != Precondition::none;
  if (must_read && alive < r) {
    return out.send(from, id, quorum_unavailable(r, static_cast<int>(alive)));
  }
  flight.request = std::move(request);
  const RequestId flight_id = ids_.next();
  const auto at = in_flight_.emplace(flight_id, std::move(flight)).first;
  deadlines_.add(at->second.deadline, flight_id, out);
  if (must_read) {
    begin_reading(flight_id, at->second, r, out);
    continue_after_read(now, at, out);
  } else {
    store(now, at, at->second.request.context, out);
  }
}

void WriteCoordinator::begin_reading(RequestId id, Flight& flight, int r, Outbox& out) {
  const RequestHead& head = flight.request.head;
  const ObjectKind kind = view_.layout().properties_of(head.bucket).kind;
  flight.reading.emplace(kind, r, flight.owners);
  auto local = objects_.load_encoded(head.bucket, head.key);
  const bool local_ok = local && flight.reading->add_object(identity_.id(), std::move(*local));
  if (!local) flight.reading->add_failure(identity_.id(), local.error().code);
  std::vector<NodeId> asked;
  for (const NodeId& owner : flight.owners) {
    if (owner == identity_.id()) continue;
    if (view_.is_up(owner)) {
      asked.push_back(owner);
    } else {
      flight.reading->add_failure(owner, ErrorCode::no_nodes_available);
    }
  }
  out.send(std::move(asked), id, ReplicaGet{head.bucket, head.key, view_.version(), local_ok});
}

void WriteCoordinator::continue_after_read(Now now, Flights::iterator at, Outbox& out) {
  Flight& flight = at->second;
  if (flight.reading->state() == QuorumState::waiting) return;
  if (flight.reading->state() == QuorumState::failed) {
    const auto error =
        quorum_not_met(flight.reading->tally(), false, false, flight.reading->errors());
    return end(at, error, out);
  }
  const auto seen = check_precondition(flight);
  sometimes(Sometimes::condition_failed, !seen);
  if (!seen) {
    ErrorReply error = refused(seen.error());
    error.object = flight.reading->encoded(now.wall);
    return end(at, std::move(error), out);
  }
  flight.reading.reset();
  store(now, at, *seen, out);
}

Result<Context> WriteCoordinator::check_precondition(const Flight& flight) const {
  const Object& found = flight.reading->joined();
  const Context& own = flight.request.context;
  switch (flight.request.precondition) {
    case Precondition::if_absent:
      if (found.live_count() > 0) {
        return fail(ErrorCode::condition_failed, "the key has a value; if_absent asked for none");
      }
      break;
    case Precondition::if_context: {
      const auto& siblings = found.siblings();
      if (!std::all_of(siblings.begin(), siblings.end(),
                       [&](const Sibling& sibling) { return own.covers(sibling.dot); })) {
        return fail(ErrorCode::condition_failed,
                    "the key has a value that the context has not seen; read it and try again");
      }
      break;
    }
    case Precondition::none:
    case Precondition::overwrite:
      break;
  }
  Context seen = own;
  seen.join(found.context());
  return seen;
}

void WriteCoordinator::store(Now now, Flights::iterator at, const Context& seen, Outbox& out) {
  Flight& flight = at->second;
  auto encoded = apply(now, flight, seen);
  if (!encoded) return end(at, refused(encoded.error()), out);
  flight.tally = QuorumTally(flight.w, flight.owners);
  flight.tally.add_success(identity_.id());
  std::vector<NodeId> others;
  for (const NodeId& owner : flight.owners) {
    if (owner == identity_.id()) continue;
    if (view_.is_up(owner)) {
      others.push_back(owner);
    } else {
      flight.tally.add_failure(owner);
      flight.node_errors.push_back({owner, ErrorCode::no_nodes_available});
    }
  }
  const RequestHead& head = flight.request.head;
  out.send(std::move(others), at->first,
           ReplicaPut{head.bucket, head.key, view_.version(), std::move(*encoded), flight.actor,
                      identity_.current_step()});
  finish_if_decided(at, out);
}

Result<Bytes> WriteCoordinator::apply(Now now, Flight& flight, const Context& seen) {
  const RequestHead& head = flight.request.head;
  const bool is_put = flight.request.kind == WriteKind::put;
  if (is_put && objects_.condition() == StoreCondition::disk_full) {
    sometimes(Sometimes::disk_full_refused);
    return fail(ErrorCode::disk_full,
                "the coordinator's disk is nearly full; nothing was stored; free space on it");
  }
  const ObjectKind kind = view_.layout().properties_of(head.bucket).kind;
  const auto before = objects_.load(head.bucket, head.key, kind);
  sometimes(Sometimes::damaged_copy_refused_write, !before);
  if (!before) return fail(before.error());
  sometimes(Sometimes::delete_of_unwritten_key, !is_put && before->is_absent());
  // A client that knows more of this node's actor than the node itself proves a lost past (B3).
  actors_.check_against(flight.slot, seen);
  actors_.check_against(flight.slot, before->context());

  Object after = *before;
  after.expire(now.wall);
  const auto dot = add_event(now, flight, seen, after);
  if (!dot) return fail(dot.error());
  Bytes encoded = encode_object(after);
  objects_.save_encoded(head.bucket, head.key, encoded);
  flight.actor = actors_.actor_of(flight.slot);
  flight.reply.context = reply_context(seen, *dot, *before, after);
  sometimes(Sometimes::context_with_gap, !flight.reply.context.isolated().empty());
  if (*dot) flight.reply.dot = **dot;
  return encoded;
}

Result<std::optional<Dot>> WriteCoordinator::add_event(Now now, const Flight& flight,
                                                       const Context& seen, Object& object) {
  const WriteRequest& request = flight.request;
  if (object.kind() == ObjectKind::siblings && request.kind == WriteKind::remove) {
    object.remove(seen);
    return std::optional<Dot>{};
  }
  const auto& siblings = object.siblings();
  // The same write again (a client's retry): it has its event already.
  const auto earlier = std::find_if(siblings.begin(), siblings.end(), [&](const Sibling& sibling) {
    return request.write_id != 0 && sibling.payload.write_id == request.write_id;
  });
  sometimes(Sometimes::write_deduplicated, earlier != siblings.end());
  if (earlier != siblings.end()) return std::optional<Dot>{earlier->dot};

  const auto surviving = std::count_if(siblings.begin(), siblings.end(), [&](const Sibling& s) {
    return object.kind() == ObjectKind::siblings && !seen.covers(s.dot);
  });
  const auto replaced = std::ssize(siblings) - surviving;
  sometimes(Sometimes::blind_put_made_sibling, seen.empty() && surviving > 0);
  sometimes(Sometimes::third_sibling, surviving >= 2);
  sometimes(Sometimes::siblings_merged, replaced >= 2);
  sometimes(Sometimes::partial_supersede, replaced > 0 && surviving > 0);
  if (static_cast<std::size_t>(surviving) >= options_.sibling_count_max) {
    sometimes(Sometimes::too_many_siblings);
    return fail(ErrorCode::too_many_siblings,
                "the key has " + std::to_string(surviving) +
                    " siblings that this write has not seen; read the key, reconcile, and put "
                    "with the context");
  }
  // Only registers are ordered by time; elsewhere a stamp is for people, and no clock may stop a
  // put.
  HybridTime written_at = HybridTime::from_wall(now.wall);
  if (object.kind() == ObjectKind::last_write_wins) {
    const HybridTime newest = siblings.empty() ? HybridTime{} : siblings.front().payload.written_at;
    const auto next = clock_.next(now.wall, newest);
    if (!next) return fail(next.error());
    written_at = *next;
  }
  if (too_large_together(request, seen, object)) {
    return fail(ErrorCode::too_many_siblings,
                "the siblings that this write has not seen are too large together with it; read "
                "the key, reconcile, and put with the context");
  }
  const Dot dot = actors_.next_dot(flight.slot);
  if (request.kind == WriteKind::remove) {
    object.put_deletion(dot, written_at, request.write_id);
    return std::optional<Dot>{dot};
  }
  Payload payload{request.value, request.content_type, written_at, 0, request.write_id};
  if (request.ttl > Duration{}) {
    payload.expires_at_ms =
        now.wall.milliseconds + std::max<std::int64_t>(request.ttl.milliseconds(), 1);
  }
  object.put(seen, dot, std::move(payload));
  return std::optional<Dot>{dot};
}

bool WriteCoordinator::too_large_together(const WriteRequest& request, const Context& seen,
                                          const Object& object) const {
  if (object.kind() != ObjectKind::siblings) return false;
  std::size_t surviving_bytes = 0;
  for (const Sibling& sibling : object.siblings()) {
    if (!seen.covers(sibling.dot)) surviving_bytes += sibling.payload.value.size();
  }
  return surviving_bytes > 0 && surviving_bytes + request.value.size() > options_.object_bytes_max;
}

void WriteCoordinator::handle_message(Now now, const NodeId& from, RequestId id,
                                      ReplicaGetReply reply, Outbox& out) {
  const auto at = in_flight_.find(id);
  if (at == in_flight_.end() || !at->second.reading) return;
  ReadPhase& reading = *at->second.reading;
  const bool is_full = !reply.object.empty() || reply.digest == Hash128{};
  if (is_full) {
    // A malformed object already counts as that owner's failure.
    (void)reading.add_object(from, std::move(reply.object));
  } else if (reading.add_digest(from, reply.digest)) {
    sometimes(Sometimes::conditional_digest_differed);
    const RequestHead& head = at->second.request.head;
    out.send(from, id, ReplicaGet{head.bucket, head.key, view_.version(), false});
  }
  continue_after_read(now, at, out);
}

void WriteCoordinator::handle_message(Now, const NodeId& from, RequestId id,
                                      const ReplicaPutReply& reply, Outbox& out) {
  const auto at = in_flight_.find(id);
  sometimes(Sometimes::late_acknowledgement, at == in_flight_.end());
  if (at == in_flight_.end() || at->second.reading) return;
  Flight& flight = at->second;
  actors_.check_against(flight.slot, Dot{flight.actor, reply.highest_counter});
  flight.tally.add_success(from);
  finish_if_decided(at, out);
}

void WriteCoordinator::handle_message(Now now, const NodeId& from, RequestId id,
                                      const ReplicaError& error, Outbox& out) {
  const auto at = in_flight_.find(id);
  if (at == in_flight_.end()) return;
  Flight& flight = at->second;
  if (flight.reading) {
    flight.reading->add_failure(from, error.error.code);
    return continue_after_read(now, at, out);
  }
  if (flight.tally.add_failure(from)) flight.node_errors.push_back({from, error.error.code});
  finish_if_decided(at, out);
}

void WriteCoordinator::handle_peer_down(Now now, const NodeId& peer, Outbox& out) {
  std::vector<RequestId> ids;
  ids.reserve(in_flight_.size());
  for (const auto& [id, flight] : in_flight_) ids.push_back(id);
  const ReplicaError error{Error{ErrorCode::no_nodes_available, "the connection was lost"}};
  for (const RequestId id : ids) handle_message(now, peer, id, error, out);
}

void WriteCoordinator::handle_timer(Now now, Outbox& out) {
  for (const RequestId id : deadlines_.take_expired(now.steady, out)) {
    const auto at = in_flight_.find(id);
    if (at == in_flight_.end() || canary(Canary::deadline_ignored)) continue;
    sometimes(Sometimes::write_timed_out);
    const Flight& flight = at->second;
    end(at,
        flight.reading
            ? quorum_not_met(flight.reading->tally(), true, false, flight.reading->errors())
            : quorum_not_met(flight.tally, true, true, flight.node_errors),
        out);
  }
}

void WriteCoordinator::finish_if_decided(Flights::iterator at, Outbox& out) {
  Flight& flight = at->second;
  switch (flight.tally.state()) {
    case QuorumState::waiting:
      return;
    case QuorumState::met:
      sometimes(Sometimes::write_met_despite_failures, !flight.node_errors.empty());
      flight.reply.acked = flight.tally.succeeded();
      return end(at, std::move(flight.reply), out);
    case QuorumState::failed:
      sometimes(Sometimes::write_failed_short_of_quorum);
      return end(at, quorum_not_met(flight.tally, false, true, flight.node_errors), out);
  }
}

void WriteCoordinator::end(Flights::iterator at, Body reply, Outbox& out) {
  const Flight& flight = at->second;
  out.send(flight.client, flight.client_request, std::move(reply));
  deadlines_.remove(flight.deadline, at->first);
  in_flight_.erase(at);
}

}  // namespace dynakv

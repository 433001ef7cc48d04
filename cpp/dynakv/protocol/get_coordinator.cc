#include "dynakv/protocol/get_coordinator.h"

#include <algorithm>
#include <utility>

#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/request_error.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {

MachineInputs GetCoordinator::inputs() const {
  return {.timers = {TimerKind::get_deadline},
          .waiter = Waiter::get_coordinator,
          .requests = {kKindOf<GetRequest>}};
}

void GetCoordinator::handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) {
  dispatch(*this, now, {from, message}, out);
}

void GetCoordinator::add_to(Counters& counters) const {
  counters["read_repairs"] += repaired_count_;
}

void GetCoordinator::handle_request(Now now, RoutedRequest&& routed, Outbox& out) {
  auto& request = std::get<GetRequest>(routed.message.body);
  RequestHead& head = request.head;
  Route& route = routed.route;
  const BucketProperties& bucket = route.bucket;
  const auto r = (request.r.is_default() ? bucket.r : request.r).resolve(bucket.n);
  if (!r) return out.answer(routed.origin(), refused(r.error()));
  const QuorumNeed need{*r, !route.is_sloppy};
  const NodeId& self = identity_.id();
  Explainer explain;
  if (head.explain) explain = begin_explain(now, self, route, need);
  const int alive = usable_count(route, peers_, self);
  sometimes(Sometimes::read_refused_early, alive < *r);
  if (alive < *r) {
    ErrorReply refusal = quorum_unavailable(*r, alive, route.is_sloppy);
    refusal.explain = explain_refusal(std::move(explain), now, route, peers_);
    return out.answer(routed.origin(), std::move(refusal));
  }
  const RequestId flight_id = ids_.next(identity_.progress());
  explain.set_request(flight_id);
  Flight flight;
  flight.client = routed.origin();
  flight.bucket = std::move(head.bucket);
  flight.key = std::move(head.key);
  flight.deadline = now.steady + head.time_left;
  flight.settle_at = now.steady + options_.hint_timeout;
  flight.wake_at = std::min(flight.deadline, flight.settle_at);
  flight.repair =
      request.read_repair == ReadRepair::bucket_default ? bucket.read_repair : request.read_repair;
  flight.holders_needed = bucket.n - *r + 1;
  flight.phase = ReadPhase(bucket.kind, *r, route.owners);
  flight.route = std::move(route);
  flight.explain = std::move(explain);
  const bool local_ok = read_local(now, flight);
  const auto at = in_flight_.emplace(flight_id, std::move(flight)).first;
  deadlines_.add(at->second.wake_at, flight_id, out);
  ask(now, at, local_ok, out);
  advance(now, at, out);
}

/// This node's own copy or, where it is no owner, the hints that it keeps. True when the owners'
/// digests can be compared with it.
bool GetCoordinator::read_local(Now now, Flight& flight) {
  const NodeId& self = identity_.id();
  if (flight.phase.is_asked(self)) {
    auto local = objects_.load_encoded(flight.key_ref());
    if (local && !identity_.copy_counts()) flight.phase.set_incomplete(self);
    return flight.phase.add_local(now, self, std::move(local), flight.explain);
  }
  flight.phase.ask_fallback(self);
  const Route& route = flight.route;
  const auto kept = hints_.find(route.owners, flight.key_ref(), route.bucket.kind);
  Result<Bytes> encoded = kept ? Result<Bytes>(kept->is_absent() ? Bytes() : encode_object(*kept))
                               : Result<Bytes>(fail(kept.error()));
  flight.phase.add_local(now, self, std::move(encoded), flight.explain);
  return false;
}

void GetCoordinator::ask(Now now, Flights::iterator at, bool local_ok, Outbox& out) {
  auto& [id, flight] = *at;
  std::vector<NodeId> asked;
  int lost = 0;
  for (const NodeId& owner : flight.route.owners) {
    if (owner == identity_.id()) continue;
    if (peers_.is_usable(owner)) {
      asked.push_back(owner);
      flight.explain.note(now.steady, ExplainKind::sent, owner);
      continue;
    }
    ++lost;
    flight.explain.note(now.steady, ExplainKind::skipped, owner);
  }
  // Without a good copy of our own there is nothing to compare a digest with.
  out.send(std::move(asked), id, ReplicaGet{flight.envelope(), local_ok});
  // Fallbacks are asked before the owners are given up, so that the quorum is not out of reach.
  if (flight.route.is_sloppy) {
    for (; lost > 0; --lost) ask_fallback(now, id, flight, out);
  }
  for (const NodeId& owner : flight.route.owners) {
    if (owner != identity_.id() && !peers_.is_usable(owner)) {
      flight.phase.add_failure(owner, ErrorCode::no_nodes_available);
    }
  }
}

void GetCoordinator::ask_fallback(Now now, RequestId id, Flight& flight, Outbox& out) {
  const Route& route = flight.route;
  while (flight.fallbacks_used < route.fallbacks.size()) {
    const NodeId& node = route.fallbacks[flight.fallbacks_used++];
    if (!peers_.is_usable(node) || flight.phase.is_asked(node)) continue;
    flight.phase.ask_fallback(node);
    sometimes(Sometimes::read_asked_fallback);
    flight.explain.note(now.steady, ExplainKind::sent, node);
    return out.send(node, id, HintGet{flight.envelope(), route.owners});
  }
}

void GetCoordinator::handle_message(Now now, const Origin& from, ReplicaGetReply reply,
                                    Outbox& out) {
  const auto at = in_flight_.find(from.request);
  if (at == in_flight_.end()) return;
  Flight& flight = at->second;
  if (reply.is_incomplete) {
    const bool is_news = !flight.phase.is_incomplete(from.node);
    flight.phase.set_incomplete(from.node);
    // As for an owner that is down: while it counts as pending, so that the quorum stays in reach.
    if (is_news && flight.route.is_sloppy && flight.stage == Stage::reading) {
      ask_fallback(now, from.request, flight, out);
    }
  }
  if (flight.phase.add_reply(now, from.node, std::move(reply), flight.explain)) {
    sometimes(Sometimes::digest_differed);
    out.answer(from, ReplicaGet{flight.envelope(), false});
  }
  advance(now, at, out);
}

void GetCoordinator::handle_message(Now now, const Origin& from, const ReplicaPutReply& reply,
                                    Outbox& out) {
  identity_.peers().hear(from.node, reply.progress);
  const auto at = in_flight_.find(from.request);
  if (at == in_flight_.end() || at->second.stage != Stage::repairing) return;
  at->second.explain.note(now.steady, ExplainKind::repaired, from.node);
  add_holder(at->second, from.node);
  continue_repairing(now, at, out);
}

void GetCoordinator::handle_message(Now now, const Origin& from, const ReplicaError& error,
                                    Outbox& out) {
  const auto at = in_flight_.find(from.request);
  if (at == in_flight_.end()) return;
  at->second.phase.add_failure(from.node, error.error.code);
  at->second.explain.note(now.steady, ExplainKind::failed, from.node);
  advance(now, at, out);
}

void GetCoordinator::handle_peer_down(Now now, const NodeId& peer, Outbox& out) {
  std::vector<RequestId> ids;
  ids.reserve(in_flight_.size());
  for (const auto& [id, flight] : in_flight_) {
    if (flight.phase.tally().is_pending(peer)) ids.push_back(id);
  }
  const ReplicaError error{Error{ErrorCode::no_nodes_available, "the connection was lost"}};
  for (const RequestId id : ids) {
    const auto at = in_flight_.find(id);
    if (at == in_flight_.end()) continue;
    // While the owner still counts as pending, so that the quorum stays in reach.
    if (at->second.route.is_sloppy && at->second.stage == Stage::reading) {
      ask_fallback(now, id, at->second, out);
    }
    handle_message(now, Origin{peer, id}, error, out);
  }
}

void GetCoordinator::handle_timer(Now now, TimerId, Outbox& out) {
  for (const RequestId id : deadlines_.take_expired(now.steady, out)) {
    const auto at = in_flight_.find(id);
    if (at == in_flight_.end()) continue;
    Flight& flight = at->second;
    if (flight.stage == Stage::replied) {
      // Owners that have not answered by now are not waited for.
      repair(now, at, out);
      forget(at);
    } else if (now.steady >= flight.deadline) {
      sometimes(Sometimes::read_timed_out);
      fail_flight(now, at, true, out);
    } else {
      flight.wake_at = flight.deadline;
      deadlines_.add(flight.wake_at, id, out);
      for (const NodeId& owner : flight.phase.owners_pending()) {
        flight.explain.note(now.steady, ExplainKind::silent, owner);
        if (flight.route.is_sloppy && flight.stage == Stage::reading)
          ask_fallback(now, id, flight, out);
      }
    }
  }
}

void GetCoordinator::advance(Now now, Flights::iterator at, Outbox& out) {
  Flight& flight = at->second;
  if (flight.stage == Stage::repairing) return continue_repairing(now, at, out);
  if (flight.stage == Stage::reading) {
    const QuorumState state = flight.phase.state();
    if (state == QuorumState::waiting) return;
    if (state == QuorumState::failed) return fail_flight(now, at, false, out);
    flight.explain.note(now.steady, ExplainKind::quorum_met, identity_.id());
    sometimes(Sometimes::read_met_despite_failures, !flight.phase.errors().empty());
    sometimes(Sometimes::read_met_with_fallback, !flight.phase.is_strict());
    if (flight.repair == ReadRepair::blocking) return begin_repairing(now, at, out);
    reply(now, flight, out);
    if (flight.repair == ReadRepair::off) return forget(at);
  }
  forget_if_done(now, at, out);
}

void GetCoordinator::forget_if_done(Now now, Flights::iterator at, Outbox& out) {
  Flight& flight = at->second;
  if (!flight.phase.owners_pending().empty()) {
    if (flight.wake_at < flight.settle_at) {
      // A client's short deadline is no reason to leave behind owners that are merely slower.
      sometimes(Sometimes::hurried_read_settled_later);
      deadlines_.remove(flight.wake_at, at->first);
      flight.wake_at = flight.settle_at;
      deadlines_.add(flight.wake_at, at->first, out);
    }
    return forget_oldest_replied(now, out);
  }
  repair(now, at, out);
  forget(at);
}

GetReply GetCoordinator::make_reply(Now now, const Flight& flight) {
  GetReply reply;
  reply.object = flight.phase.encoded(now.wall);
  reply.answered = flight.phase.owners_answered();
  reply.fallbacks = flight.phase.fallbacks_answered();
  reply.all_answered = flight.phase.all_owners_answered();
  reply.is_strict = flight.phase.is_strict();
  return reply;
}

void GetCoordinator::reply(Now now, Flight& flight, Outbox& out) {
  GetReply reply =
      flight.stage == Stage::repairing ? std::move(flight.reply) : make_reply(now, flight);
  if (flight.stage == Stage::reading) note_planned_repair(now, flight);
  flight.stage = Stage::replied;
  ++replied_count_;
  flight.explain.note(now.steady, ExplainKind::replied, identity_.id());
  reply.explain = flight.explain.record();
  out.answer(flight.client, std::move(reply));
}

void GetCoordinator::fail_flight(Now now, Flights::iterator at, bool timed_out, Outbox& out) {
  Flight& flight = at->second;
  flight.explain.note(now.steady, ExplainKind::replied, identity_.id());
  ErrorReply error =
      flight.stage == Stage::repairing
          ? refused(ErrorCode::quorum_timeout, "too few owners took the read's repair in time")
          : quorum_not_met(flight.phase.tally(), timed_out, flight.phase.errors());
  error.alive =
      static_cast<std::uint16_t>(peers_.usable_count(flight.route.owners, identity_.id()));
  error.explain = flight.explain.record();
  out.answer(flight.client, std::move(error));
  forget(at);
}

void GetCoordinator::forget_oldest_replied(Now now, Outbox& out) {
  if (replied_count_ <= options_.settling_max) return;
  // Ids grow: the oldest comes first.
  const auto oldest = std::find_if(in_flight_.begin(), in_flight_.end(), [](const auto& entry) {
    return entry.second.stage == Stage::replied;
  });
  repair(now, oldest, out);
  forget(oldest);
}

void GetCoordinator::forget(Flights::iterator at) {
  if (at->second.stage == Stage::replied) --replied_count_;
  deadlines_.remove(at->second.wake_at, at->first);
  in_flight_.erase(at);
}

}  // namespace dynakv

#include "dynakv/protocol/write_coordinator.h"

#include <algorithm>
#include <utility>

#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/request_error.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {

MachineInputs WriteCoordinator::inputs() const {
  return {.timers = {TimerKind::write_deadline},
          .waiter = Waiter::write_coordinator,
          .requests = {kKindOf<WriteRequest>}};
}

void WriteCoordinator::handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) {
  dispatch(*this, now, {from, message}, out);
}

void WriteCoordinator::add_to(Counters& counters) const { counters["hints_made"] += hinted_count_; }

void WriteCoordinator::handle_request(Now now, RoutedRequest&& routed, Outbox& out) {
  auto& request = std::get<WriteRequest>(routed.message.body);
  const Route& route = routed.route;
  const BucketProperties& bucket = route.bucket;
  const auto w = (request.w.is_default() ? bucket.w : request.w).resolve(bucket.n);
  if (!w) return out.answer(routed.origin(), refused(w.error()));
  const NodeId& self = identity_.id();
  const auto refuse = [&](QuorumNeed need, int alive) {
    ErrorReply refusal = quorum_unavailable(need.required, alive, !need.is_strict);
    if (request.head.explain) {
      refusal.explain = explain_refusal(begin_explain(now, self, route, need), now, route, peers_);
    }
    out.answer(routed.origin(), std::move(refusal));
  };
  const QuorumNeed need{*w, !route.is_sloppy};
  const int alive = usable_count(route, peers_, self);
  sometimes(Sometimes::write_refused_early, alive < *w);
  if (alive < *w) return refuse(need, alive);

  // The bucket's own R is known to fit N: the layout was validated.
  const int r = bucket.r.resolve(bucket.n).value_or(bucket.n);
  const bool is_owner = route.is_owner(self);
  const bool must_read = request.precondition != Precondition::none;
  if (must_read) {
    // Only owners can say what is not there (B34).
    const int owners_alive = peers_.usable_count(route.owners, self);
    if (!is_owner || owners_alive < r) return refuse({r, true}, owners_alive);
  }
  const RequestId flight_id = ids_.next(identity_.progress());
  Flight flight;
  flight.client = routed.origin();
  flight.deadline = now.steady + request.head.time_left;
  flight.wake_at = std::min(flight.deadline, now.steady + options_.hint_timeout);
  flight.w = *w;
  flight.is_owner = is_owner;
  if (request.head.explain) flight.explain = begin_explain(now, self, route, need);
  flight.explain.set_request(flight_id);
  flight.request = std::move(request);
  flight.route = std::move(routed.route);
  const auto at = in_flight_.emplace(flight_id, std::move(flight)).first;
  deadlines_.add(at->second.wake_at, flight_id, out);
  if (must_read) {
    begin_reading(now, at, r, out);
    continue_after_read(now, at, out);
  } else {
    store(now, at, at->second.request.context, out);
  }
}

void WriteCoordinator::begin_reading(Now now, Flights::iterator at, int r, Outbox& out) {
  auto& [id, flight] = *at;
  flight.reading.emplace(flight.kind(), r, flight.route.owners);
  auto local = objects_.load_encoded(flight.key_ref());
  if (!identity_.copy_counts()) flight.reading->set_incomplete(identity_.id());
  const bool local_ok =
      flight.reading->add_local(now, identity_.id(), std::move(local), flight.explain);
  std::vector<NodeId> asked;
  for (const NodeId& owner : flight.route.owners) {
    if (owner == identity_.id()) continue;
    if (peers_.is_usable(owner)) {
      asked.push_back(owner);
      flight.explain.note(now.steady, ExplainKind::sent, owner);
    } else {
      flight.reading->add_failure(owner, ErrorCode::no_nodes_available);
      flight.explain.note(now.steady, ExplainKind::skipped, owner);
    }
  }
  out.send(std::move(asked), id, ReplicaGet{flight.envelope(), local_ok});
}

void WriteCoordinator::continue_after_read(Now now, Flights::iterator at, Outbox& out) {
  Flight& flight = at->second;
  if (flight.reading->state() == QuorumState::waiting) return;
  if (flight.reading->state() == QuorumState::failed) {
    reply(now, flight, quorum_not_met(flight.reading->tally(), false, flight.reading->errors()),
          out);
    return forget(at);
  }
  const auto seen = check_precondition(flight);
  sometimes(Sometimes::condition_failed, !seen);
  if (!seen) {
    ErrorReply error = refused(seen.error());
    error.object = flight.reading->encoded(now.wall);
    reply(now, flight, std::move(error), out);
    return forget(at);
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

void WriteCoordinator::handle_message(Now now, const Origin& from, ReplicaGetReply reply,
                                      Outbox& out) {
  const auto at = in_flight_.find(from.request);
  if (at == in_flight_.end() || !at->second.reading) return;
  Flight& flight = at->second;
  if (flight.reading->add_reply(now, from.node, std::move(reply), flight.explain)) {
    sometimes(Sometimes::conditional_digest_differed);
    out.answer(from, ReplicaGet{flight.envelope(), false});
  }
  continue_after_read(now, at, out);
}

void WriteCoordinator::handle_message(Now now, const Origin& from, const ReplicaPutReply& reply,
                                      Outbox& out) {
  identity_.peers().hear(from.node, reply.progress);
  const auto at = in_flight_.find(from.request);
  sometimes(Sometimes::late_acknowledgement, at == in_flight_.end());
  if (at == in_flight_.end() || at->second.reading) return;
  Flight& flight = at->second;
  if (flight.is_owner) {
    actors_.check_against(flight.route.slot(), Dot{flight.actor, reply.highest_counter});
  }
  const std::size_t hints_before = flight.copies.hinted().size();
  if (!flight.copies.add_held(from.node)) return;
  const auto& hinted = flight.copies.hinted();
  const bool is_hint = hinted.size() > hints_before;
  flight.explain.note(now.steady, is_hint ? ExplainKind::hint_stored : ExplainKind::acked,
                      from.node, is_hint ? hinted.back().owner : NodeId{});
  advance(now, at, out);
}

void WriteCoordinator::handle_message(Now now, const Origin& from, const ReplicaError& error,
                                      Outbox& out) {
  const auto at = in_flight_.find(from.request);
  if (at == in_flight_.end()) return;
  Flight& flight = at->second;
  if (flight.reading) {
    flight.reading->add_failure(from.node, error.error.code);
    flight.explain.note(now.steady, ExplainKind::failed, from.node);
    return continue_after_read(now, at, out);
  }
  if (!flight.copies.add_failed(from.node)) return;
  flight.node_errors.push_back({from.node, error.error.code});
  flight.explain.note(now.steady, ExplainKind::failed, from.node);
  stand_in(now, at, out);
  advance(now, at, out);
}

void WriteCoordinator::handle_peer_down(Now now, const NodeId& peer, Outbox& out) {
  std::vector<RequestId> ids;
  ids.reserve(in_flight_.size());
  for (const auto& [id, flight] : in_flight_) ids.push_back(id);
  const ReplicaError error{Error{ErrorCode::no_nodes_available, "the connection was lost"}};
  for (const RequestId id : ids) handle_message(now, Origin{peer, id}, error, out);
}

void WriteCoordinator::handle_timer(Now now, TimerId, Outbox& out) {
  for (const RequestId id : deadlines_.take_expired(now.steady, out)) {
    const auto at = in_flight_.find(id);
    if (at == in_flight_.end() || canary(Canary::deadline_ignored)) continue;
    Flight& flight = at->second;
    if (now.steady < flight.deadline) {
      flight.wake_at = flight.deadline;
      deadlines_.add(flight.wake_at, id, out);
      if (flight.reading) continue;
      for (const NodeId& owner : flight.copies.waiting_owners()) {
        flight.copies.add_silent(owner);
        flight.explain.note(now.steady, ExplainKind::silent, owner);
      }
      stand_in(now, at, out);
      advance(now, at, out);
      continue;
    }
    if (flight.reading) {
      reply(now, flight, quorum_not_met(flight.reading->tally(), true, flight.reading->errors()),
            out);
      forget(at);
    } else {
      sometimes(Sometimes::write_timed_out, !flight.is_replied);
      if (!flight.is_replied) reply_failure(now, flight, true, out);
      settle_here(now, at);
    }
  }
}

void WriteCoordinator::advance(Now now, Flights::iterator at, Outbox& out) {
  Flight& flight = at->second;
  if (!flight.is_replied) {
    switch (flight.copies.state()) {
      case QuorumState::waiting:
        return;
      case QuorumState::met:
        flight.explain.note(now.steady, ExplainKind::quorum_met, identity_.id());
        sometimes(Sometimes::write_met_despite_failures, !flight.node_errors.empty());
        sometimes(Sometimes::write_met_with_fallback, !flight.copies.is_strict());
        flight.reply.acked = flight.copies.acked();
        flight.reply.hinted = flight.copies.hinted();
        flight.reply.is_strict = flight.copies.is_strict();
        reply(now, flight, std::move(flight.reply), out);
        break;
      case QuorumState::failed:
        sometimes(Sometimes::write_failed_short_of_quorum);
        reply_failure(now, flight, false, out);
        break;
    }
  }
  if (flight.copies.is_settled()) return forget(at);
  settle_oldest_replied(now);
}

void WriteCoordinator::settle_here(Now now, Flights::iterator at) {
  Flight& flight = at->second;
  for (const NodeId& owner : flight.copies.unsettled_owners()) keep_hint(now, flight, owner);
  forget(at);
}

void WriteCoordinator::settle_oldest_replied(Now now) {
  if (replied_count_ <= options_.settling_max) return;
  // Ids grow: the oldest comes first.
  settle_here(now, std::find_if(in_flight_.begin(), in_flight_.end(),
                                [](const auto& entry) { return entry.second.is_replied; }));
}

void WriteCoordinator::reply_failure(Now now, Flight& flight, bool timed_out, Outbox& out) {
  ErrorReply error = quorum_not_met(flight.copies, timed_out, flight.node_errors);
  error.alive =
      static_cast<std::uint16_t>(peers_.usable_count(flight.route.owners, identity_.id()));
  reply(now, flight, std::move(error), out);
}

void WriteCoordinator::reply(Now now, Flight& flight, Body body, Outbox& out) {
  flight.is_replied = true;
  ++replied_count_;
  flight.explain.note(now.steady, ExplainKind::replied, identity_.id());
  if (auto* written = std::get_if<WriteReply>(&body)) written->explain = flight.explain.record();
  if (auto* error = std::get_if<ErrorReply>(&body)) error->explain = flight.explain.record();
  out.answer(flight.client, std::move(body));
}

void WriteCoordinator::forget(Flights::iterator at) {
  if (at->second.is_replied) --replied_count_;
  deadlines_.remove(at->second.wake_at, at->first);
  in_flight_.erase(at);
}

}  // namespace dynakv

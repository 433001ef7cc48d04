#include "dynakv/protocol/get_coordinator.h"

#include <algorithm>
#include <utility>

#include "dynakv/base/sometimes.h"
#include "dynakv/protocol/request_error.h"

namespace dynakv {

void GetCoordinator::handle_request(Now now, const NodeId& from, RequestId id,
                                    const GetRequest& request, Outbox& out) {
  const RequestHead& head = request.head;
  const BucketProperties& properties = view_.layout().properties_of(head.bucket);
  const auto r = (request.r.is_default() ? properties.r : request.r).resolve(properties.n);
  if (!r) return out.send(from, id, refused(r.error()));
  std::vector<NodeId> owners = view_.owners(slot_of(token_of_key(head.key)), properties.n);
  const auto alive = std::count_if(owners.begin(), owners.end(), [this](const NodeId& owner) {
    return owner == self_ || view_.is_up(owner);
  });
  if (alive < *r) {
    sometimes(Sometimes::read_refused_early);
    return out.send(from, id, quorum_unavailable(*r, static_cast<int>(alive)));
  }

  Flight flight{from,
                id,
                head.bucket,
                head.key,
                now.steady + head.time_left,
                ReadPhase(properties.kind, *r, owners)};
  auto local = objects_.load_encoded(head.bucket, head.key);
  const bool local_ok = local && flight.phase.add_object(self_, std::move(*local));
  if (!local) flight.phase.add_failure(self_, local.error().code);

  const RequestId flight_id = ids_.next();
  std::vector<NodeId> asked;
  for (const NodeId& owner : owners) {
    if (owner == self_) continue;
    if (view_.is_up(owner)) {
      asked.push_back(owner);
    } else {
      flight.phase.add_failure(owner, ErrorCode::no_nodes_available);
    }
  }
  const auto at = in_flight_.emplace(flight_id, std::move(flight)).first;
  deadlines_.add(at->second.deadline, flight_id, out);
  if (at->second.phase.state() == QuorumState::waiting) {
    // Without a good copy of our own there is nothing that a digest could be compared with.
    out.send(std::move(asked), flight_id,
             ReplicaGet{head.bucket, head.key, view_.version(), local_ok});
  }
  finish_if_decided(now, at, out);
}

void GetCoordinator::handle_message(Now now, const NodeId& from, RequestId id,
                                    ReplicaGetReply reply, Outbox& out) {
  const auto at = in_flight_.find(id);
  if (at == in_flight_.end()) return;
  Flight& flight = at->second;
  const bool is_full = !reply.object.empty() || reply.digest == Hash128{};
  if (is_full) {
    // A malformed object already counts as that owner's failure.
    (void)flight.phase.add_object(from, std::move(reply.object));
  } else if (flight.phase.add_digest(from, reply.digest)) {
    sometimes(Sometimes::digest_differed);
    out.send(from, id, ReplicaGet{flight.bucket, flight.key, view_.version(), false});
  }
  finish_if_decided(now, at, out);
}

void GetCoordinator::handle_message(Now now, const NodeId& from, RequestId id,
                                    const ReplicaError& error, Outbox& out) {
  const auto at = in_flight_.find(id);
  if (at == in_flight_.end()) return;
  at->second.phase.add_failure(from, error.error.code);
  finish_if_decided(now, at, out);
}

void GetCoordinator::handle_peer_down(Now now, const NodeId& peer, Outbox& out) {
  for (auto at = in_flight_.begin(); at != in_flight_.end();) {
    const auto current = at++;
    current->second.phase.add_failure(peer, ErrorCode::no_nodes_available);
    finish_if_decided(now, current, out);
  }
}

void GetCoordinator::handle_timer(Now now, Outbox& out) {
  for (const RequestId id : deadlines_.take_expired(now.steady, out)) {
    const auto at = in_flight_.find(id);
    if (at != in_flight_.end()) finish(now, at, true, out);
  }
}

void GetCoordinator::finish_if_decided(Now now, Flights::iterator flight, Outbox& out) {
  if (flight->second.phase.state() != QuorumState::waiting) finish(now, flight, false, out);
}

void GetCoordinator::finish(Now now, Flights::iterator at, bool timed_out, Outbox& out) {
  const Flight& flight = at->second;
  const QuorumTally& tally = flight.phase.tally();
  sometimes(Sometimes::read_timed_out, timed_out);
  if (tally.state() == QuorumState::met) {
    sometimes(Sometimes::read_met_despite_failures, !flight.phase.errors().empty());
    const bool all = tally.succeeded().size() == tally.asked().size();
    out.send(flight.client, flight.client_request,
             GetReply{flight.phase.encoded(now.wall), tally.succeeded(), all});
  } else {
    out.send(flight.client, flight.client_request,
             quorum_not_met(tally, timed_out, false, flight.phase.errors()));
  }
  deadlines_.remove(flight.deadline, at->first);
  in_flight_.erase(at);
}

}  // namespace dynakv

// How a GetCoordinator updates owners that answered with less (Dynamo §5).
#include <algorithm>
#include <utility>

#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/get_coordinator.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {

void GetCoordinator::repair(Now now, Flights::iterator at, Outbox& out) {
  Flight& flight = at->second;
  if (flight.repair == ReadRepair::off) return;
  // Hints that were read are in the join too, so agreement among owners alone is not enough.
  if (flight.phase.is_unanimous()) return;
  const Bytes object = flight.phase.joined_encoded();
  const Hash128 digest = digest_of_object(object);
  std::vector<NodeId> behind = flight.phase.owners_behind(digest);
  // Owners that are slow to answer are no longer waited for. Sending them the join does no harm.
  const std::vector<NodeId> slow =
      object.empty() ? std::vector<NodeId>{} : flight.phase.owners_differing();
  sometimes(Sometimes::slow_owner_repaired, !slow.empty());
  behind.insert(behind.end(), slow.begin(), slow.end());
  if (digest == flight.shown_digest) {
    std::erase_if(behind, [&](const NodeId& owner) {
      return std::find(flight.sent_repair.begin(), flight.sent_repair.end(), owner) !=
             flight.sent_repair.end();
    });
  }
  send_repair(now, at, {std::move(behind), object}, out);
}

void GetCoordinator::note_planned_repair(Now now, Flight& flight) {
  if (!flight.explain.is_on() || flight.repair == ReadRepair::off) return;
  if (flight.phase.is_unanimous()) return;
  const Hash128 digest = digest_of_object(flight.phase.joined_encoded());
  for (const NodeId& owner : flight.phase.owners_behind(digest)) {
    flight.explain.note(now.steady, ExplainKind::repair_planned, owner);
  }
}

void GetCoordinator::send_repair(Now now, Flights::iterator at, Repair repair, Outbox& out) {
  auto& [id, flight] = *at;
  auto& [owners, object] = repair;
  repaired_count_ += owners.size();
  sometimes(Sometimes::read_repaired, !owners.empty());
  const auto self = std::find(owners.begin(), owners.end(), identity_.id());
  if (self != owners.end()) {
    owners.erase(self);
    flight.sent_repair.push_back(identity_.id());
    // A copy that cannot be read or written stays as it is, and does not count as a holder.
    if (objects_.merge(flight.key_ref(), flight.route.bucket.kind, object)) {
      add_holder(flight, identity_.id());
    }
  }
  for (const NodeId& owner : owners) {
    flight.explain.note(now.steady, ExplainKind::repair_sent, owner);
    flight.sent_repair.push_back(owner);
  }
  out.send(std::move(owners), id, ReplicaPut{flight.envelope(), object, {}, identity_.progress()});
}

void GetCoordinator::add_holder(Flight& flight, const NodeId& owner) {
  auto& holders = flight.holders;
  if (std::find(holders.begin(), holders.end(), owner) == holders.end()) holders.push_back(owner);
}

// The reply is made now: it names the nodes whose answers are in it. An owner that answers while
// others are repaired may bring more; this read does not show that, and does not claim to.
void GetCoordinator::begin_repairing(Now now, Flights::iterator at, Outbox& out) {
  Flight& flight = at->second;
  flight.stage = Stage::repairing;
  flight.reply = make_reply(now, flight);
  flight.shown = flight.phase.joined_encoded();
  flight.shown_digest = digest_of_object(flight.shown);
  continue_repairing(now, at, out);
}

void GetCoordinator::continue_repairing(Now now, Flights::iterator at, Outbox& out) {
  Flight& flight = at->second;
  // No owner can be behind an empty result: one that answers later with an object has more than was
  // shown.
  const std::vector<NodeId> behind = flight.shown.empty()
                                         ? std::vector<NodeId>{}
                                         : flight.phase.owners_behind(flight.shown_digest);
  for (const NodeId& owner : flight.phase.owners_answered()) {
    if (std::find(behind.begin(), behind.end(), owner) == behind.end()) add_holder(flight, owner);
  }
  std::vector<NodeId> lacking;
  for (const NodeId& owner : behind) {
    const auto& sent = flight.sent_repair;
    if (std::find(sent.begin(), sent.end(), owner) == sent.end()) lacking.push_back(owner);
  }
  if (!lacking.empty()) send_repair(now, at, {std::move(lacking), flight.shown}, out);
  const bool is_held = static_cast<int>(flight.holders.size()) >= flight.holders_needed;
  if (!is_held && !canary(Canary::blocking_repair_skipped)) return;
  sometimes(Sometimes::read_waited_for_repair, !flight.sent_repair.empty());
  reply(now, flight, out);
  forget_if_done(now, at, out);
}

}  // namespace dynakv

// What Gossip tells people of the other nodes.
#include <set>

#include "dynakv/protocol/gossip.h"

namespace dynakv {

void Gossip::add_to(Counters& counters) const {
  counters["gossip_rounds"] += counters_.rounds;
  counters["layout_conflicts"] += counters_.layout_conflicts;
  counters["names_refused"] += membership_.refused_count();
  counters["suspicions"] += counters_.suspicions;
}

PeerStatus Gossip::status_of(const NodeId& id, Instant now) const {
  PeerStatus status;
  status.node = id;
  status.connected = view_.is_up(id);
  if (const Member* member = view_.has_layout() ? view_.layout().find(id) : nullptr) {
    status.in_layout = true;
    status.name = member->name;
    status.address = member->address;
  }
  if (const MemberState* state = membership_.find(id)) {
    if (!state->name.empty()) status.name = state->name;
    if (!state->address.empty()) status.address = state->address;
    status.incarnation = state->has_left() ? 0 : state->at.incarnation;
    status.recovering = state->recovering && !state->has_left();
    if (state->has_left()) {
      status.state = PeerState::left;
      return status;
    }
  }
  if (!view_.is_suspect(id)) return status;
  const auto last = detector_.last_sign(id);
  const bool is_long = last && now - *last >= options_.protocol.gossip.dead_after;
  status.state = is_long && !status.connected ? PeerState::dead : PeerState::suspect;
  return status;
}

std::vector<PeerStatus> Gossip::statuses(Instant now) const {
  std::set<NodeId> ids;
  if (view_.has_layout()) {
    for (const Member& member : view_.layout().members) ids.insert(member.id);
  }
  for (const auto& [id, state] : membership_.states()) {
    if (!membership_.is_refused(id)) ids.insert(id);
  }
  ids.erase(identity_.id());
  std::vector<PeerStatus> statuses;
  for (const NodeId& id : ids) statuses.push_back(status_of(id, now));
  return statuses;
}

std::map<NodeId, PeerState> Gossip::states_of_doubted(Instant now,
                                                      const std::set<NodeId>& also) const {
  std::set<NodeId> ids = also;
  ids.insert(view_.suspects().begin(), view_.suspects().end());
  for (const auto& [id, state] : membership_.states()) {
    if (state.has_left()) ids.insert(id);
  }
  ids.erase(identity_.id());
  std::map<NodeId, PeerState> states;
  for (const NodeId& id : ids) {
    const bool is_member = view_.has_layout() && view_.layout().find(id) != nullptr;
    const bool is_heard_of = membership_.find(id) != nullptr && !membership_.is_refused(id);
    if (is_member || is_heard_of) states[id] = status_of(id, now).state;
  }
  return states;
}

}  // namespace dynakv

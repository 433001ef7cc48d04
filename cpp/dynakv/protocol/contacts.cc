#include "dynakv/protocol/contacts.h"

#include <utility>

namespace dynakv {

const Bytes& address_of(const Membership& membership, const Member& member) {
  const MemberState* state = membership.find(member.id);
  return state != nullptr && !state->address.empty() ? state->address : member.address;
}

std::vector<Member> contacts_of(const KnownPeers& known) {
  const Membership& membership = known.membership;
  std::vector<Member> peers = known.formation.members();
  if (known.view.has_layout()) {
    const Layout& layout = known.view.layout();
    for (Member member : layout.members) {
      member.address = address_of(membership, member);
      peers.push_back(std::move(member));
    }
    for (const auto& [id, state] : membership.states()) {
      const bool is_member = layout.find(id) != nullptr;
      if (is_member || membership.is_refused(id) || state.address.empty()) continue;
      peers.push_back({.id = id, .name = state.name, .address = state.address});
    }
  }
  std::erase_if(peers, [&](const Member& peer) {
    const MemberState* state = membership.find(peer.id);
    return peer.name == known.options.name || peer.id == known.identity.id() ||
           (state != nullptr && state->has_left());
  });
  // Once somebody is connected, gossip knows better where the others are.
  if (known.view.up().empty()) {
    for (const std::string& address : known.options.contact_points) {
      if (address != known.options.address) peers.push_back({.address = address});
    }
  }
  return peers;
}

}  // namespace dynakv

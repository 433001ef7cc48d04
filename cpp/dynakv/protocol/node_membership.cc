// What of NodeCore concerns the other nodes: whom it connects to and lets in, what it knows of
// them, and the layouts that it learns from them.
#include <algorithm>
#include <utility>

#include "dynakv/base/canary.h"
#include "dynakv/base/sometimes.h"
#include "dynakv/protocol/node_core_parts.h"
#include "dynakv/protocol/store_keys.h"

namespace dynakv {

std::vector<Member> NodeCore::peers() const {
  const Parts& p = *parts_;
  std::vector<Member> peers = p.forming;
  const Membership& membership = p.gossip.membership();
  if (p.view.has_layout()) {
    for (Member member : p.view.layout().members) {
      member.address = p.gossip.address_of(member.id, member.address);
      peers.push_back(std::move(member));
    }
    for (const auto& [id, state] : membership.states()) {
      if (p.is_member(id) || membership.is_refused(id) || state.address.empty()) continue;
      peers.push_back({.id = id, .name = state.name, .address = state.address});
    }
  }
  std::erase_if(peers, [&](const Member& peer) {
    const MemberState* state = membership.find(peer.id);
    return peer.name == name() || peer.id == id() || (state != nullptr && state->has_left());
  });
  // Once somebody is connected, gossip knows better where the others are.
  if (p.view.up().empty()) {
    for (const std::string& address : p.options.contact_points) {
      if (address != p.options.address) peers.push_back({.address = address});
    }
  }
  return peers;
}

std::uint64_t NodeCore::peers_revision() const { return parts_->gossip.peers_revision(); }

std::vector<PeerStatus> NodeCore::peer_statuses(Now now) const {
  return parts_->gossip.statuses(now.steady);
}

std::map<NodeId, PeerState> NodeCore::states_of_doubted(Now now,
                                                        const std::set<NodeId>& also) const {
  return parts_->gossip.states_of_doubted(now.steady, also);
}

const Membership& NodeCore::membership() const { return parts_->gossip.membership(); }

bool NodeCore::is_suspect(const NodeId& node) const { return parts_->view.is_suspect(node); }

Status NodeCore::check_hello(const Hello& hello) const {
  const ClusterView& view = parts_->view;
  if (!view.has_layout()) {
    const auto& forming = parts_->forming;
    if (forming.empty() || hello.role == Role::client ||
        std::any_of(forming.begin(), forming.end(),
                    [&](const Member& member) { return member.name == hello.name; })) {
      return {};
    }
    return fail(ErrorCode::auth,
                "'" + printable(hello.name) + "' is not among the first members of this cluster");
  }
  const Layout& layout = view.layout();
  if (!hello.cluster.is_nil() && hello.cluster != layout.cluster) {
    return fail(ErrorCode::auth, "this node belongs to another cluster; check the address");
  }
  if (hello.role == Role::client) return {};
  if (hello.sender == id()) return fail(ErrorCode::auth, "the sender has this node's own id");
  const Membership& membership = parts_->gossip.membership();
  const MemberState* known = membership.find(hello.sender);
  if (known != nullptr && known->has_left()) {
    return fail(ErrorCode::auth,
                "'" + printable(hello.name) +
                    "' was removed from this cluster; it may come back with an empty directory");
  }
  if (known != nullptr && !known->directory.is_nil() && !hello.directory.is_nil() &&
      known->directory != hello.directory) {
    if (hello.progress.incarnation <= known->at.incarnation) {
      return fail(ErrorCode::auth, "the identity of '" + printable(hello.name) +
                                       "' lives on in another data directory");
    }
    if (view.is_usable(hello.sender)) {
      return fail(ErrorCode::auth,
                  "the node '" + printable(hello.name) + "' is alive in another data directory");
    }
  }
  const Member* member = layout.find(hello.sender);
  if (member != nullptr && member->name != hello.name) {
    return fail(ErrorCode::auth, "the id of the member '" + printable(member->name) +
                                     "' comes with the name '" + printable(hello.name) + "'");
  }
  if (member != nullptr) return {};  // names of the layout's members belong to them
  const NodeId owner = membership.owner_of(hello.name);
  if (owner.is_nil() || owner == hello.sender) return {};
  return fail(
      ErrorCode::auth,
      "the name '" + printable(hello.name) +
          "' belongs to a node with another id: its "
          "data directory is not the one that the cluster knows; bring that back, or replace "
          "the node under a new layout");
}

Refusal NodeCore::refusal_for(const Hello& hello, Error error) const {
  return {std::move(error), parts_->claim_for(hello)};
}

IdentityClaim NodeCore::Parts::claim_for(const Hello& hello) const {
  IdentityClaim claim;
  if (!view.has_layout() || hello.role == Role::client) return claim;
  const Member* member = view.layout().find(hello.sender);
  // Who has a layout has a past of its own.
  if (member == nullptr && hello.cluster.is_nil()) {
    member = view.layout().find_by_name(hello.name);
  }
  if (member == nullptr || member->id == identity.id()) return claim;
  claim.by = identity.id();
  claim.cluster = view.layout().cluster;
  claim.node = member->id;
  claim.member_count = static_cast<std::uint32_t>(view.layout().members.size());
  if (const MemberState* known = gossip.membership().find(member->id)) {
    if (known->has_left()) return {};
    claim.incarnation = known->at.incarnation;
    claim.directory = known->directory;
  }
  claim.is_free = !view.is_up(member->id) && view.is_suspect(member->id);
  return claim;
}

void NodeCore::handle_refusal(Now now, const Refusal& refusal, Outbox& out) {
  Parts& p = *parts_;
  const IdentityClaim& claim = refusal.claim;
  if (claim.by.is_nil()) return;
  if (claim.node == id()) {
    const bool is_of_another =
        !claim.directory.is_nil() && claim.directory != p.identity.directory();
    if (is_of_another && claim.incarnation >= incarnation()) p.note_superseded(claim.by);
    return;
  }
  if (!p.may_rejoin()) return;
  if (const auto decided = p.rejoin.decide(now.steady, claim)) p.take_over(now, *decided, out);
}

bool NodeCore::Parts::may_rejoin() const {
  const bool is_told_where = !forming.empty() || !options.contact_points.empty();
  // An amnesic directory may: a loss of power may come before the first layout, and who has the
  // name's identity already is told so.
  return options.rejoin && !view.has_layout() && is_told_where;
}

void NodeCore::Parts::take_over(Now, const IdentityClaim& claim, Outbox&) {
  ++counters.rejoins;
  sometimes(Sometimes::node_rejoined);
  identity.take_over(claim.node, claim.incarnation);
  // The layout comes from the cluster: what the first members were is long past.
  for (const Member& member : std::exchange(forming, {})) {
    if (member.name != options.name) options.contact_points.push_back(member.address);
  }
}

void NodeCore::Parts::note_superseded(const NodeId& by) {
  failure =
      Error{ErrorCode::auth, "the identity of this node lives on in another data directory, says " +
                                 to_string(by) + "; this one must not be used any more"};
}

void NodeCore::Parts::handle_gossip(Now now, const NodeId& from, const Message& message,
                                    Outbox& out) {
  if (const auto* digest = std::get_if<GossipDigest>(&message.body)) {
    return gossip.handle_message(now, from, message.id, *digest, out);
  }
  gossip.handle_message(now, from, message.id, std::get<GossipDelta>(message.body), out);
  if (gossip.was_taken_over()) return note_superseded(from);
  const auto lost = gossip.take_lost_incarnation();
  if (!lost || canary(Canary::actor_outlives_rollback)) return;
  identity.go_beyond(*lost);
  be_rolled_back(now, out);
}

void NodeCore::Parts::handle_layout_reply(Now now, const Message& message, Outbox& out) {
  if (RequestIds::waiter_of(message.id) != Waiter::gossip) return;
  auto layout = decode_layout(std::get<LayoutReply>(message.body).layout);
  if (!layout) return;
  const bool is_newer = view.has_layout() ? layout->cluster == view.layout().cluster &&
                                                layout->version > view.version()
                                          : true;
  const Member* self = layout->find(identity.id());
  const Member* namesake = layout->find_by_name(options.name);
  // A name that has another id belongs to that; and nobody joins a cluster without being told to.
  const bool is_clash = namesake != self;
  const bool may_join = self != nullptr || view.has_layout() || !options.contact_points.empty();
  if (!is_newer || is_clash || !may_join) return;
  ++counters.layouts_learned;
  forming.clear();
  store.put(Space::node_state, kLayoutKey, encode_layout(*layout));
  adopt(std::move(*layout));
  gossip.follow_layout(now);
  become_ready_if_checked();
  recovery.begin(now, out);
}

Layout NodeCore::Parts::reachable_layout() const {
  Layout layout = view.layout();
  for (Member& member : layout.members) {
    member.address = member.id == identity.id() && !options.address.empty()
                         ? options.address
                         : gossip.address_of(member.id, member.address);
  }
  return layout;
}

StatusReply NodeCore::Parts::status(Now now) const {
  StatusReply reply;
  reply.node = identity.id();
  reply.name = options.name;
  reply.layout = view.version();
  reply.incarnation = identity.incarnation();
  reply.ready = view.has_layout() && past_is_proven && !failure;
  reply.peers = gossip.statuses(now.steady);
  reply.recovering = identity.is_amnesic();
  return reply;
}

}  // namespace dynakv

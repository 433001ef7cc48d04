#include "dynakv/protocol/node_greeter.h"

#include <algorithm>
#include <utility>

namespace dynakv {

Hello NodeGreeter::hello_for(const NodeId& peer) const {
  const auto& [options, identity, view, membership, formation] = known_;
  Hello hello;
  hello.sender = identity.id();
  hello.name = options.name;
  hello.address = options.address;
  if (view.has_layout()) {
    hello.cluster = view.layout().cluster;
    hello.layout = view.version();
    hello.layout_digest = view.digest();
  }
  hello.progress = identity.progress();
  hello.progress_seen = identity.peers().of(peer);
  hello.directory = identity.directory();
  return hello;
}

Status NodeGreeter::check(const Hello& hello) const {
  const ClusterView& view = known_.view;
  if (!view.has_layout()) return check_first_member(hello);
  if (!hello.cluster.is_nil() && hello.cluster != view.layout().cluster) {
    return fail(ErrorCode::auth, "this node belongs to another cluster; check the address");
  }
  if (hello.role == Role::client) return {};
  if (hello.sender == known_.identity.id()) {
    return fail(ErrorCode::auth, "the sender has this node's own id");
  }
  if (const Status life = check_life(hello); !life) return life;
  return check_name(hello);
}

Status NodeGreeter::check_first_member(const Hello& hello) const {
  const auto& members = known_.formation.members();
  if (members.empty() || hello.role == Role::client ||
      std::any_of(members.begin(), members.end(),
                  [&](const Member& member) { return member.name == hello.name; })) {
    return {};
  }
  return fail(ErrorCode::auth,
              "'" + printable(hello.name) + "' is not among the first members of this cluster");
}

Status NodeGreeter::check_life(const Hello& hello) const {
  const MemberState* known = known_.membership.find(hello.sender);
  if (known == nullptr) return {};
  if (known->has_left()) {
    return fail(ErrorCode::auth,
                "'" + printable(hello.name) +
                    "' was removed from this cluster; it may come back with an empty directory");
  }
  if (known->directory.is_nil() || hello.directory.is_nil() ||
      known->directory == hello.directory) {
    return {};
  }
  if (hello.progress.incarnation <= known->at.incarnation) {
    return fail(ErrorCode::auth, "the identity of '" + printable(hello.name) +
                                     "' lives on in another data directory");
  }
  if (known_.view.is_usable(hello.sender)) {
    return fail(ErrorCode::auth,
                "the node '" + printable(hello.name) + "' is alive in another data directory");
  }
  return {};
}

Status NodeGreeter::check_name(const Hello& hello) const {
  const Member* member = known_.view.layout().find(hello.sender);
  if (member != nullptr && member->name != hello.name) {
    return fail(ErrorCode::auth, "the id of the member '" + printable(member->name) +
                                     "' comes with the name '" + printable(hello.name) + "'");
  }
  if (member != nullptr) return {};  // names of the layout's members belong to them
  const NodeId owner = known_.membership.owner_of(hello.name);
  if (owner.is_nil() || owner == hello.sender) return {};
  return fail(
      ErrorCode::auth,
      "the name '" + printable(hello.name) +
          "' belongs to a node with another id: its "
          "data directory is not the one that the cluster knows; bring that back, or replace "
          "the node under a new layout");
}

Refusal NodeGreeter::refusal_for(const Hello& hello, Error error) const {
  return {std::move(error), claim_for(hello)};
}

IdentityClaim NodeGreeter::claim_for(const Hello& hello) const {
  const ClusterView& view = known_.view;
  IdentityClaim claim;
  if (!view.has_layout() || hello.role == Role::client) return claim;
  const Member* member = view.layout().find(hello.sender);
  // Who has a layout has a past of its own.
  if (member == nullptr && hello.cluster.is_nil()) {
    member = view.layout().find_by_name(hello.name);
  }
  if (member == nullptr || member->id == known_.identity.id()) return claim;
  claim.by = known_.identity.id();
  claim.cluster = view.layout().cluster;
  claim.node = member->id;
  claim.member_count = static_cast<std::uint32_t>(view.layout().members.size());
  if (const MemberState* known = known_.membership.find(member->id)) {
    if (known->has_left()) return {};
    claim.incarnation = known->at.incarnation;
    claim.directory = known->directory;
  }
  claim.is_free = !view.is_up(member->id) && view.is_suspect(member->id);
  return claim;
}

}  // namespace dynakv

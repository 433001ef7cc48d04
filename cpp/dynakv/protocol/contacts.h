// Where the other nodes are, and to which of them this node should be connected.
//
// Gossip's word about an address is newer than the layout's. While nobody is connected the contact
// points are tried as well; nodes that were removed are not.
#pragma once

#include <vector>

#include "dynakv/domain/membership.h"
#include "dynakv/protocol/cluster_formation.h"
#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/node_core_options.h"

namespace dynakv {

/// What this node knows of itself and the others, to be looked at only.
struct KnownPeers {
  const NodeCoreOptions& options;
  const Identity& identity;
  const ClusterView& view;
  const Membership& membership;
  const ClusterFormation& formation;
};

/// Where the member is now, as far as anyone said; else where the layout has it.
const Bytes& address_of(const Membership& membership, const Member& member);

/// The nodes to be connected to; ids are nil while they are not known.
std::vector<Member> contacts_of(const KnownPeers& known);

}  // namespace dynakv

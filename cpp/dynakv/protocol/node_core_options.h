// What a node is told when it is made. Machines read from it what concerns them; they never see the
// NodeCore that they belong to.
#pragma once

#include <string>
#include <vector>

#include "dynakv/domain/ring.h"
#include "dynakv/protocol/options.h"

namespace dynakv {

struct NodeCoreOptions {
  std::string name;
  /// Where peers and clients reach this node, "host:port".
  std::string address;
  /// Addresses of a running cluster's nodes. With them, a node without a layout takes the one that
  /// they have, and is no member of it until a later layout says so.
  std::vector<std::string> contact_points;
  /// A directory that never had a layout may take over the identity of a member of its name that is
  /// gone (protocol/rejoin.h).
  bool rejoin = true;
  ProtocolOptions protocol;
  /// The driver releases effects only when their step is synced (DESIGN §8, `group`). When it does
  /// not (`os`), only a clean stop lets the next start go on under the same actors.
  bool effects_wait_for_sync = true;
  RingSource ring_source;
};

}  // namespace dynakv

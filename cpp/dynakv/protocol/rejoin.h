// How a node whose disk was wiped gets its identity back: a fresh directory under the name of a
// member that is gone takes over that member's id, in a later life, amnesic.
//
// Members refuse a Hello of a known name with another id. To a node that has no layout they say
// with it whom the name belongs to, and whether they hold that node for gone: not connected, and
// nothing heard of it for as long as the failure detector waits. When as many fresh words as make
// it a majority together with the node itself agree, and none disagrees, the node takes over.
//
// What is promised. A name whose node is alive for any member that was asked is never taken over;
// nor by a directory that ever had a layout; nor where `rejoin` is off. A node that is cut off from
// all that were asked may be alive: then two directories act under one id for a time, each with
// actors of its own, so that no dot is used twice. No member talks to both: it refuses the
// directory of the earlier life as soon as it has heard of the later one, and the earlier one ends
// for good when it hears of it. What only that one has counts as lost with its disk (I1).
#pragma once

#include <map>
#include <optional>

#include "dynakv/base/time.h"
#include "dynakv/protocol/messages.h"

namespace dynakv {

/// How long a member's word holds: longer than its refusals are apart, shorter than an operator
/// takes to bring a node back.
inline constexpr Duration kClaimLifetime = seconds(5);

class Rejoin {
 public:
  /// Takes in a member's word. Says whom to take over when that is decided: the greatest
  /// incarnation of all claims.
  std::optional<IdentityClaim> decide(Instant now, const IdentityClaim& claim);

 private:
  struct Word {
    Instant at;
    IdentityClaim claim;
  };
  std::map<NodeId, Word> words_;
};

}  // namespace dynakv

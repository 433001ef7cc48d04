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
#include <utility>

#include "dynakv/base/time.h"
#include "dynakv/protocol/cluster_formation.h"
#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/machine.h"
#include "dynakv/protocol/node_core_options.h"

namespace dynakv {

/// How long a member's word holds: longer than its refusals are apart, shorter than an operator
/// takes to bring a node back.
inline constexpr Duration kClaimLifetime = seconds(5);

class Rejoin final : public Machine {
 public:
  Rejoin(const NodeCoreOptions& options, Identity& identity, const ClusterView& view,
         const ClusterFormation& formation)
      : options_(options), identity_(identity), view_(view), formation_(formation) {}

  /// Takes in a member's word. Says whom to take over when that is decided: the greatest
  /// incarnation of all claims.
  std::optional<IdentityClaim> decide(Instant now, const IdentityClaim& claim);

  /// The node goes on under another id since this was last asked.
  bool take_takeover() { return std::exchange(is_takeover_new_, false); }

  void handle_refusal(Now now, const Refusal& refusal, Outbox& out) override;
  void add_to(Counters& counters) const override { counters["rejoins"] += count_; }

 private:
  bool may_rejoin() const;

  struct Word {
    Instant at;
    IdentityClaim claim;
  };

  const NodeCoreOptions& options_;
  Identity& identity_;
  const ClusterView& view_;
  const ClusterFormation& formation_;
  std::map<NodeId, Word> words_;
  bool is_takeover_new_ = false;
  std::uint64_t count_ = 0;
};

}  // namespace dynakv

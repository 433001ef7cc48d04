// Forms a cluster: the first members are known by name and address, each learns the others' ids
// from their Hello, and computes the same first layout when it has heard of all.
//
// Invariant 1: a node that has a layout forms none. Invariant 2: no layout comes out before every
// id is known, so that all members compute the same one. Invariant 3: what the layout will refuse
// is refused when the forming begins, not when the last member is heard of.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dynakv/domain/layout.h"
#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/machine.h"

namespace dynakv {

class ClusterFormation final : public Machine {
 public:
  ClusterFormation(const std::string& name, const Identity& identity, const ClusterView& view)
      : name_(name), identity_(identity), view_(view) {}

  /// Ids are nil. A node that has a layout of the same names already goes on with that. Errors:
  /// invalid_argument (this node is not in the list, another layout, see first_layout).
  Status begin(FirstCluster first);

  /// The first layout when the ids of all first members are known, once. Errors: see first_layout;
  /// after begin() only two nodes of one id can still fail.
  std::optional<Result<Layout>> take_layout();
  /// The layout that came out was of no use.
  void note_failed() { ++failed_count_; }

  /// Ends what is under way: the layout comes from somewhere else. Returns the first members.
  std::vector<Member> give_up() { return std::exchange(first_, {}).members; }

  /// The first members while their ids are being learned; none otherwise.
  const std::vector<Member>& members() const { return first_.members; }

  void handle_peer_up(Now now, const Hello& hello, Outbox& out) override;
  void add_to(Counters& counters) const override { counters["refused"] += failed_count_; }

 private:
  const std::string& name_;
  const Identity& identity_;
  const ClusterView& view_;
  FirstCluster first_;
  std::uint64_t failed_count_ = 0;
};

}  // namespace dynakv

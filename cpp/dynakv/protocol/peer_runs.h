// How far this node has seen each of its peers get. It tells this to a peer that may have been
// rolled back (Identity).
//
// Each of a peer's last runs is remembered with its last step. A node may hear much of a peer's
// later run before the peer has heard from it: any two nodes dial each other, and one of them
// learns of the new run first. If the new run replaced what was known, the witness of a rollback
// would forget it before it was asked.
//
//   record := (incarnation:u64 run:u64 step:u64)*       one for each peer, the oldest run first
//
// A step that was only heard of stays in memory until a clean stop; a step that data depends on is
// stored together with that data. The two are kept apart, so that a step that was first only heard
// of is still stored when data comes to depend on it.
#pragma once

#include <cstddef>
#include <set>
#include <vector>

#include "dynakv/base/flat_map.h"
#include "dynakv/base/result.h"
#include "dynakv/base/types.h"
#include "dynakv/protocol/progress.h"
#include "dynakv/protocol/store.h"

namespace dynakv {

/// Runs of a peer that are remembered. A peer that was rolled back and then restarted this often,
/// each time before it heard from this node, is not told.
inline constexpr std::size_t kPeerRunCountMax = 8;

class PeerRuns {
 public:
  explicit PeerRuns(Store& store) : store_(store) {}

  /// Errors: corruption, storage.
  Status load();

  /// The peer says how far it has got; a Hello of each later connection says it again.
  void hear(const NodeId& peer, const Progress& progress);
  /// Notes that this step's data depends on a step of the peer.
  void note(const NodeId& peer, const Progress& progress);

  /// Stores everything that was heard, with this step.
  void note_all();

  /// The last step of each run, the oldest first.
  std::vector<Progress> of(const NodeId& peer) const;

  bool has_unsaved() const { return !unsaved_.empty(); }
  /// Adds what was noted to the pending batch.
  void save();

 private:
  struct Run {
    Progress last;
    /// Up to here it is stored, or will be with this step.
    std::uint64_t noted_step = 0;
  };
  using Runs = std::vector<Run>;  // in the order of their progress

  /// The run's entry; null when the run is older than all that are remembered.
  Run* remember(const NodeId& peer, const Progress& progress);

  Store& store_;
  FlatMap<NodeId, Runs> runs_;
  std::set<NodeId> unsaved_;
};

}  // namespace dynakv

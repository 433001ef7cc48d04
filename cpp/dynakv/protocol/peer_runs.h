// How far this node has seen each other one get: what it tells a peer that may have been rolled
// back (Identity).
//
// Each of a peer's last runs is remembered with its last step. Of a later run much may be heard
// before the peer has heard a word of this node: each of two nodes dials the other, and the one
// that hears first learns of the new run. Were that to take the place of what was known, the
// witness of a rollback would forget it before it was asked.
//
//   record := (incarnation:u64 run:u64 step:u64)*       one for each peer, the oldest run first
//
// What is only heard stays in memory until a clean stop; what data depends on is stored with that
// data's step. Each is remembered on its own, so that data which depends on a step that was only
// heard so far stores it.
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

/// Runs of a peer that are remembered. A peer that was rolled back and then came and went so often,
/// each time before this node's word reached it, is not told.
inline constexpr std::size_t kPeerRunCountMax = 8;

class PeerRuns {
 public:
  explicit PeerRuns(Store& store) : store_(store) {}

  /// Errors: corruption, storage.
  Status load();

  /// The peer says how far it has got; a Hello of each later connection says it again.
  void hear(const NodeId& peer, const Progress& progress);
  /// This step's data depends on a step of the peer.
  void note(const NodeId& peer, const Progress& progress);

  /// Stores with this step all that was heard.
  void note_all();

  /// The last step of each run, the oldest first.
  std::vector<Progress> of(const NodeId& peer) const;

  bool has_unsaved() const { return !unsaved_.empty(); }
  /// Adds to the pending batch what was noted.
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

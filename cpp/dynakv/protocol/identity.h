// Who this node is, and what proves that its data directory still holds its whole past.
//
// Identity is the node id, made when the directory was formatted. A directory can lose its past
// without noticing: power loss, a restored backup, a copy, a truncated log. So each start compares
// the evidence of the last one, and asks every member how far it has seen this node get. Each step
// that changes anything has a number, stored with the step's data, carried by every message that
// depends on it, and remembered by whoever stored something because of it. A run is named by a
// random number, and the node remembers where its earlier runs ended: whoever hears of a step of
// its own that its memory does not contain was rolled back (B6, I4). Steps alone would not do: a
// restored node goes on counting, and soon counts past what it lost.
//
// A directory that forgot data it had acknowledged is *amnesic*: its copies are joined by reads and
// count for nothing in R, until Recovery has merged enough of the other owners' copies (I15). That
// is remembered in the identity record, so that it is durable before anything depends on it.
//
// This takes the place of one counter per slot and actor at every replica (DESIGN §4): the same
// proof from one number per node.
//
// Invariant 1: the step only grows, and is stored with each step's data. Invariant 2: the
// incarnation grows with each start and never comes from a clock (B39).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dynakv/base/random.h"
#include "dynakv/base/result.h"
#include "dynakv/protocol/messages.h"
#include "dynakv/protocol/node_core_options.h"
#include "dynakv/protocol/peer_runs.h"
#include "dynakv/protocol/start_evidence.h"
#include "dynakv/protocol/store.h"

namespace dynakv {

/// Earlier runs that are remembered. A peer's word about a run before them is not checked: a backup
/// so old still shows in the word of anyone who has heard of a later run.
inline constexpr std::size_t kRunCountMax = 256;
/// By how much an identity that is taken over goes beyond its last known incarnation: more often
/// than this the old directory is not started unseen, and so it never catches up.
inline constexpr std::uint64_t kTakeoverLeap = 1024;

class Identity {
 public:
  explicit Identity(Store& store) : store_(store), peers_(store) {}

  /// Formats an empty store (drawing the node id from `random`) or takes up a used one, and counts
  /// this start. Errors: invalid_argument (the store is another node's), corruption, storage.
  Result<PastLoss> start(const NodeCoreOptions& options, const StartEvidence& evidence,
                         Random& random);

#ifdef DYNAKV_CANARIES
  /// The planted bug of B39.
  void take_incarnation_from(WallTime wall) {
    incarnation_ = static_cast<std::uint64_t>(wall.milliseconds);
    save();
  }
#endif

  /// Notes a clean stop in the pending batch.
  void stop();

  /// True when a peer has seen this node at a step that the node itself does not remember. The
  /// answer is given once for each such memory: it is taken into the node's own.
  bool was_rolled_back(const std::vector<Progress>& seen_by_peer);

  /// Others know this node in a later life than it remembers: it was rolled back. Goes on behind
  /// it.
  void go_beyond(std::uint64_t incarnation);

  /// Goes on under another id, of which lives up to `known_incarnation` are known: amnesic, and
  /// behind all those lives. REQUIRES: this directory never had a layout.
  void take_over(const NodeId& id, std::uint64_t known_incarnation);

  /// Data that was acknowledged is lost. False when it was lost before an amnesia that began in
  /// this run: nothing new.
  bool become_amnesic();
  void end_amnesia();
  bool is_amnesic() const { return is_amnesic_; }
  /// Every member that could be heard has said how far it has seen this node get.
  void set_past_checked() { is_past_checked_ = true; }
  bool is_past_checked() const { return is_past_checked_; }
  /// Whether events may be made: under the actors of earlier starts, or because those were retired.
  void set_past_proven() { is_past_proven_ = true; }
  bool is_past_proven() const { return is_past_proven_; }
  bool may_make_events() const { return is_past_proven_ && !failure_; }
  /// The identity lives on in another directory, says `by`: this one must not be used any more.
  void note_superseded(const NodeId& by);
  const std::optional<Error>& failure() const { return failure_; }
  /// Whether a copy of this node may count in R.
  bool copy_counts() const;

  /// The step that is under way, which is then counted also without changes.
  Progress promise_step();
  PeerRuns& peers() { return peers_; }
  const PeerRuns& peers() const { return peers_; }

  Progress progress() const { return {incarnation_, run_, step_}; }
  /// The step that is under way. REQUIRES of a sender of it: the step changes something.
  Progress current_step() const { return {incarnation_, run_, step_ + 1}; }

  /// Counts the step when it has changes. Every step ends with it.
  void end_step(bool has_changes);

  const NodeId& id() const { return id_; }
  /// Drawn at the directory's format; differs from the id after a takeover.
  const NodeId& directory() const { return directory_; }
  std::uint64_t incarnation() const { return incarnation_; }
  /// This start formatted the store.
  bool is_new() const { return is_new_; }

 private:
  using RunKey = std::pair<std::uint64_t, std::uint64_t>;  // incarnation, run

  Status load(const std::string& name, BytesView record);
  Status load_progress();
  void remember_run(const Progress& end);
  bool remembers(const Progress& seen) const;
  void save();

  Store& store_;
  NodeId id_;
  std::string name_;
  StartEvidence evidence_;
  std::uint64_t incarnation_ = 0;
  std::uint64_t run_ = 0;
  std::uint64_t step_ = 0;
  bool stopped_cleanly_ = false;
  bool effects_wait_for_sync_ = true;
  bool is_new_ = false;
  bool is_amnesic_ = false;
  bool amnesia_is_of_this_run_ = false;
  bool is_past_checked_ = false;
  bool is_past_proven_ = false;
  bool must_count_step_ = false;
  NodeId directory_;
  /// Lives up to this incarnation were another directory's: what they did is forgotten for good.
  std::uint64_t forgotten_until_ = 0;
  /// Where earlier runs ended: their last steps.
  std::map<RunKey, std::uint64_t> runs_;
  PeerRuns peers_;
  std::optional<Error> failure_;
};

}  // namespace dynakv

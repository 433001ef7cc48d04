// The failure detector: which peers to route around, from what was heard of them (DESIGN §7).
//
// Two kinds of evidence. A new heartbeat, directly or through others, says that the peer runs; a
// message directly from the peer says also that it can be reached. A peer is suspected
//   1. when nothing of either kind came for longer than its heartbeats usually take:
//        mean * mean_factor + mean deviation * deviation_factor, within [silence_min, silence_max]
//      (an accrual detector with one threshold, in integers), or
//   2. when it was asked for something, and nothing came directly from it for probe_timeout: in a
//      partition of one direction heartbeats still come through others.
// Who is about to be suspected is asked first (Review::quiet), so that a live peer of which nobody
// happened to gossip is none. Any message directly from the peer ends the suspicion; without
// unanswered questions, a new heartbeat does, too.
//
// Suspicion changes routing only, never ownership (I17): to be wrong costs a detour.
//
// Invariant: `now` never goes back for a caller; an interval longer than silence_max is no sample,
// so that an outage does not make the next one harder to see. Source: Hayashibara et al., "The phi
// accrual failure detector", 2004.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "dynakv/base/flat_map.h"
#include "dynakv/base/time.h"
#include "dynakv/base/types.h"

namespace dynakv {

inline constexpr std::size_t kDetectorWindowMax = 16;

struct FailureDetectorOptions {
  /// What a heartbeat is expected to take before any was seen.
  Duration interval_expected = seconds(1);
  std::int64_t mean_factor = 2;
  std::int64_t deviation_factor = 4;
  /// Not suspected before: a heartbeat that missed one round of gossip must be no suspicion.
  Duration silence_min = milliseconds(2000);
  /// Suspected after, whatever the intervals were. The last heartbeat may come through others a
  /// second after its sender's end, and a dead node is to be suspected within 5 s.
  Duration silence_max = milliseconds(3500);
  /// Who will be suspected so soon is asked first.
  Duration ask_before = milliseconds(500);
  /// A question answered by no word at all. Answers take a round trip and two steps.
  Duration probe_timeout = seconds(3);
  /// Intervals remembered for each peer: 1 to kDetectorWindowMax.
  std::size_t window = kDetectorWindowMax;
};

class FailureDetector {
 public:
  explicit FailureDetector(FailureDetectorOptions options) : options_(options) {}

  /// Begins to watch a peer, as if it had been heard of now. Does nothing the second time.
  void watch(const NodeId& peer, Instant now);
  void forget(const NodeId& peer) { peers_.erase(peer); }

  /// Heartbeats of these peers that were not known before, from whomever; fastest in the order of
  /// their ids. Unwatched peers are ignored, here and below.
  void heartbeats(const std::vector<NodeId>& peers, Instant now);
  /// Any message directly from the peer.
  void heard(const NodeId& peer, Instant now);
  /// A message that wants an answer was sent to the peer.
  void asked(const NodeId& peer, Instant now);
  /// This node itself did not run for `span`: silence in that time says nothing.
  void excuse(Duration span, Instant now);

  bool is_suspect(const NodeId& peer, Instant now) const;

  struct Review {
    std::vector<NodeId> suspects;
    /// Will be suspects soon, and owe no answer yet: to be asked now.
    std::vector<NodeId> quiet;
    /// Were asked, and nothing came directly from them since: worth asking again.
    std::vector<NodeId> owing;
    /// The next time up to `until` at which another peer may be quiet or suspect; else far_future.
    Instant next = Instant::far_future();
  };
  Review review(Instant now, Instant until) const;

  /// When anything was last heard of it; nothing when it is not watched.
  std::optional<Instant> last_sign(const NodeId& peer) const;

 private:
  struct Peer {
    Instant last_heartbeat;
    Instant last_heard;
    /// The first question since the last word; none: far_future.
    Instant unanswered_since = Instant::far_future();
    /// Microseconds between heartbeats, the newest `window`, written round.
    std::array<std::uint32_t, kDetectorWindowMax> intervals{};
    std::uint8_t interval_count = 0;
    std::uint8_t next = 0;
  };

  void note_heartbeat(Peer& peer, Instant now) const;

  Duration silence_allowed(const Peer& peer) const;
  /// When the peer will be suspected if nothing is heard; in the past when it is.
  Instant suspect_at(const Peer& peer) const;

  FailureDetectorOptions options_;
  FlatMap<NodeId, Peer> peers_;
};

}  // namespace dynakv

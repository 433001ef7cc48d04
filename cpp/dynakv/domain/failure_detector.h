// The failure detector: decides which peers to route around, from what was heard of them (DESIGN
// §7).
//
// Two kinds of evidence. A new heartbeat, directly or through others, says that the peer runs. A
// message directly from the peer also says that it can be reached. A peer is suspected
//   1. when nothing of either kind came for longer than its heartbeats usually take:
//        mean * mean_factor + mean deviation * deviation_factor, within [silence_min, silence_max]
//      (an accrual detector with one threshold, in integers), or
//   2. when it was asked for something, and nothing came directly from it for probe_timeout: in a
//      partition of one direction heartbeats still come through others.
// A peer that is about to be suspected is asked first (Review::quiet), so that a live peer is not
// suspected just because nobody gossiped about it. Any message directly from the peer ends the
// suspicion. If no question to it is unanswered, a new heartbeat does so too.
//
// Suspicion changes only routing, never ownership (I17), so a wrong one costs no more than a
// detour.
//
// Invariant: `now` never goes back for a caller; an interval longer than silence_max is not used as
// a sample, so that one outage does not make the next one harder to notice. Source: Hayashibara et
// al., "The phi accrual failure detector", 2004.
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
  /// The interval expected before any heartbeat was seen.
  Duration interval_expected = seconds(1);
  std::int64_t mean_factor = 2;
  std::int64_t deviation_factor = 4;
  /// A shorter silence is never suspect: a heartbeat that misses one round of gossip is normal.
  Duration silence_min = milliseconds(2000);
  /// A longer silence is always suspect, whatever the intervals were. The last heartbeat may arrive
  /// through others a second after its sender ended, and a dead node must be suspected within 5 s.
  Duration silence_max = milliseconds(3500);
  /// How long before a suspicion the peer is asked.
  Duration ask_before = milliseconds(500);
  /// How long a question may go without any message from the peer. Answers take a round trip and
  /// two steps.
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

  /// New heartbeats of these peers, directly or through others; fastest in the order of their ids.
  /// Peers that are not watched are ignored, here and below.
  void heartbeats(const std::vector<NodeId>& peers, Instant now);
  /// Any message directly from the peer.
  void heard(const NodeId& peer, Instant now);
  /// A message that wants an answer was sent to the peer.
  void asked(const NodeId& peer, Instant now);
  /// This node itself did not run for `span`, so silence in that time says nothing.
  void excuse(Duration span, Instant now);

  bool is_suspect(const NodeId& peer, Instant now) const;

  struct Review {
    std::vector<NodeId> suspects;
    /// Peers to ask now: they will be suspects soon and do not owe an answer yet.
    std::vector<NodeId> quiet;
    /// Peers to ask again: they were asked, and nothing has come directly from them since.
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
    /// The first question since the peer's last message; far_future when there is none.
    Instant unanswered_since = Instant::far_future();
    /// The last `window` intervals between heartbeats, in microseconds, as a ring buffer.
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

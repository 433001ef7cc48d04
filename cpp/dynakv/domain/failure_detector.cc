#include "dynakv/domain/failure_detector.h"

#include <algorithm>
#include <span>

namespace dynakv {
namespace {

Instant moved(Instant at, Duration span, Instant now) {
  return at == Instant::far_future() ? at : std::min(at + span, now);
}

}  // namespace

void FailureDetector::watch(const NodeId& peer, Instant now) {
  const auto [known, is_new] = peers_.try_emplace(peer);
  if (is_new) known.last_heartbeat = known.last_heard = now;
}

void FailureDetector::heartbeats(const std::vector<NodeId>& peers, Instant now) {
  std::size_t next = 0;
  for (const NodeId& peer : peers) {
    const std::size_t position = peers_.position_of(peer, next);
    if (position == peers_.kNowhere) continue;
    note_heartbeat(peers_.value_at(position), now);
    next = position + 1;
  }
}

void FailureDetector::note_heartbeat(Peer& peer, Instant now) const {
  const Duration interval = now - peer.last_heartbeat;
  peer.last_heartbeat = now;
  if (interval > options_.silence_max) return;
  peer.intervals[peer.next] = static_cast<std::uint32_t>(interval.nanoseconds / 1000);
  peer.next = static_cast<std::uint8_t>((peer.next + 1u) % options_.window);
  if (peer.interval_count < options_.window) ++peer.interval_count;
}

void FailureDetector::heard(const NodeId& peer, Instant now) {
  Peer* known = peers_.find(peer);
  if (known == nullptr) return;
  known->last_heard = now;
  known->unanswered_since = Instant::far_future();
}

void FailureDetector::asked(const NodeId& peer, Instant now) {
  if (Peer* known = peers_.find(peer)) {
    known->unanswered_since = std::min(known->unanswered_since, now);
  }
}

void FailureDetector::excuse(Duration span, Instant now) {
  for (auto [id, peer] : peers_) {
    peer.last_heartbeat = moved(peer.last_heartbeat, span, now);
    peer.last_heard = moved(peer.last_heard, span, now);
    peer.unanswered_since = moved(peer.unanswered_since, span, now);
  }
}

Duration FailureDetector::silence_allowed(const Peer& peer) const {
  // In microseconds. The expected interval stands in until others have been seen.
  std::int64_t sum = options_.interval_expected.nanoseconds / 1000;
  const std::span intervals(peer.intervals.data(), peer.interval_count);
  for (const std::int64_t interval : intervals) sum += interval;
  const auto count = static_cast<std::int64_t>(intervals.size());
  const std::int64_t mean = sum / (count + 1);
  std::int64_t deviations = 0;
  for (const std::int64_t interval : intervals) {
    deviations += interval > mean ? interval - mean : mean - interval;
  }
  const std::int64_t deviation = count == 0 ? 0 : deviations / count;
  const Duration usual =
      microseconds(mean * options_.mean_factor + deviation * options_.deviation_factor);
  return std::clamp(usual, options_.silence_min, options_.silence_max);
}

Instant FailureDetector::suspect_at(const Peer& peer) const {
  const Instant silent = std::max(peer.last_heartbeat, peer.last_heard) + silence_allowed(peer);
  if (peer.unanswered_since == Instant::far_future()) return silent;
  return std::min(silent, peer.unanswered_since + options_.probe_timeout);
}

bool FailureDetector::is_suspect(const NodeId& peer, Instant now) const {
  const Peer* known = peers_.find(peer);
  return known != nullptr && suspect_at(*known) <= now;
}

FailureDetector::Review FailureDetector::review(Instant now, Instant until) const {
  Review review;
  for (const auto& [id, peer] : peers_) {
    const bool owes = peer.unanswered_since != Instant::far_future();
    if (owes) review.owing.push_back(id);
    // Most peers were heard of just now and need no arithmetic.
    const Instant last = std::max(peer.last_heartbeat, peer.last_heard);
    if (!owes && last + options_.silence_min > until + options_.ask_before) continue;
    const Instant at = suspect_at(peer);
    if (at <= now) {
      review.suspects.push_back(id);
      continue;
    }
    const Instant ask_at = at - options_.ask_before;
    if (!owes && ask_at <= now) review.quiet.push_back(id);
    const Instant next = ask_at > now ? ask_at : at;
    if (next <= until) review.next = std::min(review.next, next);
  }
  return review;
}

std::optional<Instant> FailureDetector::last_sign(const NodeId& peer) const {
  const Peer* known = peers_.find(peer);
  if (known == nullptr) return std::nullopt;
  return std::max(known->last_heartbeat, known->last_heard);
}

}  // namespace dynakv

#include "dynakv/domain/failure_detector.h"

#include <algorithm>

namespace dynakv {
namespace {

Instant moved(Instant at, Duration span, Instant now) {
  return at == Instant::far_future() ? at : std::min(at + span, now);
}

}  // namespace

void FailureDetector::watch(const NodeId& peer, Instant now) {
  const auto [at, is_new] = peers_.try_emplace(peer);
  if (is_new) at->second.last_heartbeat = at->second.last_heard = now;
}

void FailureDetector::heartbeat(const NodeId& peer, Instant now) {
  const auto at = peers_.find(peer);
  if (at == peers_.end()) return;
  Peer& known = at->second;
  const Duration interval = now - known.last_heartbeat;
  known.last_heartbeat = now;
  if (interval > options_.silence_max) return;
  const auto sample = static_cast<std::uint32_t>(interval.nanoseconds / 1000);
  if (known.intervals.size() < options_.window) return known.intervals.push_back(sample);
  known.intervals[known.next] = sample;
  known.next = (known.next + 1) % options_.window;
}

void FailureDetector::heard(const NodeId& peer, Instant now) {
  const auto at = peers_.find(peer);
  if (at == peers_.end()) return;
  at->second.last_heard = now;
  at->second.unanswered_since = Instant::far_future();
}

void FailureDetector::asked(const NodeId& peer, Instant now) {
  const auto at = peers_.find(peer);
  if (at == peers_.end()) return;
  at->second.unanswered_since = std::min(at->second.unanswered_since, now);
}

void FailureDetector::excuse(Duration span, Instant now) {
  for (auto& [id, peer] : peers_) {
    peer.last_heartbeat = moved(peer.last_heartbeat, span, now);
    peer.last_heard = moved(peer.last_heard, span, now);
    peer.unanswered_since = moved(peer.unanswered_since, span, now);
  }
}

Duration FailureDetector::silence_allowed(const Peer& peer) const {
  // One expected interval stands for what was not seen yet. In microseconds.
  std::int64_t sum = options_.interval_expected.nanoseconds / 1000;
  for (const std::int64_t interval : peer.intervals) sum += interval;
  const auto count = static_cast<std::int64_t>(peer.intervals.size());
  const std::int64_t mean = sum / (count + 1);
  std::int64_t deviations = 0;
  for (const std::int64_t interval : peer.intervals) {
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
  const auto at = peers_.find(peer);
  return at != peers_.end() && suspect_at(at->second) <= now;
}

FailureDetector::Review FailureDetector::review(Instant now, Instant until) const {
  Review review;
  for (const auto& [id, peer] : peers_) {
    const bool owes = peer.unanswered_since != Instant::far_future();
    if (owes) review.owing.push_back(id);
    // Most peers were heard of just now, and need no arithmetic.
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
  const auto at = peers_.find(peer);
  if (at == peers_.end()) return std::nullopt;
  return std::max(at->second.last_heartbeat, at->second.last_heard);
}

}  // namespace dynakv

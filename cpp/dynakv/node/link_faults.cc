#include "dynakv/node/link_faults.h"

#include <algorithm>
#include <utility>

namespace dynakv {

void LinkFaults::set(const std::vector<LinkFault>& faults) {
  faults_.clear();
  for (const LinkFault& fault : faults) faults_.emplace(fault.peer, fault);
}

const LinkFault* LinkFaults::find(const NodeId& peer) const {
  if (faults_.empty()) return nullptr;
  const auto found = faults_.find(peer);
  return found == faults_.end() ? nullptr : &found->second;
}

bool LinkFaults::loses_sent(const NodeId& peer) {
  const LinkFault* fault = find(peer);
  return fault != nullptr && loses(fault->lose_sent_permille);
}

bool LinkFaults::loses_received(const NodeId& peer) {
  const LinkFault* fault = find(peer);
  return fault != nullptr && loses(fault->lose_received_permille);
}

bool LinkFaults::loses(std::uint32_t permille) {
  if (permille == 0 || !random_.chance(std::min(permille, 1000u), 1000)) return false;
  ++lost_count_;
  return true;
}

bool LinkFaults::hides(const NodeId& peer) const {
  const LinkFault* fault = find(peer);
  return fault != nullptr && fault->lose_received_permille >= 1000;
}

// The caller fills a frame after it was handed out.
void LinkFaults::count_newest() {
  if (newest_ != nullptr) late_bytes_ += std::exchange(newest_, nullptr)->size();
}

Bytes* LinkFaults::divert(const NodeId& peer, Instant now) {
  const auto last = last_late_.find(peer);
  const bool has_late = last != last_late_.end();
  const LinkFault* fault = find(peer);
  if (fault == nullptr && !has_late) return nullptr;
  count_newest();
  if ((fault != nullptr && loses(fault->lose_sent_permille)) || late_bytes_ > kDelayedBytesMax) {
    lost_.clear();
    return &lost_;
  }
  const Duration delay = fault == nullptr ? Duration{} : fault->delay;
  if (delay <= Duration{} && !has_late) return nullptr;
  Instant due = now + delay;
  if (has_late) due = std::max(due, last->second);
  last_late_[peer] = due;
  newest_ = &late_.emplace(due, Late{peer, {}})->second.frame;
  return newest_;
}

std::optional<LinkFaults::Late> LinkFaults::take_due(Instant now) {
  if (late_.empty() || late_.begin()->first > now) return std::nullopt;
  const auto first = late_.begin();
  const auto last = last_late_.find(first->second.peer);
  if (last != last_late_.end() && last->second <= now) last_late_.erase(last);
  count_newest();
  Late late = std::move(first->second);
  late_bytes_ -= late.frame.size();
  late_.erase(first);
  return late;
}

Instant LinkFaults::next() const {
  return late_.empty() ? Instant::far_future() : late_.begin()->first;
}

void LinkFaults::forget_late(const NodeId& peer) {
  count_newest();
  std::erase_if(late_, [&](const auto& entry) {
    if (entry.second.peer != peer) return false;
    late_bytes_ -= entry.second.frame.size();
    return true;
  });
  last_late_.erase(peer);
}

}  // namespace dynakv

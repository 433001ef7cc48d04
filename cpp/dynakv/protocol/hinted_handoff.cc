#include "dynakv/protocol/hinted_handoff.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {
namespace {

constexpr TimerId kTimer{TimerKind::hinted_handoff, 0};

}  // namespace

void HintedHandoff::arm(Now now, Outbox& out) {
  if (is_armed_ || hints_.totals().empty()) return;
  is_armed_ = true;
  out.set_timer(kTimer, now.steady + options_.retry_pause);
}

void HintedHandoff::handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) {
  dispatch(*this, now, {from, message}, out);
}

void HintedHandoff::add_to(Counters& counters) const {
  counters["hints_delivered"] += delivered_count_;
  counters["hints_pending"] += hints_.total_count();
  counters["hints_pending_bytes"] += hints_.total_bytes();
  counters["hints_refused"] += hints_.refused_count();
}

void HintedHandoff::handle_peer_up(Now now, const Hello& hello, Outbox& out) {
  const NodeId& peer = hello.sender;
  if (!hints_.has_hints_for(peer)) return;
  deliveries_.erase(peer);
  begin(now, peer, deliveries_[peer], out);
  arm(now, out);
}

void HintedHandoff::begin(Now now, const NodeId& owner, Delivery& delivery, Outbox& out) {
  Duration patience = std::max(delivery.patience, options_.retry_pause);
  // If some hints were acknowledged, the others were lost: there is no reason to wait longer.
  if (!delivery.in_flight.empty() && !delivery.is_answered && !delivery.is_pausing) {
    sometimes(Sometimes::hint_owner_given_time);
    patience = std::min(patience * 2, std::max(patience, options_.patience_max));
  }
  delivery = {};
  delivery.patience = patience;
  delivery.patient_until = now.steady + patience;
  fill(owner, delivery, out);
  finish_if_done(owner);
}

void HintedHandoff::fill(const NodeId& owner, Delivery& delivery, Outbox& out) {
  while (!delivery.is_pausing && delivery.in_flight.size() < options_.window) {
    auto hints = hints_.page(owner, delivery.cursor, options_.window - delivery.in_flight.size());
    // A hint that cannot be read stays; the timer tries again from the first hint.
    if (!hints || hints->empty()) return;
    delivery.cursor = hints->back().store_key;
    for (Hint& hint : *hints) {
      if (!send(owner, delivery, std::move(hint), out)) return;
    }
  }
}

bool HintedHandoff::send(const NodeId& owner, Delivery& delivery, Hint hint, Outbox& out) {
  Bytes object = std::move(hint.object);
  if (object.empty()) {
    auto own = objects_.load_encoded({hint.bucket, hint.key});
    if (!own) return true;  // damaged here: nothing that could be sent (I20)
    if (own->empty()) {
      hints_.erase_if_unchanged(owner, hint);
      return true;
    }
    object = std::move(*own);
  }
  const RequestId id = ids_.next(identity_.progress());
  ReplicaPut put{
      {hint.bucket, hint.key, view_.stamp()}, std::move(object), {}, identity_.progress()};
  hint.object = {};
  if (canary(Canary::hint_erased_when_sent)) hints_.erase_if_unchanged(owner, hint);
  delivery.in_flight.emplace(id, std::move(hint));
  out.send(owner, id, std::move(put));
  return true;
}

void HintedHandoff::handle_message(Now, const Origin& from, const ReplicaPutReply& reply,
                                   Outbox& out) {
  // A hint that came home is erased with this step, and so is the word of it kept with it.
  identity_.peers().note(from.node, reply.progress);
  const auto delivery = deliveries_.find(from.node);
  if (delivery == deliveries_.end()) return;
  const auto hint = delivery->second.in_flight.find(from.request);
  if (hint == delivery->second.in_flight.end()) return;
  hints_.erase_if_unchanged(from.node, hint->second);
  ++delivered_count_;
  sometimes(Sometimes::hint_delivered);
  delivery->second.in_flight.erase(hint);
  delivery->second.is_answered = delivery->second.has_moved = true;
  fill(from.node, delivery->second, out);
  finish_if_done(from.node);
}

void HintedHandoff::handle_message(Now, const Origin& from, const ReplicaError&, Outbox&) {
  const auto delivery = deliveries_.find(from.node);
  if (delivery == deliveries_.end() || delivery->second.in_flight.erase(from.request) == 0) return;
  delivery->second.is_pausing = true;
  sometimes(Sometimes::hint_refused_by_owner);
}

void HintedHandoff::handle_timer(Now now, TimerId, Outbox& out) {
  is_armed_ = false;
  std::vector<NodeId> owners;
  for (const auto& [owner, totals] : hints_.totals()) owners.push_back(owner);
  for (const NodeId& owner : owners) {
    if (!view_.is_usable(owner)) continue;
    Delivery& delivery = deliveries_[owner];
    if (std::exchange(delivery.has_moved, false)) {
      delivery.patient_until = now.steady + delivery.patience;
    }
    const bool is_patient = !delivery.in_flight.empty() && now.steady < delivery.patient_until;
    if (is_patient && !delivery.is_pausing) continue;
    begin(now, owner, delivery, out);
  }
  arm(now, out);
}

void HintedHandoff::finish_if_done(const NodeId& owner) {
  const auto delivery = deliveries_.find(owner);
  if (delivery == deliveries_.end() || !delivery->second.in_flight.empty()) return;
  // The timer picks up a hint that changed while it was on its way.
  deliveries_.erase(delivery);
}

}  // namespace dynakv

#include "dynakv/protocol/route.h"

#include <utility>

namespace dynakv {

int usable_count(const Route& route, const Reachability& peers, const NodeId& self) {
  const int owners = peers.usable_count(route.owners, self);
  if (!route.is_sloppy) return owners;
  const auto& fallbacks = route.fallbacks;
  const bool is_in_walk = route.is_owner(self) ||
                          std::find(fallbacks.begin(), fallbacks.end(), self) != fallbacks.end();
  return owners + peers.usable_count(fallbacks, self) + (is_in_walk ? 0 : 1);
}

Explainer begin_explain(Now now, const NodeId& self, const Route& route, QuorumNeed need) {
  Explain record{route.layout.version, self, route.owners, route.fallbacks};
  record.required = static_cast<std::uint16_t>(need.required);
  record.strict = need.is_strict;
  record.begun_at = now.steady;
  Explainer explainer(std::move(record));
  explainer.note(now.steady, ExplainKind::received, self);
  return explainer;
}

ExplainRecord explain_refusal(Explainer begun, Now now, const Route& route,
                              const Reachability& peers) {
  if (!begun.is_on()) return nullptr;
  const ExplainRecord record = begun.record();
  const NodeId& self = record->coordinator;
  const auto note_lost = [&](const std::vector<NodeId>& nodes) {
    for (const NodeId& node : nodes) {
      const bool is_lost = node != self && !peers.is_usable(node);
      if (is_lost) begun.note(now.steady, ExplainKind::skipped, node);
    }
  };
  note_lost(route.owners);
  if (!record->strict) note_lost(route.fallbacks);
  begun.note(now.steady, ExplainKind::refused, self);
  begun.note(now.steady, ExplainKind::replied, self);
  return begun.record();
}

}  // namespace dynakv

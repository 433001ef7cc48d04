#include "dynakv/protocol/rejoin.h"

#include <algorithm>

#include "dynakv/domain/layout.h"
#include "dynakv/domain/membership.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {

std::optional<IdentityClaim> Rejoin::decide(Instant now, const IdentityClaim& claim) {
  if (claim.by.is_nil() || claim.node.is_nil() || claim.incarnation > kIncarnationMax) return {};
  if (words_.size() >= kMemberCountMax) words_.clear();
  words_[claim.by] = {now, claim};
  std::erase_if(words_, [&](const auto& word) { return now - word.second.at > kClaimLifetime; });

  IdentityClaim decided = claim;
  for (const auto& [by, word] : words_) {
    const IdentityClaim& other = word.claim;
    const bool agrees = other.is_free && other.node == claim.node && other.cluster == claim.cluster;
    if (!agrees) return {};
    decided.incarnation = std::max(decided.incarnation, other.incarnation);
    decided.member_count = std::max(decided.member_count, other.member_count);
  }
  // A majority of all members, with the node itself.
  if (words_.size() < decided.member_count / 2) return {};
  return decided;
}

bool Rejoin::may_rejoin() const {
  const bool is_told_where = !formation_.members().empty() || !options_.contact_points.empty();
  // An amnesic directory may: a loss of power may come before the first layout, and who has the
  // name's identity already is told so.
  return options_.rejoin && !view_.has_layout() && is_told_where;
}

void Rejoin::handle_refusal(Now now, const Refusal& refusal, Outbox&) {
  const IdentityClaim& claim = refusal.claim;
  if (claim.by.is_nil()) return;
  if (claim.node == identity_.id()) {
    const bool is_of_another =
        !claim.directory.is_nil() && claim.directory != identity_.directory();
    if (is_of_another && claim.incarnation >= identity_.incarnation()) {
      identity_.note_superseded(claim.by);
    }
    return;
  }
  if (!may_rejoin()) return;
  const auto decided = decide(now.steady, claim);
  if (!decided) return;
  ++count_;
  sometimes(Sometimes::node_rejoined);
  identity_.take_over(decided->node, decided->incarnation);
  is_takeover_new_ = true;
}

}  // namespace dynakv

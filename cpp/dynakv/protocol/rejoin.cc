#include "dynakv/protocol/rejoin.h"

#include <algorithm>

#include "dynakv/domain/layout.h"
#include "dynakv/domain/membership.h"

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

}  // namespace dynakv

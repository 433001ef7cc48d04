#include "dynakv/protocol/cluster_formation.h"

#include <algorithm>

namespace dynakv {

Status ClusterFormation::begin(FirstCluster first) {
  std::vector<Member>& members = first.members;
  const auto self = std::find_if(members.begin(), members.end(),
                                 [this](const Member& member) { return member.name == name_; });
  if (self == members.end()) {
    return fail(ErrorCode::invalid_argument,
                "the list of first members does not name this node, '" + name_ + "'");
  }
  if (view_.has_layout()) {
    const Layout& layout = view_.layout();
    const bool same = layout.members.size() == members.size() &&
                      std::all_of(members.begin(), members.end(), [&](const Member& member) {
                        return layout.find_by_name(member.name) != nullptr;
                      });
    if (same) return {};
    return fail(ErrorCode::invalid_argument,
                "the node '" + name_ +
                    "' belongs to a cluster with other members already; start "
                    "it without the list of first members, or with an empty data directory");
  }
  self->id = identity_.id();
  std::vector<Member> trial = members;
  for (std::size_t i = 0; i < trial.size(); ++i) trial[i].id = {1, i + 1};
  if (const auto layout = first_layout(std::move(trial), first.defaults, first.buckets); !layout) {
    return fail(layout.error());
  }
  first_ = std::move(first);
  return {};
}

std::optional<Result<Layout>> ClusterFormation::take_layout() {
  const std::vector<Member>& members = first_.members;
  if (members.empty() || std::any_of(members.begin(), members.end(),
                                     [](const Member& member) { return member.id.is_nil(); })) {
    return std::nullopt;
  }
  FirstCluster formed = std::exchange(first_, {});
  return first_layout(std::move(formed.members), formed.defaults, std::move(formed.buckets));
}

void ClusterFormation::handle_peer_up(Now, const Hello& hello, Outbox&) {
  for (Member& member : first_.members) {
    if (member.name == hello.name) member.id = hello.sender;
  }
}

}  // namespace dynakv

#include "dynakv/protocol/cluster_view.h"

#include <cstddef>

namespace dynakv {

Route ClusterView::route_to(const KeyRef& key, QuorumMode mode) const {
  Route route;
  route.token = key.token;
  route.layout = stamp();
  route.bucket = layout_->properties_of(key.bucket);
  const QuorumMode wanted = mode == QuorumMode::bucket_default ? route.bucket.mode : mode;
  route.is_sloppy = wanted == QuorumMode::sloppy;
  const auto nodes = ring_->walk(key.slot());
  const auto owner_count = std::min(nodes.size(), static_cast<std::size_t>(route.bucket.n));
  route.owners.reserve(owner_count);
  route.fallbacks.reserve(nodes.size() - owner_count);
  for (const std::uint16_t member : nodes) {
    auto& list = route.owners.size() < owner_count ? route.owners : route.fallbacks;
    list.push_back(ring_->node(member));
  }
  return route;
}

}  // namespace dynakv

// The faults of the network: partitions of all shapes, and links that hold back what they carry.
#include <algorithm>
#include <utility>

#include "dynakv/sim/fault_injector.h"
#include "dynakv/sim/sim_sometimes.h"

namespace dynakv {
namespace {

/// Longer is a partition.
constexpr Duration kSwizzleMax = seconds(5);

}  // namespace

void FaultInjector::cut(const std::vector<int>& group, Duration lasts) {
  std::vector<int> others;
  for (int host = 0; host < simulation_.host_count(); ++host) {
    // A client stays on the side of the group or of the rest by its number.
    if (std::find(group.begin(), group.end(), host) != group.end()) continue;
    if (host >= simulation_.node_count() && host % 2 == 0 && group.size() > 1) continue;
    others.push_back(host);
  }
  cut_sides(group, others, lasts);
}

void FaultInjector::cut_sides(const std::vector<int>& a, const std::vector<int>& b, Duration lasts,
                              bool one_way) {
  if (!plan_.partitions_end_together) return cut_between(a, b, lasts, one_way);
  simulation_.partition(a, b, one_way);
  simulation_.at(simulation_.now() + lasts, [this] { simulation_.heal(); });
}

void FaultInjector::cut_between(const std::vector<int>& a, const std::vector<int>& b,
                                Duration lasts, bool one_way) {
  simulation_.partition(a, b, one_way);
  const auto cut = cuts_.insert(cuts_.end(), {a, b});
  simulation_.at(simulation_.now() + lasts, [this, cut] {
    const Cut ended = std::move(*cut);
    cuts_.erase(cut);
    for (const int x : ended.a) {
      for (const int y : ended.b) {
        if (plan_.partitions_end_together || !is_cut(x, y)) simulation_.mend({x}, {y});
      }
    }
  });
}

bool FaultInjector::is_cut(int x, int y) const {
  const auto holds = [](const std::vector<int>& hosts, int host) {
    return std::find(hosts.begin(), hosts.end(), host) != hosts.end();
  };
  return std::any_of(cuts_.begin(), cuts_.end(), [&](const Cut& cut) {
    return (holds(cut.a, x) && holds(cut.b, y)) || (holds(cut.a, y) && holds(cut.b, x));
  });
}

std::vector<int> FaultInjector::hosts_but(int host) const {
  std::vector<int> others;
  for (int other = 0; other < simulation_.host_count(); ++other) {
    if (other != host) others.push_back(other);
  }
  return others;
}

void FaultInjector::cut_bridge(const PlannedFault& fault) {
  std::vector<int> sides[2];
  for (const int host : hosts_but(fault.a)) {
    // Clients stand on both sides.
    const bool is_node = host < simulation_.node_count();
    sides[is_node ? (fault.amount >> host) & 1 : host % 2].push_back(host);
  }
  sometimes(SimSometimes::bridge_cut, !sides[0].empty() && !sides[1].empty());
  cut_between(sides[0], sides[1], fault.lasts);
}

// Nodes stand in a circle. Each sees itself and the nodes next to it, half of the cluster.
void FaultInjector::cut_ring(const PlannedFault& fault) {
  const int count = simulation_.node_count();
  if (count == 3) return cut_between({fault.a}, {(fault.a + 1) % count}, fault.lasts);
  const int reach = (count + 2) / 4;
  for (int a = 0; a < count; ++a) {
    for (int b = a + 1; b < count; ++b) {
      if (std::min(b - a, count - (b - a)) > reach) cut_between({a}, {b}, fault.lasts);
    }
  }
  sometimes(SimSometimes::ring_cut);
}

void FaultInjector::flap(const PlannedFault& fault, Instant until) {
  const Duration period = milliseconds(fault.amount);
  cut_between({fault.a}, hosts_but(fault.a), period);
  const Instant next = simulation_.now() + period * 2;
  if (next >= until) return;
  simulation_.at(next, [this, &fault, until] {
    if (healed_) return;
    sometimes(SimSometimes::link_flapped);
    flap(fault, until);
  });
}

// As FoundationDB does it: links are clogged one after the other and come back in another order.
void FaultInjector::swizzle(const PlannedFault& fault) {
  Random random =
      Random(plan_.seed).stream("swizzle", static_cast<std::uint64_t>(fault.at.nanoseconds));
  const Duration span = std::min(fault.lasts, kSwizzleMax);
  int held = 0;
  for (int node = 0; node < simulation_.node_count(); ++node) {
    if (((fault.amount >> node) & 1) == 0) continue;
    const Instant from = simulation_.now() + Duration{random.between(0, span.nanoseconds / 2)};
    const Instant until =
        simulation_.now() + span - Duration{random.between(0, span.nanoseconds / 2)};
    sometimes(SimSometimes::links_swizzled, ++held == 2);
    simulation_.at(from, [this, node, until] {
      if (healed_) return;
      for (const int other : hosts_but(node)) {
        simulation_.clog(node, other, until - simulation_.now());
      }
    });
  }
}

}  // namespace dynakv

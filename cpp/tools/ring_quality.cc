// Prints how well the ring places slots: balance, movement on a join and on a leave, and the hard
// rules (distinct zones, distinct machines), against the goals of DESIGN §5.
//
// Usage: dynakv_ring_quality [--nodes 3,5,10,100,1000] [--n 3] [--seeds 7] [--zones 1]
//                            [--capacities 100]
// --zones gives the relative sizes of the zones ("2,1,1": three zones, one as large as the two
// others together); "each" gives each node its own. --capacities are dealt out in turn.
//
// heavy and light are the worst node over all seeds, against its fair share. join and leave count
// (slot, owner) pairs that are new, against the least possible, as median and worst of the seeds;
// the order of owners does not count. zones counts walks with a prefix of up to N that spreads
// over fewer zones than it could; twice counts lists that name one machine twice.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dynakv/base/random.h"
#include "dynakv/domain/placement.h"
#include "dynakv/domain/ring.h"
#include "dynakv/domain/shares.h"

namespace {

using dynakv::kSlotCount;
using dynakv::Layout;
using dynakv::Member;
using dynakv::NodeId;
using dynakv::Ring;
using dynakv::Slot;

struct Options {
  std::vector<std::uint32_t> nodes{3, 5, 10, 100, 1000};
  std::vector<std::uint32_t> zones{1};
  std::vector<std::uint32_t> capacities{100};
  bool zone_for_each = false;
  std::uint32_t n = 3;
  std::uint32_t seeds = 7;
};

struct Figures {
  double heavy = 0;
  double light = 1e9;
  std::vector<double> join;
  std::vector<double> leave;
  std::size_t zones = 0;
  std::size_t twice = 0;
  double build_ms = 0;
};

std::vector<std::uint32_t> parse_list(std::string_view text) {
  std::vector<std::uint32_t> numbers;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    numbers.push_back(static_cast<std::uint32_t>(
        std::strtoul(std::string(text.substr(at, end - at)).c_str(), nullptr, 10)));
    at = end + 1;
  }
  return numbers;
}

/// Deals the member number `index` its zone and its capacity.
Member make_member(const Options& options, std::uint32_t index, dynakv::Random& random) {
  Member member;
  member.id = {random.next(), random.next()};
  member.name = "n" + std::to_string(index);
  member.capacity_percent = options.capacities[index % options.capacities.size()];
  if (options.zone_for_each) {
    member.zone = "dc1/" + member.name;
    return member;
  }
  std::uint32_t sum = 0;
  for (const std::uint32_t size : options.zones) {
    sum += size;
  }
  std::uint32_t turn = index % std::max(sum, 1U);
  std::size_t zone = 0;
  while (zone + 1 < options.zones.size() && turn >= options.zones[zone]) {
    turn -= options.zones[zone++];
  }
  member.zone = "dc1/r" + std::to_string(zone);
  return member;
}

std::set<NodeId> owner_set(const Ring& ring, std::size_t slot, std::uint32_t n) {
  const auto list = ring.preference_list(static_cast<Slot>(slot), static_cast<int>(n));
  return {list.begin(), list.end()};
}

/// Counts the (slot, owner) pairs of `after` that `before` did not have.
std::size_t moved(const Ring& before, const Ring& after, std::uint32_t n) {
  std::size_t count = 0;
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
    const std::set<NodeId> old_owners = owner_set(before, slot, n);
    for (const NodeId& owner : owner_set(after, slot, n)) {
      count += !old_owners.contains(owner);
    }
  }
  return count;
}

/// Pairs that must move on a join: the newcomer's fair share.
double least_on_join(const Layout& after, const NodeId& joined, std::uint32_t n) {
  const auto places = dynakv::places_of(after);
  const auto shares = dynakv::fair_shares(places, std::min<std::size_t>(n, after.members.size()));
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i].id == joined) {
      return static_cast<double>(shares[i]) / static_cast<double>(dynakv::kPartsPerSlot);
    }
  }
  return 0;
}

void sort_members(Layout& layout) {
  std::sort(layout.members.begin(), layout.members.end(),
            [](const Member& a, const Member& b) { return a.id < b.id; });
}

void measure_lists(const Layout& layout, const Ring& ring, std::uint32_t n, Figures& figures) {
  std::set<std::string> all_zones;
  for (const Member& member : layout.members) {
    all_zones.insert(member.zone);
  }
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
    std::set<std::string> zones;
    std::set<std::uint16_t> members;
    bool spread = true;
    const auto walk = ring.walk(static_cast<Slot>(slot));
    for (const std::uint16_t member : walk) {
      members.insert(member);
      zones.insert(layout.find(ring.node(member))->zone);
      spread &= members.size() > n || zones.size() == std::min(members.size(), all_zones.size());
    }
    figures.twice += members.size() != walk.size();
    figures.zones += !spread;
  }
}

void measure_balance(const Layout& layout, const Ring& ring, std::uint32_t n, Figures& figures) {
  const auto shares = dynakv::fair_shares(dynakv::places_of(layout),
                                          std::min<std::size_t>(n, layout.members.size()));
  const std::vector<std::uint32_t> owned = ring.slots_owned(static_cast<int>(n));
  for (std::size_t i = 0; i < owned.size(); ++i) {
    const double load = static_cast<double>(owned[i] * dynakv::kPartsPerSlot) /
                        static_cast<double>(std::max<std::uint64_t>(shares[i], 1));
    figures.heavy = std::max(figures.heavy, load);
    figures.light = std::min(figures.light, load);
  }
}

void measure(const Options& options, std::uint32_t nodes, std::uint64_t seed, Figures& figures) {
  dynakv::Random random(seed * 1000003 + nodes);
  Layout layout;
  for (std::uint32_t i = 0; i < nodes; ++i) {
    layout.members.push_back(make_member(options, i, random));
  }
  sort_members(layout);
  const auto start = std::chrono::steady_clock::now();
  const Ring ring = Ring::build(layout);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  figures.build_ms = std::max(figures.build_ms, took.count());
  measure_balance(layout, ring, options.n, figures);
  measure_lists(layout, ring, options.n, figures);

  Layout joined = layout;
  joined.members.push_back(make_member(options, nodes, random));
  const NodeId newcomer = joined.members.back().id;
  sort_members(joined);
  figures.join.push_back(static_cast<double>(moved(ring, Ring::build(joined), options.n)) /
                         least_on_join(joined, newcomer, options.n));
  if (nodes <= options.n) {
    return;  // nobody can take over what the leaving node held
  }
  Layout left = layout;
  const auto leaver = random.below(nodes);
  const NodeId gone = left.members[leaver].id;
  left.members.erase(left.members.begin() + static_cast<std::ptrdiff_t>(leaver));
  const auto held = ring.slots_owned(static_cast<int>(options.n))[*ring.index_of(gone)];
  figures.leave.push_back(static_cast<double>(moved(ring, Ring::build(left), options.n)) / held);
}

void print_row(const Options& options, std::uint32_t nodes) {
  Figures figures;
  for (std::uint64_t seed = 1; seed <= options.seeds; ++seed) {
    measure(options, nodes, seed, figures);
  }
  std::printf("%6u %2u  %6.3f %6.3f", nodes, options.n, figures.heavy, figures.light);
  for (std::vector<double>* ratios : {&figures.join, &figures.leave}) {
    std::sort(ratios->begin(), ratios->end());
    if (ratios->empty()) {
      std::printf("       -      -");
    } else {
      std::printf("  %6.3f %6.3f", (*ratios)[ratios->size() / 2], ratios->back());
    }
  }
  std::printf("  %6zu %6zu  %8.1f\n", figures.zones, figures.twice, figures.build_ms);
}

int usage() {
  std::fprintf(stderr,
               "usage: dynakv_ring_quality [--nodes 3,5,10,100,1000] [--n 3] [--seeds 7]\n"
               "                           [--zones 2,1,1 | each] [--capacities 100,50]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 >= argc) {
      return usage();
    }
    const std::vector<std::uint32_t> numbers = parse_list(argv[i + 1]);
    if (name == "--zones" && std::string_view(argv[i + 1]) == "each") {
      options.zone_for_each = true;
    } else if (name == "--zones") {
      options.zones = numbers;
    } else if (name == "--nodes") {
      options.nodes = numbers;
    } else if (name == "--capacities") {
      options.capacities = numbers;
    } else if (name == "--n") {
      options.n = numbers.front();
    } else if (name == "--seeds") {
      options.seeds = numbers.front();
    } else {
      return usage();
    }
  }
  if (options.n < 1 || options.n > static_cast<std::uint32_t>(dynakv::kReplicasMax) ||
      *std::min_element(options.nodes.begin(), options.nodes.end()) == 0) {
    return usage();
  }
  std::printf(" nodes  n   heavy  light  join50   join leave50  leave   zones  twice  build ms\n");
  for (const std::uint32_t nodes : options.nodes) {
    print_row(options, nodes);
  }
  return 0;
}

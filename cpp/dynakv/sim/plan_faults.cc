#include "dynakv/sim/plan_faults.h"

#include <algorithm>
#include <vector>

namespace dynakv {
namespace {

constexpr int kLastHarmless = static_cast<int>(FaultKind::no_room);

/// The smallest write quorum that any operation asks for: one less nodes may lose data (I1).
int smallest_w(const Plan& plan) {
  const int n = plan.simulation.defaults.n;
  int smallest = plan.simulation.defaults.w.resolve(n).value_or(n);
  for (const PlannedOperation& operation : plan.operations) {
    if (operation.kind == PlannedKind::get || operation.quorum.is_default()) continue;
    smallest = std::min(smallest, operation.quorum.resolve(n).value_or(n));
  }
  return smallest;
}

PlannedFault draw_fault(const Plan& plan, FaultKind kind, Random& random) {
  const int nodes = plan.simulation.node_count;
  PlannedFault fault;
  fault.kind = kind;
  fault.at = Instant{random.between(2'000'000'000, plan.length.nanoseconds * 9 / 10)};
  fault.a = static_cast<int>(random.below(static_cast<unsigned>(nodes)));
  fault.b = static_cast<int>(random.below(static_cast<unsigned>(nodes + plan.client_count)));
  fault.lasts =
      milliseconds(random.chance(1, 3) ? random.between(10, 800) : random.between(500, 15'000));
  switch (kind) {
    case FaultKind::slow:
      fault.amount = random.between(10, 1000);
      break;
    case FaultKind::split:
    case FaultKind::bridge:
    case FaultKind::swizzle:
      fault.amount = random.between(1, (std::int64_t{1} << nodes) - 2);
      break;
    case FaultKind::flap:
      fault.amount = random.between(50, 4000);
      break;
    case FaultKind::clock_drift:
      fault.amount = random.between(-50'000, 50'000);
      break;
    case FaultKind::no_room:
      fault.amount = random.chance(1, 3) ? 0 : random.between(1, 40'000);
      break;
    case FaultKind::clock_offset:
      fault.amount = random.between(-600'000, 600'000);
      break;
    case FaultKind::damage:
      fault.amount = random.between(1, 8);
      break;
    case FaultKind::restore_backup:
      fault.amount = random.between(100, 20'000);
      break;
    default:
      break;
  }
  return fault;
}

/// What makes a node of this plan lose what it had acknowledged.
std::vector<FaultKind> losses_of(const Plan& plan) {
  std::vector<FaultKind> losses = {FaultKind::restore_backup, FaultKind::damage, FaultKind::wipe};
  if (!plan.simulation.sync_before_effects) {
    losses.push_back(FaultKind::power_loss);
    losses.push_back(FaultKind::sync_failure);
  }
  return losses;
}

void finish_faults(Plan& plan) {
  if (plan.has(FaultKind::damage)) {
    plan.simulation.protocol.objects.cache_bytes = 0;  // memory would hide the damage
  }
  std::stable_sort(plan.faults.begin(), plan.faults.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
}

void draw_faults(Plan& plan, const PlanLimits& limits, Random random) {
  const auto mode = random.below(10);
  if (mode == 0) return;  // One run in ten has no fault at all.
  std::vector<FaultKind> kinds;
  for (int k = 0; k < static_cast<int>(FaultKind::clone); ++k) {
    if (random.chance(1, 2)) kinds.push_back(static_cast<FaultKind>(k));
  }
  const bool unsynced = !plan.simulation.sync_before_effects;
  // Where effects do not wait for syncs, these lose acknowledged writes: they count among the
  // losses below.
  if (unsynced) {
    std::erase(kinds, FaultKind::power_loss);
    std::erase(kinds, FaultKind::sync_failure);
  }
  const bool is_recorded = limits.single_kind_percent == 0;
  if (is_recorded && mode == 1 && kinds.size() > 1) kinds.resize(1);
  const auto count = static_cast<int>(random.between(1, 2 * limits.fault_count_mean));
  for (int i = 0; i < count && !kinds.empty(); ++i) {
    plan.faults.push_back(draw_fault(plan, kinds[random.below(kinds.size())], random));
  }
  const int budget = smallest_w(plan) - 1;
  if (budget > 0 && random.chance(1, 2)) {
    const std::vector<FaultKind> losses = losses_of(plan);
    const auto victim =
        static_cast<int>(random.below(static_cast<unsigned>(plan.simulation.node_count)));
    for (std::int64_t i = 1 + random.below(4); i > 0; --i) {
      PlannedFault fault = draw_fault(plan, losses[random.below(losses.size())], random);
      fault.a = victim;
      plan.faults.push_back(fault);
    }
  }
  finish_faults(plan);
}

/// From a stream of their own: other faults stay where they were before there were clones.
void draw_clones(Plan& plan, Random random) {
  if (plan.faults.empty() || !random.chance(1, 4)) return;
  // Without syncs a disk's image lacks what was acknowledged.
  const std::int64_t last_source = plan.simulation.sync_before_effects ? 2 : 1;
  for (std::int64_t i = random.between(1, 3); i > 0; --i) {
    PlannedFault fault = draw_fault(plan, FaultKind::clone, random);
    fault.amount = random.between(0, last_source);
    plan.faults.push_back(fault);
  }
  finish_faults(plan);
}

/// From a stream of their own too: partitions of the stranger kinds, and clocks that run wrong.
void draw_strange_faults(Plan& plan, Random random) {
  if (plan.faults.empty() || !random.chance(1, 3)) return;
  const auto first = static_cast<std::int64_t>(FaultKind::bridge);
  const auto last = static_cast<std::int64_t>(FaultKind::clock_drift);
  for (std::int64_t i = random.between(1, 4); i > 0; --i) {
    const auto kind = static_cast<FaultKind>(random.between(first, last));
    plan.faults.push_back(draw_fault(plan, kind, random));
  }
  finish_faults(plan);
}

/// From a stream of their own too.
void draw_full_disks(Plan& plan, const PlanLimits& limits, Random random) {
  if (plan.faults.empty() || !random.chance(limits.no_room_percent, 100)) return;
  for (std::int64_t i = random.between(1, 4); i > 0; --i) {
    plan.faults.push_back(draw_fault(plan, FaultKind::no_room, random));
  }
  finish_faults(plan);
}

/// From a stream of their own too: while a node forgets, another one that may have what it lacks is
/// cut off, and in some plans all the rest were until then. So nodes that know of the old life hear
/// of the new one, and recoveries begin from copies that are behind.
void draw_absent_witnesses(Plan& plan, const PlanLimits& limits, Random random) {
  const int nodes = plan.simulation.node_count;
  std::vector<PlannedFault> absences;
  const auto be_absent = [&](std::int64_t group, Instant from, Instant until) {
    PlannedFault absence;
    absence.kind = FaultKind::split;
    absence.at = from;
    absence.amount = group;
    absence.lasts = until - from;
    absences.push_back(absence);
  };
  for (const PlannedFault& fault : plan.faults) {
    if (fault.kind != FaultKind::restore_backup && fault.kind != FaultKind::wipe) continue;
    if (!random.chance(limits.absent_witness_percent, 100)) continue;
    const auto distance = 1 + static_cast<int>(random.below(static_cast<unsigned>(nodes - 1)));
    const std::int64_t victim = std::int64_t{1} << fault.a;
    const std::int64_t witness = std::int64_t{1} << (fault.a + distance) % nodes;
    const std::int64_t rest = (std::int64_t{1} << nodes) - 1 - victim - witness;
    const Instant cut = fault.at - milliseconds(random.between(1, 500));
    const Instant back = fault.at + fault.lasts + milliseconds(random.between(500, 30'000));
    be_absent(witness, cut, back);
    if (random.chance(1, 2)) be_absent(rest, cut - milliseconds(random.between(100, 1500)), cut);
  }
  plan.faults.insert(plan.faults.end(), absences.begin(), absences.end());
  finish_faults(plan);
}

/// Some plans keep a single kind of what they drew, each as likely as any other.
void keep_single_kind(Plan& plan, const PlanLimits& limits, Random random) {
  if (plan.faults.empty() || !random.chance(limits.single_kind_percent, 100)) return;
  std::vector<FaultKind> kinds;
  for (const PlannedFault& fault : plan.faults) kinds.push_back(fault.kind);
  std::sort(kinds.begin(), kinds.end());
  kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
  const FaultKind kept = kinds[random.below(kinds.size())];
  std::erase_if(plan.faults, [kept](const auto& fault) { return fault.kind != kept; });
}

/// From a stream of their own too: losses on any nodes, close together in some plans, so that
/// acknowledged writes lose all their holders.
void draw_excess_losses(Plan& plan, const PlanLimits& limits, Random random) {
  if (plan.faults.empty() || !random.chance(limits.excess_loss_percent, 100)) return;
  plan.exceeds_loss_budget = true;
  std::vector<FaultKind> losses = losses_of(plan);
  // What shows a node that it was rolled back is that others have seen more of it. If all of those
  // may forget it too, a backup that is put back in place repeats dots, and no node can tell.
  std::erase(losses, FaultKind::restore_backup);
  std::erase_if(plan.faults,
                [](const auto& fault) { return fault.kind == FaultKind::restore_backup; });
  const bool is_burst = random.chance(1, 2);
  const Instant burst{random.between(2'000'000'000, plan.length.nanoseconds * 8 / 10)};
  for (std::int64_t i = random.between(2, 12); i > 0; --i) {
    PlannedFault fault = draw_fault(plan, losses[random.below(losses.size())], random);
    if (is_burst) fault.at = burst + milliseconds(random.between(0, 2000));
    plan.faults.push_back(fault);
  }
  finish_faults(plan);
}

}  // namespace

bool loses_data(FaultKind kind) { return static_cast<int>(kind) > kLastHarmless; }

void draw_all_faults(Plan& plan, const PlanLimits& limits, const Random& random) {
  draw_faults(plan, limits, random.stream("faults"));
  draw_clones(plan, random.stream("clones"));
  draw_strange_faults(plan, random.stream("strange faults"));
  draw_full_disks(plan, limits, random.stream("full disks"));
  draw_absent_witnesses(plan, limits, random.stream("absent witnesses"));
  keep_single_kind(plan, limits, random.stream("single kind"));
  draw_excess_losses(plan, limits, random.stream("excess losses"));
}

}  // namespace dynakv

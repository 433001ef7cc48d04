#include "dynakv/sim/plan.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "dynakv/sim/perturbations.h"
#include "dynakv/sim/plan_faults.h"

namespace dynakv {
namespace {

constexpr std::array<std::string_view, 23> kFaultNames = {
    "crash",        "power loss", "clean stop",     "pause",  "slow",      "isolate",
    "one way",      "split",      "clog",           "reset",  "disk full", "sync failure",
    "clock offset", "clone",      "bridge",         "ring",   "flap",      "swizzle",
    "clock drift",  "no room",    "restore backup", "damage", "wipe"};

void draw_cluster(Plan& plan, Random random) {
  SimulationOptions& options = plan.simulation;
  options.seed = plan.seed;
  options.node_count = static_cast<int>(random.between(1, 100) <= 60 ? 5 : random.between(3, 9));
  const int n = random.chance(7, 10) ? 3 : static_cast<int>(random.between(1, 5));
  options.defaults.n = std::min(n, options.node_count);
  const auto draw_size = [&] {
    if (random.chance(6, 10)) return QuorumSize::majority();
    return QuorumSize::count(static_cast<std::int16_t>(random.between(1, options.defaults.n)));
  };
  options.defaults.r = draw_size();
  options.defaults.w = draw_size();
  options.sync_before_effects = !random.chance(1, 5);
  if (random.chance(1, 3)) options.zones = {"dc1/r1", "dc1/r2", "dc2/r1"};
  options.sync_delay_mean = microseconds(random.between(20, 3000));
  options.network.delay_mean = microseconds(random.between(50, 20'000));
  if (random.chance(1, 2)) {
    options.network.model = NetworkModel::hostile;
    options.network.loss_permille = static_cast<std::uint32_t>(random.below(100));
    options.network.repeat_permille = static_cast<std::uint32_t>(random.below(300));
  }
  options.client.timeout = milliseconds(random.between(300, 5000));
  // Small memory, so that some reads go to the disk.
  options.protocol.objects.cache_bytes = random.chance(1, 2) ? 4096 : 64u << 20;
}

void draw_availability(Plan& plan, Random random) {
  BucketProperties& defaults = plan.simulation.defaults;
  defaults.mode = random.chance(1, 2) ? QuorumMode::strict : QuorumMode::sloppy;
  defaults.read_repair = static_cast<ReadRepair>(1 + random.below(3));
  ProtocolOptions& options = plan.simulation.protocol;
  options.coordinators.hint_timeout = milliseconds(random.between(50, 1500));
  options.hints.window = 1 + random.below(32);
  options.hints.retry_pause = milliseconds(random.between(100, 3000));
  if (random.chance(1, 6)) options.hints.bytes_max = 300 * random.below(20);
  if (random.chance(1, 6)) options.coordinators.settling_max = 1 + random.below(4);
}

/// Limits so small that a run meets them, and disks so slow that a loss of power finds something.
void draw_limits(Plan& plan, Random random) {
  ProtocolOptions& options = plan.simulation.protocol;
  if (random.chance(1, 8)) options.coordinators.sibling_count_max = 1 + random.below(4);
  if (random.chance(1, 8)) options.admission.in_flight_max = 1 + random.below(4);
  if (random.chance(1, 4)) {
    plan.simulation.sync_delay_mean = milliseconds(random.between(5, 150));
  }
}

void draw_operations(Plan& plan, const PlanLimits& limits, Random random) {
  // Some runs have only writers that read before they write, so that I8 can be checked; some mix.
  const bool blind = random.chance(1, 2);
  const bool overwrites = random.chance(1, 5);
  const bool own_quorums = random.chance(1, 3);
  for (int i = 0; i < limits.operation_count; ++i) {
    PlannedOperation operation;
    operation.at = Instant{random.between(1'000'000'000, limits.length.nanoseconds)};
    operation.client = static_cast<int>(random.below(static_cast<unsigned>(plan.client_count)));
    operation.key = static_cast<int>(random.below(static_cast<unsigned>(plan.key_count)));
    const auto dice = random.below(100);
    if (dice < 45) {
      operation.kind = PlannedKind::get;
    } else if (dice < 80 || !blind) {
      operation.kind = dice % 8 == 0 ? PlannedKind::remove : PlannedKind::put;
    } else {
      operation.kind = PlannedKind::blind_put;
    }
    if (overwrites && random.chance(1, 20)) {
      operation.kind = random.chance(1, 2) ? PlannedKind::overwrite : PlannedKind::if_absent;
    }
    if (own_quorums && random.chance(1, 3)) {
      const int n = plan.simulation.defaults.n;
      operation.quorum = QuorumSize::count(static_cast<std::int16_t>(random.between(1, n)));
    }
    plan.operations.push_back(operation);
  }
  std::stable_sort(plan.operations.begin(), plan.operations.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
}

/// One key takes most of the load, so that the others are silent for long.
void draw_hot_key(Plan& plan, Random random) {
  if (!random.chance(1, 5)) return;
  for (PlannedOperation& operation : plan.operations) {
    if (random.chance(9, 10)) operation.key = 0;
  }
}

std::string at_text(Instant at) {
  char text[32];
  std::snprintf(text, sizeof(text), "%10.3f ms", static_cast<double>(at.nanoseconds) / 1e6);
  return text;
}

}  // namespace

std::string_view fault_name(FaultKind kind) { return kFaultNames[static_cast<std::size_t>(kind)]; }

Bytes key_name(const Plan& plan, int key) {
  if (!plan.keys_share_slot) return "k" + std::to_string(key);
  const Slot shared = slot_of(token_of_key("k0"));
  int found = 0;
  for (int i = 0;; ++i) {
    Bytes name = "k" + std::to_string(i);
    if (slot_of(token_of_key(name)) == shared && found++ == key) return name;
  }
}

Plan draw_plan(std::uint64_t seed, const PlanLimits& limits) {
  const Random random(seed);
  Plan plan;
  plan.seed = seed;
  plan.length = limits.length;
  plan.partitions_end_together = limits.partitions_end_together;
  plan.client_count = limits.client_count;
  plan.key_count = static_cast<int>(random.stream("keys").between(1, 20));
  plan.keys_share_slot = random.stream("slots").chance(1, 2);
  draw_cluster(plan, random.stream("cluster"));
  draw_availability(plan, random.stream("availability"));
  draw_limits(plan, random.stream("limits"));
  draw_operations(plan, limits, random.stream("operations"));
  draw_hot_key(plan, random.stream("hot key"));
  draw_all_faults(plan, limits, random);
  plan.simulation.clients_are_told =
      !random.stream("told").chance(limits.untold_clients_percent, 100);
  if (random.stream("perturbed").chance(limits.perturbed_percent, 100)) {
    plan.perturbations = draw_perturbations(random.stream("perturbations"));
  }
  plan.wants_real_store = random.stream("real store").chance(1, 10);
  return plan;
}

std::string describe(const PlannedFault& fault) {
  std::string text = at_text(fault.at) + "  fault  " + std::string(fault_name(fault.kind));
  text += " a=" + std::to_string(fault.a) + " b=" + std::to_string(fault.b);
  text += " amount=" + std::to_string(fault.amount);
  return text + " lasts=" + std::to_string(fault.lasts.milliseconds()) + "ms";
}

std::string describe_setup(const Plan& plan) {
  const SimulationOptions& options = plan.simulation;
  const bool hostile = options.network.model == NetworkModel::hostile;
  std::string odd;
  for (const std::size_t site : plan.perturbations) {
    odd += (odd.empty() ? " perturbed: " : ", ") + std::string(perturbation_sites()[site].name);
  }
  return "nodes=" + std::to_string(options.node_count) +
         " N=" + std::to_string(options.defaults.n) + " R=" + options.defaults.r.text() +
         " W=" + options.defaults.w.text() + (hostile ? " hostile" : " stream") +
         (options.sync_before_effects ? " group" : " os") + (options.store ? " rocksdb" : "") +
         (options.defaults.mode == QuorumMode::strict ? " strict" : " sloppy") +
         " clients=" + std::to_string(plan.client_count) +
         (options.clients_are_told ? "" : " (untold)") + " keys=" + std::to_string(plan.key_count) +
         " operations=" + std::to_string(plan.operations.size()) +
         " faults=" + std::to_string(plan.faults.size()) +
         (plan.exceeds_loss_budget ? " beyond the loss budget" : "") + odd;
}

}  // namespace dynakv

#include "dynakv/sim/fault_injector.h"

#include <algorithm>

#include "dynakv/sim/sim_sometimes.h"

namespace dynakv {
namespace {

constexpr Duration kBackupInterval = seconds(1);
constexpr std::size_t kBackupsKept = 24;
/// How often a supervisor checks whether its node still runs.
constexpr Duration kSupervisorInterval = milliseconds(250);

}  // namespace

FaultInjector::FaultInjector(const Plan& plan, Simulation& simulation, Oracle& oracle)
    : plan_(plan), simulation_(simulation), oracle_(oracle) {
  backups_.resize(static_cast<std::size_t>(simulation_.node_count()));
}

FaultInjector::~FaultInjector() {
  for (int i = 0; i < simulation_.node_count(); ++i) {
    simulation_.node(i).disk().watch_calls(nullptr);
  }
}

void FaultInjector::schedule() {
  for (const PlannedFault& fault : plan_.faults) {
    simulation_.at(fault.at, [this, &fault] {
      if (!healed_) inject(fault);
    });
  }
  if (plan_.has(FaultKind::restore_backup)) take_backups();
  if (plan_.restarts_failed_nodes) restart_failed_nodes();
  store_calls_.fails_at = plan_.single_fault.failed_store_call;
  for (int i = 0; i < simulation_.node_count(); ++i) {
    simulation_.node(i).disk().watch_calls(&store_calls_);
  }
  simulation_.network().lose_message(plan_.single_fault.lost_message);
  simulation_.network().repeat_message(plan_.single_fault.repeated_message);
}

void FaultInjector::inject(const PlannedFault& fault) {
  const int nodes = simulation_.node_count();
  std::vector<int> group;
  switch (fault.kind) {
    case FaultKind::isolate:
      return cut({fault.a}, fault.lasts);
    case FaultKind::split:
      for (int i = 0; i < nodes; ++i) {
        if ((fault.amount >> i) & 1) group.push_back(i);
      }
      return cut(group, fault.lasts);
    case FaultKind::one_way:
      if (fault.a != fault.b) cut_sides({fault.a}, {fault.b}, fault.lasts, true);
      return;
    case FaultKind::clog:
      if (fault.a != fault.b) simulation_.clog(fault.a, fault.b, fault.lasts);
      return;
    case FaultKind::reset:
      if (fault.a != fault.b) simulation_.reset_connection(fault.a, fault.b);
      return;
    case FaultKind::bridge:
      return cut_bridge(fault);
    case FaultKind::ring:
      return cut_ring(fault);
    case FaultKind::flap:
      return flap(fault, simulation_.now() + fault.lasts);
    case FaultKind::swizzle:
      return swizzle(fault);
    default:
      return inject_on_node(fault);
  }
}

void FaultInjector::inject_on_node(const PlannedFault& fault) {
  const int node = fault.a;
  SimDisk& disk = simulation_.node(node).disk();
  const bool needs_syncs =
      fault.kind == FaultKind::power_loss || fault.kind == FaultKind::sync_failure;
  if (loses_data(fault.kind) || (needs_syncs && !plan_.simulation.sync_before_effects)) {
    oracle_.node_lost_data(node, fault.kind);
  }
  switch (fault.kind) {
    case FaultKind::crash:
    case FaultKind::power_loss:
      simulation_.crash(node, fault.kind == FaultKind::power_loss);
      return restart_later(node, fault.lasts);
    case FaultKind::clean_stop:
      simulation_.stop_cleanly(node);
      return restart_later(node, fault.lasts);
    case FaultKind::pause:
      simulation_.pause(node);
      simulation_.at(simulation_.now() + fault.lasts, [this, node] { simulation_.resume(node); });
      return;
    case FaultKind::slow:
      simulation_.set_slowness(node, fault.amount);
      simulation_.at(simulation_.now() + fault.lasts,
                     [this, node] { simulation_.set_slowness(node, 1); });
      return;
    case FaultKind::disk_full:
      disk.set_full(true);
      simulation_.at(simulation_.now() + fault.lasts, [&disk] { disk.set_full(false); });
      return;
    case FaultKind::no_room:
      return fill_disk(fault);
    case FaultKind::sync_failure:
      disk.fail_next_sync();
      return restart_later(node, fault.lasts);
    case FaultKind::clock_offset:
      return simulation_.set_wall_offset(node, fault.amount);
    case FaultKind::clock_drift:
      simulation_.set_clock_drift(node, fault.amount);
      simulation_.at(simulation_.now() + fault.lasts,
                     [this, node] { simulation_.set_clock_drift(node, 0); });
      return;
    case FaultKind::clone:
      clone(node, static_cast<CloneSource>(fault.amount));
      return restart_later(node, fault.lasts);
    case FaultKind::restore_backup:
      return restore_backup(node, milliseconds(fault.amount));
    case FaultKind::damage: {
      Random random =
          Random(plan_.seed).stream("damage", static_cast<std::uint64_t>(fault.at.nanoseconds));
      for (std::int64_t i = 0; i < fault.amount; ++i) disk.damage_object(random);
      return;
    }
    case FaultKind::wipe:
      simulation_.wipe(node);
      // Backups of a directory whose identity lives on elsewhere are refused.
      backups_[static_cast<std::size_t>(node)].clear();
      return restart_later(node, fault.lasts);
    default:
      return;
  }
}

void FaultInjector::fill_disk(const PlannedFault& fault) {
  const int node = fault.a;
  SimDisk& disk = simulation_.node(node).disk();
  disk.limit_room(static_cast<std::size_t>(fault.amount),
                  fault.b % 2 == 0 ? NoRoom::step_waits : NoRoom::store_fails);
  // A supervisor tries before there is room, too.
  restart_later(node, Duration{fault.lasts.nanoseconds / 2});
  simulation_.at(simulation_.now() + fault.lasts, [this, node, &disk] {
    disk.limit_room({});
    start_again(node);
  });
}

void FaultInjector::start_again(int node) {
  // A node whose past is refused stays down; the end of the run shows whether that loses data.
  if (simulation_.restart(node) || !simulation_.node(node).disk().was_refused()) return;
  // Its log lacks writes made since the machine started, so the supervisor restarts the machine.
  simulation_.reboot(node);
  (void)simulation_.restart(node);
}

void FaultInjector::restart_later(int node, Duration delay) {
  simulation_.at(simulation_.now() + delay, [this, node] { start_again(node); });
}

void FaultInjector::take_backups() {
  for (int i = 0; i < simulation_.node_count(); ++i) {
    auto& kept = backups_[static_cast<std::size_t>(i)];
    const SimNode& node = simulation_.node(i);
    kept.push_back({simulation_.now(), node.disk().image(), node.last_progress()});
    if (kept.size() > kBackupsKept) kept.erase(kept.begin());
  }
  simulation_.at(simulation_.now() + kBackupInterval, [this] {
    if (!healed_) take_backups();
  });
}

void FaultInjector::restore_backup(int node, Duration age) {
  const auto& kept = backups_[static_cast<std::size_t>(node)];
  const Backup* chosen = nullptr;
  for (const Backup& backup : kept) {
    if (chosen == nullptr || backup.at + age <= simulation_.now()) chosen = &backup;
  }
  const bool may_restore = chosen != nullptr && would_be_noticed(node, *chosen);
  simulation_.crash(node);
  sometimes(SimSometimes::backup_restored, may_restore);
  if (may_restore) simulation_.node(node).disk().restore(chosen->image);
  restart_later(node, milliseconds(100));
}

// Messages sent since then that reached no node matter only to the oracle, which saw them sent: it
// would call a dot that is given out again a second event.
bool FaultInjector::would_be_noticed(int node, const Backup& backup) const {
  const SimNode& restored = simulation_.node(node);
  if (restored.last_progress() == backup.progress) return true;
  for (int other = 0; other < simulation_.node_count(); ++other) {
    const SimNode& peer = simulation_.node(other);
    if (other == node || !peer.is_running()) continue;
    for (const Progress& seen : peer.core().hello_for(restored.id()).progress_seen) {
      const bool is_of_later_life = seen.incarnation > backup.progress.incarnation;
      const bool is_further = seen.is_of_run(backup.progress) && seen.step > backup.progress.step;
      if (is_of_later_life || is_further) return true;
    }
  }
  return false;
}

void FaultInjector::clone(int node, CloneSource source) {
  if (source == CloneSource::stopped_cleanly) {
    simulation_.stop_cleanly(node);
  } else {
    simulation_.crash(node);
  }
  SimDisk& disk = simulation_.node(node).disk();
  if (source == CloneSource::disk_image) disk.restore(disk.image());
  simulation_.node(node).change_place();
}

void FaultInjector::restart_failed_nodes() {
  for (int i = 0; i < simulation_.node_count(); ++i) {
    if (!simulation_.node(i).is_running()) restart_later(i, {});
  }
  simulation_.at(simulation_.now() + kSupervisorInterval, [this] {
    if (!healed_) restart_failed_nodes();
  });
}

void FaultInjector::heal() {
  healed_ = true;
  simulation_.heal();
  simulation_.calm();
  simulation_.network().options().loss_permille = 0;
  simulation_.network().options().repeat_permille = 0;
  // An owner that is silent for longer than the hint timeout is not repaired by a read (I7).
  const Duration quick = plan_.simulation.protocol.coordinators.hint_timeout / 20;
  NetworkOptions& network = simulation_.network().options();
  network.delay_mean = std::min(network.delay_mean, quick);
  const bool is_perturbed = !plan_.perturbations.empty();
  if (is_perturbed) network.delay_min = std::min(network.delay_min, quick);
  for (int i = 0; i < simulation_.node_count(); ++i) {
    simulation_.resume(i);
    simulation_.set_slowness(i, 1);
    if (plan_.has(FaultKind::clock_drift)) simulation_.set_clock_drift(i, 0);
    simulation_.node(i).disk().clear_faults();
    if (is_perturbed) simulation_.node(i).limit_sync_delay(quick);
    start_again(i);
  }
}

}  // namespace dynakv

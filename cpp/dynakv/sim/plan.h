// What one simulated run does, as data: the cluster, the clients' operations and the faults, all
// drawn from one seed. Data, so that a failing run can be reduced and replayed (sim/shrink.h).
//
// Swarm testing: each seed draws its own topology, quorums, modes and subset of faults, so that
// rare combinations are common. Source: INVARIANTS §3.1; Groce et al., Swarm Testing (2012).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "dynakv/sim/simulation.h"

namespace dynakv {

enum class PlannedKind : std::uint8_t { get, put, blind_put, remove, overwrite, if_absent };

struct PlannedOperation {
  Instant at;
  int client = 0;
  PlannedKind kind = PlannedKind::get;
  int key = 0;
  QuorumSize quorum = QuorumSize::bucket_default();
  /// Zero = the client's own.
  Duration timeout;
};

enum class FaultKind : std::uint8_t {
  crash,         // kill -9, started again after `lasts`
  power_loss,    // the same with what was not synced
  clean_stop,    // stopped properly, started again after `lasts`
  pause,         // SIGSTOP for `lasts`
  slow,          // `amount` times slower for `lasts`
  isolate,       // host `a` is cut off for `lasts`
  one_way,       // `a` cannot reach `b` for `lasts`
  split,         // the nodes in the bits of `amount` are cut off from the others for `lasts`
  clog,          // what `a` sends to `b` waits for `lasts`
  reset,         // the connections between `a` and `b` break
  disk_full,     // for `lasts`
  sync_failure,  // the next sync fails: the node ends, started again after `lasts`
  clock_offset,  // the calendar clock of `a` is `amount` ms off from now on
  clone,         // stopped, copied to another place, started there (`amount`: CloneSource)
  bridge,        // the nodes in the bits of `amount` see the others only through `a`
  ring,          // each node sees a majority, and no two the same; of three, `a` and the next part
  flap,          // `a` is cut off and joined again every `amount` ms for `lasts`
  swizzle,       // what the nodes in the bits of `amount` send is held back, from one after the
                 // other, and let go in another order
  clock_drift,   // the clocks of `a` gain `amount` microseconds a second for `lasts`
  no_room,       // after `amount` more bytes the disk is full to the last byte, for `lasts`; with
                 // no real store, an even `b` lets steps wait, and an odd one ends the process
  // The rest lose data for good; most plans have them on few enough nodes to keep their promises.
  restore_backup,  // the disk goes back to what it was `amount` ms before
  damage,          // `amount` stored objects become unreadable
  wipe,            // the disk is emptied; the node comes back under its name after `lasts`
};

/// How a clone's source ends. The copy always holds what a real copy would hold, and no copy runs
/// beside its original, because the identity rules promise nothing for that (INVARIANTS §1).
enum class CloneSource : std::int64_t { stopped_cleanly, killed, disk_image };

std::string_view fault_name(FaultKind kind);
bool loses_data(FaultKind kind);

struct PlannedFault {
  Instant at;
  FaultKind kind = FaultKind::crash;
  int a = 0;
  int b = 0;
  std::int64_t amount = 0;
  Duration lasts;
};

/// One failure at one place, for going through all places: the k-th call of a store, or the k-th
/// message. 0 = none.
struct SingleFault {
  std::uint64_t failed_store_call = 0;
  std::uint64_t lost_message = 0;
  std::uint64_t repeated_message = 0;
};

struct Plan {
  std::uint64_t seed = 0;
  SimulationOptions simulation;
  int client_count = 0;
  int key_count = 0;
  /// All keys lie in one slot, and so share an actor at each owner.
  bool keys_share_slot = false;
  /// Faults and operations happen in this time; then everything heals.
  Duration length;
  std::vector<PlannedOperation> operations;
  std::vector<PlannedFault> faults;
  SingleFault single_fault;
  /// Sites that are on (sim/perturbations.h); they change `simulation` when the plan is run.
  std::vector<std::size_t> perturbations;
  /// The end of a partition ends all of them, as recorded seeds had it.
  bool partitions_end_together = false;
  /// A node whose process ended by itself is started again, as its supervisor would.
  bool restarts_failed_nodes = false;
  /// Meant to run with the store of real nodes under its disks, where the program has one to give
  /// (SimulationOptions::store).
  bool wants_real_store = false;
  /// The nodes that lose data may be all the holders of an acknowledged write. sim/oracle.h says
  /// what is still promised then.
  bool exceeds_loss_budget = false;

  bool has(FaultKind kind) const {
    return std::any_of(faults.begin(), faults.end(),
                       [kind](const PlannedFault& fault) { return fault.kind == kind; });
  }
};

struct PlanLimits {
  int operation_count = 1500;
  Duration length = seconds(120);
  int client_count = 8;
  int fault_count_mean = 25;
  /// Of the plans with faults: how many lose more than what acknowledged writes survive.
  std::uint32_t excess_loss_percent = 11;
  /// Of the plans with faults: how many have a single kind. 0: as recorded seeds once drew them.
  std::uint32_t single_kind_percent = 11;
  /// Of the plans with faults: how many have disks full to the last byte. 0: as recorded seeds.
  std::uint32_t no_room_percent = 15;
  /// Of the wipes and the backups that are put back: how many while another node, which may have
  /// what they lack, is cut off. 0: as recorded seeds.
  std::uint32_t absent_witness_percent = 40;
  /// Plan::partitions_end_together.
  bool partitions_end_together = false;
  /// Of all plans: in how many the clients learn the layout from the nodes. 0: as recorded seeds.
  std::uint32_t untold_clients_percent = 25;
  /// Of all plans: how many are perturbed.
  std::uint32_t perturbed_percent = 50;
};

/// The name of a plan's key.
Bytes key_name(const Plan& plan, int key);

Plan draw_plan(std::uint64_t seed, const PlanLimits& limits);

/// A line for people.
std::string describe(const PlannedFault& fault);
std::string describe_setup(const Plan& plan);

}  // namespace dynakv

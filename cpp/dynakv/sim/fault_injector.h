// Injects the faults of a plan into a simulation, each at its time, and ends them all at the heal.
//
// A fault of limited time ends by itself when its time is over, unless everything was healed
// before. A node whose process ended is started again, as its supervisor would.
#pragma once

#include <list>
#include <vector>

#include "dynakv/sim/oracle.h"
#include "dynakv/sim/plan.h"

namespace dynakv {

class FaultInjector {
 public:
  /// All must outlive the injector, which in turn must outlive the simulation's last step.
  FaultInjector(const Plan& plan, Simulation& simulation, Oracle& oracle);
  ~FaultInjector();
  FaultInjector(const FaultInjector&) = delete;
  FaultInjector& operator=(const FaultInjector&) = delete;

  /// Before the first step.
  void schedule();
  /// Ends every fault, and starts every node that is down; none comes after it.
  void heal();
  /// Calls that the nodes made to their stores.
  std::uint64_t store_call_count() const { return store_calls_.count; }

 private:
  void inject(const PlannedFault& fault);
  void inject_on_node(const PlannedFault& fault);
  void fill_disk(const PlannedFault& fault);
  void start_again(int node);
  void restart_later(int node, Duration delay);
  void restart_failed_nodes();
  void restore_backup(int node, Duration age);
  void clone(int node, CloneSource source);
  void take_backups();

  void cut(const std::vector<int>& group, Duration lasts);
  /// cut_between(), or as recorded seeds had it.
  void cut_sides(const std::vector<int>& a, const std::vector<int>& b, Duration lasts,
                 bool one_way = false);
  /// The end of a partition does not join nodes that another partition still keeps apart. A pair
  /// that is cut both ways stays so until the last partition between the two has ended, even if
  /// that one is one-way.
  void cut_between(const std::vector<int>& a, const std::vector<int>& b, Duration lasts,
                   bool one_way = false);
  bool is_cut(int x, int y) const;
  void cut_bridge(const PlannedFault& fault);
  void cut_ring(const PlannedFault& fault);
  void flap(const PlannedFault& fault, Instant until);
  void swizzle(const PlannedFault& fault);
  std::vector<int> hosts_but(int host) const;

  const Plan& plan_;
  Simulation& simulation_;
  Oracle& oracle_;
  CallFault store_calls_;
  struct Cut {
    std::vector<int> a;
    std::vector<int> b;
  };
  std::list<Cut> cuts_;
  struct Backup {
    Instant at;
    SimDisk::Image image;
    /// What the image holds is at most this.
    Progress progress;
  };
  /// True when a peer could tell the node that it was rolled back, or when it has done nothing
  /// since.
  bool would_be_noticed(int node, const Backup& backup) const;

  /// Of each node: its durable state at the last whole seconds.
  std::vector<std::vector<Backup>> backups_;
  bool healed_ = false;
};

}  // namespace dynakv

// The faults of a plan do what their names say, and end when their time is over.
#include "dynakv/sim/fault_injector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <set>
#include <utility>
#include <vector>

#include "dynakv/sim/run.h"

namespace dynakv {
namespace {

constexpr int kClients = 2;
const Instant kFaultAt = Instant{} + seconds(5);

/// A cluster at rest in which a fault happens after five seconds, and others with it.
class FaultyCluster {
 public:
  FaultyCluster(int nodes, PlannedFault fault, std::vector<PlannedFault> others = {})
      : plan_(plan_of(nodes, fault, std::move(others))),
        simulation_(plan_.simulation),
        oracle_(simulation_, plan_),
        faults_(plan_, simulation_, oracle_) {
    for (int i = 0; i < kClients; ++i) simulation_.add_client();
    faults_.schedule();
  }

  void run_to(Instant at) { simulation_.run_for(at - simulation_.now()); }
  bool are_cut(int a, int b) {
    const bool is_cut = simulation_.network().is_blocked(a, b);
    EXPECT_EQ(simulation_.network().is_blocked(b, a), is_cut);
    return is_cut;
  }
  /// Nodes that a host can exchange messages with.
  std::set<int> seen_by(int host) {
    std::set<int> seen;
    for (int other = 0; other < simulation_.node_count(); ++other) {
      if (other != host && !are_cut(host, other)) seen.insert(other);
    }
    return seen;
  }
  Simulation& simulation() { return simulation_; }
  FaultInjector& faults() { return faults_; }

 private:
  static Plan plan_of(int nodes, PlannedFault fault, std::vector<PlannedFault> others) {
    Plan plan;
    plan.seed = plan.simulation.seed = 11;
    plan.simulation.node_count = nodes;
    plan.client_count = kClients;
    plan.key_count = 1;
    plan.length = seconds(30);
    plan.faults = std::move(others);
    plan.faults.push_back(fault);
    for (PlannedFault& each : plan.faults) each.at = kFaultAt;
    return plan;
  }

  Plan plan_;
  Simulation simulation_;
  Oracle oracle_;
  FaultInjector faults_;
};

TEST(FaultInjector, InARingEachNodeSeesAMajorityAndNoTwoTheSame) {
  for (const int nodes : {3, 4, 5, 6, 7, 8, 9}) {
    SCOPED_TRACE(nodes);
    FaultyCluster cluster(nodes, {.kind = FaultKind::ring, .a = 2, .lasts = seconds(3)});
    cluster.run_to(kFaultAt + milliseconds(1));
    std::set<std::set<int>> views;
    int cut = 0;
    for (int i = 0; i < nodes; ++i) {
      std::set<int> view = cluster.seen_by(i);
      cut += nodes - 1 - static_cast<int>(view.size());
      view.insert(i);
      EXPECT_GT(view.size() * 2, static_cast<std::size_t>(nodes));
      views.insert(view);
    }
    EXPECT_GT(cut, 0);
    // Where two are as far apart as can be, an even circle lets only those not see each other.
    EXPECT_EQ(views.size(), static_cast<std::size_t>(nodes));
    cluster.run_to(kFaultAt + seconds(4));
    EXPECT_EQ(cluster.seen_by(0).size(), static_cast<std::size_t>(nodes - 1));
  }
}

TEST(FaultInjector, ABridgeIsAllThatTwoSidesHaveInCommon) {
  FaultyCluster cluster(
      5, {.kind = FaultKind::bridge, .a = 1, .amount = 0b00101, .lasts = seconds(3)});
  cluster.run_to(kFaultAt + milliseconds(1));
  EXPECT_EQ(cluster.seen_by(1), (std::set<int>{0, 2, 3, 4}));
  EXPECT_EQ(cluster.seen_by(0), (std::set<int>{1, 2}));
  EXPECT_EQ(cluster.seen_by(3), (std::set<int>{1, 4}));
  cluster.run_to(kFaultAt + seconds(4));
  EXPECT_EQ(cluster.seen_by(0).size(), 4u);
}

TEST(FaultInjector, AFlappingNodeComesAndGoes) {
  FaultyCluster cluster(
      3, {.kind = FaultKind::flap, .a = 1, .amount = 500, .lasts = milliseconds(2500)});
  for (int half = 0; half < 10; ++half) {
    cluster.run_to(kFaultAt + milliseconds(500 * half + 250));
    const bool is_off = half < 5 && half % 2 == 0;
    EXPECT_EQ(cluster.seen_by(1).empty(), is_off) << half;
    EXPECT_EQ(cluster.are_cut(1, 3), is_off) << "clients, too";
    EXPECT_FALSE(cluster.are_cut(0, 2));
  }
}

TEST(FaultInjector, TheEndOfAPartitionEndsNoOther) {
  FaultyCluster cluster(5, {.kind = FaultKind::isolate, .a = 0, .lasts = seconds(3)},
                        {{.kind = FaultKind::isolate, .a = 1, .lasts = seconds(1)},
                         {.kind = FaultKind::split, .amount = 0b01100, .lasts = seconds(2)}});
  cluster.run_to(kFaultAt + milliseconds(500));
  EXPECT_EQ(cluster.seen_by(1), (std::set<int>{}));
  cluster.run_to(kFaultAt + milliseconds(1500));
  EXPECT_EQ(cluster.seen_by(0), (std::set<int>{}));
  EXPECT_EQ(cluster.seen_by(1), (std::set<int>{4})) << "the others are still cut off";
  EXPECT_EQ(cluster.seen_by(2), (std::set<int>{3}));
  cluster.run_to(kFaultAt + milliseconds(2500));
  EXPECT_EQ(cluster.seen_by(0), (std::set<int>{}));
  EXPECT_EQ(cluster.seen_by(2), (std::set<int>{1, 3, 4}));
  cluster.run_to(kFaultAt + milliseconds(3500));
  EXPECT_EQ(cluster.seen_by(0), (std::set<int>{1, 2, 3, 4}));
}

TEST(FaultInjector, WhatASwizzleHoldsBackComesLaterAndIsNotLost) {
  FaultyCluster cluster(3, {.kind = FaultKind::swizzle, .amount = 0b011, .lasts = seconds(2)});
  cluster.run_to(kFaultAt);
  const auto before = cluster.simulation().network().counters();
  cluster.run_to(kFaultAt + seconds(1));
  const auto held = cluster.simulation().network().counters();
  EXPECT_GT(held.sent - before.sent, held.delivered - before.delivered);
  cluster.run_to(kFaultAt + milliseconds(2500));
  const auto after = cluster.simulation().network().counters();
  EXPECT_EQ(after.lost, before.lost);
  EXPECT_GE(after.delivered + 3, after.sent) << "but for what is on its way";
}

TEST(FaultInjector, TheHealEndsWhatIsUnderWayForGood) {
  FaultyCluster cluster(5, {.kind = FaultKind::flap, .a = 1, .amount = 300, .lasts = seconds(20)});
  cluster.run_to(kFaultAt + milliseconds(100));
  ASSERT_TRUE(cluster.seen_by(1).empty());
  cluster.faults().heal();
  for (int i = 1; i < 20; ++i) {
    cluster.run_to(kFaultAt + milliseconds(100 * i + 100));
    ASSERT_EQ(cluster.seen_by(1).size(), 4u);
  }
}

TEST(FaultInjector, AClockThatDriftsIsRightAgainAfterwards) {
  FaultyCluster cluster(
      3, {.kind = FaultKind::clock_drift, .a = 2, .amount = 50'000, .lasts = seconds(10)});
  const auto gained = [&] {
    return cluster.simulation().wall_of(2).milliseconds -
           cluster.simulation().wall_of(0).milliseconds;
  };
  cluster.run_to(kFaultAt);
  EXPECT_EQ(gained(), 0);
  cluster.run_to(kFaultAt + seconds(10));
  EXPECT_NEAR(static_cast<double>(gained()), 500, 1);
  cluster.run_to(kFaultAt + seconds(20));
  EXPECT_NEAR(static_cast<double>(gained()), 500, 1) << "what it gained it keeps";
}

// Steps that find no room wait, or end the process; nothing that was promised depends on which.
TEST(PlannedFaults, DisksFullToTheLastByteCostNothing) {
  PlanLimits limits;
  limits.operation_count = 300;
  limits.length = seconds(30);
  decltype(RunResult::points) points{};
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Plan plan = draw_plan(seed, limits);
    plan.faults.clear();
    plan.exceeds_loss_budget = false;
    for (int i = 0; i < 6; ++i) {
      plan.faults.push_back({.at = Instant{} + seconds(2 + 4 * i),
                             .kind = FaultKind::no_room,
                             .a = i % plan.simulation.node_count,
                             .b = i / 2,
                             .amount = i % 2 == 0 ? 0 : 500,
                             .lasts = seconds(3)});
    }
    const RunResult result = run_plan(plan);
    for (const Violation& violation : result.violations) {
      ADD_FAILURE() << "seed " << seed << ": " << violation.invariant << ": " << violation.detail;
    }
    for (std::size_t i = 0; i < points.size(); ++i) points[i] += result.points[i];
  }
  for (const std::size_t place :
       {place_of(Sometimes::step_waited_for_room), place_of(Sometimes::waiting_step_written),
        place_of(SimSometimes::ended_without_room), place_of(SimSometimes::start_found_no_room)}) {
    EXPECT_GT(points[place], 20u);
  }
}

TEST(PlannedFaults, OnePlanInTenHasASingleKindAndThatCanBeAny) {
  constexpr std::uint64_t kPlans = 10'000;
  PlanLimits limits;
  limits.operation_count = 1;
  limits.excess_loss_percent = 0;
  std::set<FaultKind> alone;
  int with_faults = 0;
  int single = 0;
  for (std::uint64_t seed = 1; seed <= kPlans; ++seed) {
    const Plan plan = draw_plan(seed, limits);
    std::set<FaultKind> kinds;
    for (const PlannedFault& fault : plan.faults) kinds.insert(fault.kind);
    with_faults += kinds.empty() ? 0 : 1;
    if (kinds.size() != 1) continue;
    ++single;
    alone.insert(*kinds.begin());
  }
  EXPECT_NEAR(with_faults, 0.9 * kPlans, 0.03 * kPlans);
  EXPECT_NEAR(single, 0.1 * kPlans, 0.03 * kPlans);
  EXPECT_EQ(alone.size(), static_cast<std::size_t>(FaultKind::wipe) + 1);
}

// Who may tell a node what it forgot is cut off before it forgets, until after it runs again.
TEST(PlannedFaults, SomeNodesForgetWhileAWitnessIsAbsent) {
  PlanLimits limits;
  limits.operation_count = 1;
  limits.single_kind_percent = limits.excess_loss_percent = 0;
  for (const std::uint32_t percent : {0U, 40U, 100U}) {
    limits.absent_witness_percent = percent;
    int losses = 0;
    int witnesses = 0;
    int rests = 0;
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
      const Plan plan = draw_plan(seed, limits);
      for (const PlannedFault& loss : plan.faults) {
        if (loss.kind != FaultKind::wipe && loss.kind != FaultKind::restore_backup) continue;
        ++losses;
        const auto has_split = [&](auto&& is_it) {
          return std::any_of(plan.faults.begin(), plan.faults.end(), [&](const auto& fault) {
            const bool is_of_others = ((fault.amount >> loss.a) & 1) == 0;
            return fault.kind == FaultKind::split && is_of_others && is_it(fault);
          });
        };
        const Duration before = milliseconds(500);
        witnesses += has_split([&](const PlannedFault& fault) {
          const bool is_one = std::popcount(static_cast<std::uint64_t>(fault.amount)) == 1;
          return is_one && fault.at < loss.at && loss.at <= fault.at + before &&
                 fault.at + fault.lasts > loss.at + loss.lasts;
        });
        rests += has_split([&](const PlannedFault& fault) {
          const Instant end = fault.at + fault.lasts;
          const int size = std::popcount(static_cast<std::uint64_t>(fault.amount));
          return size == plan.simulation.node_count - 2 && end < loss.at &&
                 loss.at <= end + before && fault.lasts <= milliseconds(1500);
        });
      }
    }
    ASSERT_GT(losses, 500);
    EXPECT_NEAR(witnesses, losses * percent / 100.0, losses * 0.05) << percent << " %";
    EXPECT_NEAR(rests, losses * percent / 200.0, losses * 0.05) << percent << " %";
  }
}

}  // namespace
}  // namespace dynakv

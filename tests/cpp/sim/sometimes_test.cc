// Rare situations are counted where they happen, by the run in which they happen.
#include "dynakv/sim/sim_sometimes.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "dynakv/sim/report.h"
#include "dynakv/sim/run.h"

namespace dynakv {
namespace {

template <typename Point>
std::uint64_t count_of(const RunResult& result, Point point) {
  return result.points[place_of(point)];
}

Plan quiet_plan() {
  Plan plan;
  plan.seed = 5;
  plan.simulation.seed = 5;
  plan.simulation.node_count = 3;
  plan.client_count = 2;
  plan.key_count = 1;
  plan.length = seconds(20);
  return plan;
}

PlannedOperation operation_at(int second, int client, PlannedKind kind) {
  PlannedOperation operation;
  operation.at = Instant{} + seconds(second);
  operation.client = client;
  operation.kind = kind;
  return operation;
}

TEST(Sometimes, NamesAreUniqueAndManyEnough) {
  std::set<std::string_view> names;
  for (std::size_t place = 0; place < kPointCount; ++place) {
    const SometimesRow& row = point_at(place);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.happened.empty());
  }
  EXPECT_GE(names.size(), 40u);
}

TEST(Sometimes, APointIsCountedExactlyWhenItsSituationHappens) {
  Plan plan = quiet_plan();
  plan.operations = {operation_at(5, 0, PlannedKind::put), operation_at(6, 1, PlannedKind::get),
                     operation_at(7, 1, PlannedKind::put)};
  const RunResult merged = run_plan(plan);
  ASSERT_TRUE(merged.violations.empty());
  EXPECT_EQ(count_of(merged, Sometimes::blind_put_made_sibling), 0u);
  EXPECT_EQ(count_of(merged, SimSometimes::read_saw_siblings), 0u);

  plan.operations[2].kind = PlannedKind::blind_put;
  plan.operations.push_back(operation_at(8, 1, PlannedKind::get));
  plan.operations.push_back(operation_at(9, 1, PlannedKind::put));
  const RunResult beside = run_plan(plan);
  ASSERT_TRUE(beside.violations.empty());
  EXPECT_EQ(count_of(beside, Sometimes::blind_put_made_sibling), 1u);
  EXPECT_EQ(count_of(beside, SimSometimes::read_saw_siblings), 1u);
  EXPECT_EQ(count_of(beside, Sometimes::siblings_merged), 1u);
}

// A node that finds its directory elsewhere cannot know whether the original lives: it goes on
// under new actors, whether its source was stopped, killed, or read off the disk.
TEST(Sometimes, AClonedNodeGoesOnUnderNewActors) {
  for (const std::int64_t source : {0, 1, 2}) {
    Plan plan = quiet_plan();
    PlannedFault fault;
    fault.kind = FaultKind::clone;
    fault.at = Instant{} + seconds(7);
    fault.lasts = milliseconds(500);
    fault.amount = source;
    plan.faults = {fault};
    plan.operations = {operation_at(5, 0, PlannedKind::put), operation_at(6, 1, PlannedKind::get),
                       operation_at(15, 1, PlannedKind::put)};
    const RunResult result = run_plan(plan);
    EXPECT_TRUE(result.violations.empty());
    EXPECT_EQ(result.acked_writes, 2u);
    EXPECT_EQ(count_of(result, Sometimes::past_lost_by_move), 1u);
    EXPECT_EQ(count_of(result, Sometimes::clean_stop_kept_actors), 0u);
    EXPECT_EQ(count_of(result, Sometimes::kill_kept_actors), 0u);
  }
}

TEST(Sometimes, CountsBelongToTheRunAndRepeatWithIt) {
  PlanLimits limits;
  limits.operation_count = 200;
  limits.length = seconds(20);
  const RunResult first = run_plan(draw_plan(3, limits));
  (void)run_plan(draw_plan(4, limits));
  EXPECT_EQ(run_plan(draw_plan(3, limits)).points, first.points);
}

TEST(Sometimes, AReportNamesWhatNoRunMet) {
  RunResult result;
  result.points.fill(2);
  result.points[place_of(SimSometimes::sync_failed)] = 0;
  Report report;
  report.add(result);
  EXPECT_EQ(report.unmet_points(), std::vector<std::string>{"sync_failed"});
  EXPECT_NE(report.points().find("       0    0.0 %  sync_failed"), std::string::npos)
      << report.points();
  result.points.fill(1);
  report.add(result);
  EXPECT_TRUE(report.unmet_points().empty());
  EXPECT_NE(report.points().find("       1   50.0 %  sync_failed"), std::string::npos);
}

}  // namespace
}  // namespace dynakv

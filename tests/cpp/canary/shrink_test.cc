// A failing plan is reduced to something a person can read, and what is left still fails.
#include "dynakv/sim/shrink.h"

#include <gtest/gtest.h>

#include "dynakv/base/canary.h"

namespace dynakv {
namespace {

TEST(Shrink, LeavesAFewOperationsThatStillFail) {
  planted_canary = Canary::put_drops_unseen;
  PlanLimits limits;
  limits.operation_count = 300;
  limits.length = seconds(30);
  Plan plan;
  RunResult failing;
  for (std::uint64_t seed = 1; seed <= 20 && failing.violations.empty(); ++seed) {
    plan = draw_plan(seed, limits);
    failing = run_plan(plan);
  }
  ASSERT_FALSE(failing.violations.empty());
  const ShrunkPlan shrunk = shrink(plan, failing);
  const RunResult again = run_plan(shrunk.plan);
  planted_canary = Canary::none;
  ASSERT_FALSE(again.violations.empty());
  EXPECT_EQ(again.trace_hash, shrunk.result.trace_hash);
  EXPECT_LE(shrunk.plan.operations.size(), 20u);
  EXPECT_LE(shrunk.plan.faults.size(), 5u);
  EXPECT_NE(to_table(shrunk).find("violated"), std::string::npos);
}

}  // namespace
}  // namespace dynakv

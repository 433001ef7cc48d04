// A failing plan is reduced to something a person can read, and what is left still fails.
#include "dynakv/sim/shrink.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "dynakv/domain/canary.h"
#include "dynakv/protocol/canary.h"

namespace dynakv {
namespace {

struct Failure {
  Plan plan;
  RunResult result;
};

/// The first seed that catches the bug, which must be planted.
Failure first_failure() {
  PlanLimits limits;
  limits.operation_count = 300;
  limits.length = seconds(30);
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Failure failure{draw_plan(seed, limits), {}};
    failure.result = run_plan(failure.plan);
    if (!failure.result.violations.empty()) return failure;
  }
  return {};
}

class Shrink : public testing::Test {
 protected:
  ~Shrink() override { planted_canary = nullptr; }
};

TEST_F(Shrink, LeavesAFewOperationsThatStillFail) {
  for (const CanaryRow* bug :
       {&row_of(DomainCanary::put_drops_unseen), &row_of(DomainCanary::delete_forgets_context),
        &row_of(DomainCanary::quorum_one_too_few), &row_of(Canary::effects_before_durable)}) {
    planted_canary = bug;
    const Failure failing = first_failure();
    ASSERT_FALSE(failing.result.violations.empty());
    const auto begin = std::chrono::steady_clock::now();
    const ShrunkPlan shrunk = shrink(failing.plan, failing.result);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const RunResult again = run_plan(shrunk.plan);
    planted_canary = nullptr;
    ASSERT_FALSE(again.violations.empty());
    EXPECT_EQ(again.violations.front().invariant, failing.result.violations.front().invariant);
    EXPECT_EQ(again.trace_hash, shrunk.result.trace_hash);
    EXPECT_LE(shrunk.plan.operations.size(), 20u);
    EXPECT_LE(shrunk.plan.faults.size(), 5u);
    EXPECT_LE(shrunk.plan.simulation.node_count, failing.plan.simulation.node_count);
    std::set<int> keys;
    for (const auto& operation : shrunk.plan.operations) keys.insert(operation.key);
    EXPECT_LE(keys.size(), 2u);
    std::printf("%d runs in %.1f s\n%s", shrunk.runs, took.count(), to_table(shrunk).c_str());
  }
}

}  // namespace
}  // namespace dynakv

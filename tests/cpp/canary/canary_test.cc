// The test of the simulator itself: each planted bug must be caught within its budget of seeds, and
// the code as it is must pass the same seeds.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "dynakv/base/canary.h"
#include "dynakv/sim/run.h"

namespace dynakv {
namespace {

// Runs with data loss and with unsynced effects are rarer; the budget is for the rarest of them.
constexpr std::uint64_t kSeedBudget = 1000;

PlanLimits small_plans() {
  PlanLimits limits;
  limits.operation_count = 600;
  limits.length = seconds(60);
  limits.fault_count_mean = 15;
  return limits;
}

class CanaryTest : public ::testing::TestWithParam<CanaryRow> {
 protected:
  void TearDown() override { planted_canary = Canary::none; }
};

TEST_P(CanaryTest, IsCaught) {
  planted_canary = GetParam().canary;
  for (std::uint64_t seed = 1; seed <= kSeedBudget; ++seed) {
    const RunResult result = run_plan(draw_plan(seed, small_plans()));
    if (result.violations.empty()) continue;
    const Violation& first = result.violations.front();
    std::printf("  caught by seed %llu: %s: %s\n", static_cast<unsigned long long>(seed),
                first.invariant.c_str(), first.detail.c_str());
    return;
  }
  FAIL() << GetParam().breaks << ": not caught within " << kSeedBudget << " seeds";
}

// Those that take a removed member or an exact order of messages are planted in
// membership_canary_test.cc, that of hint records in hint_canary_test.cc.
std::vector<CanaryRow> caught_by_runs() {
  std::vector<CanaryRow> rows;
  for (const CanaryRow& row : kCanaries) {
    const bool has_its_own_test = row.canary == Canary::removed_member_returns ||
                                  row.canary == Canary::late_incarnation_wins ||
                                  row.canary == Canary::hint_actor_outlives_loss;
    if (!has_its_own_test) rows.push_back(row);
  }
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Zoo, CanaryTest, ::testing::ValuesIn(caught_by_runs()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(CanaryTest, TheCodeAsItIsPassesTheSameSeeds) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const RunResult result = run_plan(draw_plan(seed, small_plans()));
    for (const Violation& violation : result.violations) {
      ADD_FAILURE() << "seed " << seed << ": " << violation.invariant << ": " << violation.detail;
    }
  }
}

}  // namespace
}  // namespace dynakv

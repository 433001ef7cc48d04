// Every error path once: a fixed workload of 300 operations is run again and again, and each time
// another single call of a store fails, or another single message is lost or repeated, until all
// have been. The oracle judges each run (INVARIANTS B44: most outages come from error handlers that
// no test ever entered).
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dynakv/sim/run.h"

namespace dynakv {
namespace {

constexpr int kOperationCount = 300;
/// The fast tests take each so manieth place, the slow ones all.
constexpr std::uint64_t kSampleStep = 25;

Plan fixed_workload() {
  Plan plan;
  plan.seed = 11;
  plan.simulation.seed = 11;
  plan.simulation.node_count = 3;
  plan.simulation.network.model = NetworkModel::hostile;  // a single message may be lost
  plan.simulation.client.timeout = seconds(1);
  plan.simulation.protocol.objects.cache_bytes = 0;  // so that reads are calls
  plan.client_count = 3;
  plan.key_count = 5;
  plan.length = seconds(10);
  plan.restarts_failed_nodes = true;
  Random random(11);
  for (int i = 0; i < kOperationCount; ++i) {
    PlannedOperation operation;
    operation.at = Instant{} + milliseconds(1000 + 25 * i);
    operation.client = static_cast<int>(random.below(3));
    operation.key = static_cast<int>(random.below(5));
    constexpr PlannedKind kKinds[] = {PlannedKind::get,       PlannedKind::get,
                                      PlannedKind::put,       PlannedKind::put,
                                      PlannedKind::blind_put, PlannedKind::remove,
                                      PlannedKind::overwrite, PlannedKind::if_absent};
    operation.kind = kKinds[random.below(8)];
    plan.operations.push_back(operation);
  }
  return plan;
}

/// Runs the workload once for each place of `fault` in [1, places], `step` apart; the number of
/// runs.
std::uint64_t run_all(std::uint64_t SingleFault::*fault, std::uint64_t places, std::uint64_t step) {
  std::atomic<std::uint64_t> next = 1;
  std::atomic<std::uint64_t> runs = 0;
  std::mutex mutex;
  const auto work = [&] {
    for (;;) {
      const std::uint64_t place = next.fetch_add(step);
      if (place > places) return;
      Plan plan = fixed_workload();
      plan.single_fault.*fault = place;
      const RunResult result = run_plan(plan);
      ++runs;
      if (result.violations.empty()) continue;
      const std::lock_guard lock(mutex);
      ADD_FAILURE() << "with the fault at " << place << ": " << result.violations.front().invariant
                    << ": " << result.violations.front().detail;
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i) threads.emplace_back(work);
  threads.clear();
  return runs;
}

struct Row {
  const char* name;
  std::uint64_t SingleFault::*fault;
  std::uint64_t RunResult::*places;
};

constexpr Row kRows[] = {
    {"FailedStoreCall", &SingleFault::failed_store_call, &RunResult::store_calls},
    {"LostMessage", &SingleFault::lost_message, &RunResult::messages},
    {"RepeatedMessage", &SingleFault::repeated_message, &RunResult::messages},
};

class ExhaustiveFaults : public ::testing::TestWithParam<Row> {};
class ExhaustiveFaultsSlow : public ::testing::TestWithParam<Row> {};

void check(const Row& row, std::uint64_t step) {
  const RunResult clean = run_plan(fixed_workload());
  ASSERT_TRUE(clean.violations.empty());
  ASSERT_GT(clean.acked_writes, 100u);
  const std::uint64_t places = clean.*row.places;
  ASSERT_GE(places, 500u) << "the workload has too few places to fail at";
  const std::uint64_t runs = run_all(row.fault, places, step);
  EXPECT_GE(runs * step, places);
  std::printf("  %llu runs for %llu places\n", static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(places));
}

TEST_P(ExhaustiveFaults, KeepEveryPromiseInASample) { check(GetParam(), kSampleStep); }
TEST_P(ExhaustiveFaultsSlow, KeepEveryPromiseAtEveryPlace) { check(GetParam(), 1); }

const auto kName = [](const auto& row) { return std::string(row.param.name); };
INSTANTIATE_TEST_SUITE_P(Each, ExhaustiveFaults, ::testing::ValuesIn(kRows), kName);
INSTANTIATE_TEST_SUITE_P(Each, ExhaustiveFaultsSlow, ::testing::ValuesIn(kRows), kName);

// The faults are real: a failed write ends the process, a lost message is missing.
TEST(SingleFaults, HappenAndAreSurvived) {
  const RunResult clean = run_plan(fixed_workload());
  Plan plan = fixed_workload();
  plan.single_fault.failed_store_call = clean.store_calls / 2;
  EXPECT_NE(run_plan(plan).trace_hash, clean.trace_hash);
  plan = fixed_workload();
  plan.single_fault.lost_message = clean.messages / 2;
  EXPECT_NE(run_plan(plan).trace_hash, clean.trace_hash);
  plan = fixed_workload();
  plan.single_fault.repeated_message = clean.messages / 2;
  EXPECT_NE(run_plan(plan).trace_hash, clean.trace_hash);
}

}  // namespace
}  // namespace dynakv

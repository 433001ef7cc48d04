// The simulator itself: determinism, its disks' and network's faults, and clean seeds. What it must
// catch is tested in tests/cpp/canary.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

#include "dynakv/domain/object_format.h"
#include "dynakv/sim/many_nodes.h"
#include "dynakv/sim/run.h"
#include "dynakv/sim/shrink.h"
#include "dynakv/sim/simulation.h"
#include "tests/cpp/support/recorded_plans.h"

namespace dynakv {
namespace {

SimOperation put_of(Bytes key, Bytes value) {
  WriteOperation write;
  write.bucket = "default";
  write.key = std::move(key);
  write.value = std::move(value);
  return write;
}

std::set<Bytes> values_of(const Reply& reply) {
  std::set<Bytes> values;
  if (const auto* error = std::get_if<ErrorReply>(&reply.outcome)) {
    ADD_FAILURE() << error_name(error->error.code) << ": " << error->error.message;
  }
  const auto* got = std::get_if<GetReply>(&reply.outcome);
  if (got == nullptr || got->object.empty()) return values;
  const Object object = decode_object(got->object).value();
  for (const Sibling& sibling : object.siblings()) values.insert(sibling.payload.value);
  return values;
}

Reply run_to_reply(Simulation& simulation, OperationId id) {
  std::optional<Reply> reply;
  EXPECT_TRUE(simulation.run_until(
      [&] {
        if (!reply) reply = simulation.take_reply(id);
        return reply.has_value();
      },
      seconds(100)));
  return reply.value_or(Reply{});
}

SimulationOptions three_nodes(std::uint64_t seed) {
  SimulationOptions options;
  options.node_count = 3;
  options.seed = seed;
  // A node without power answers nobody, and its silence is noticed only after seconds.
  options.client.timeout = seconds(60);
  return options;
}

TEST(Simulation, AClusterFormsServesAndSurvivesACrash) {
  Simulation simulation(three_nodes(7));
  const int client = simulation.add_client();
  ASSERT_TRUE(simulation.run_until([&] { return simulation.all_ready(); }, seconds(5)));
  const Reply put = run_to_reply(simulation, simulation.start(client, put_of("k", "v")));
  ASSERT_TRUE(std::holds_alternative<WriteReply>(put.outcome));
  for (int i = 0; i < 3; ++i) {
    simulation.crash(i, i == 1);
    const Reply got =
        run_to_reply(simulation, simulation.start(client, GetOperation{"default", "k", {}}));
    EXPECT_EQ(values_of(got), std::set<Bytes>{"v"});
    ASSERT_TRUE(simulation.restart(i).has_value());
    ASSERT_TRUE(simulation.run_until([&] { return simulation.all_ready(); }, seconds(10)));
  }
}

TEST(Simulation, BothSidesOfAPartitionKeepTheirPromises) {
  Simulation simulation(three_nodes(8));
  const int left = simulation.add_client();
  const int right = simulation.add_client();
  ASSERT_TRUE(simulation.run_until([&] { return simulation.all_ready(); }, seconds(5)));
  simulation.partition({0, 3 + left}, {1, 2, 3 + right});
  const OperationId cut_off = simulation.start(left, put_of("k", "minority"));
  const OperationId connected = simulation.start(right, put_of("k", "majority"));
  const Reply minority = run_to_reply(simulation, cut_off);
  EXPECT_TRUE(std::holds_alternative<ErrorReply>(minority.outcome));
  EXPECT_TRUE(std::holds_alternative<WriteReply>(run_to_reply(simulation, connected).outcome));
  simulation.heal();
  simulation.run_for(seconds(5));
  const Reply got =
      run_to_reply(simulation, simulation.start(left, GetOperation{"default", "k", {}}));
  EXPECT_TRUE(values_of(got).contains("majority"));
}

TEST(Simulation, TheSameSeedGivesTheSameTraceAndAnotherOneDoesNot) {
  PlanLimits limits;
  limits.operation_count = 300;
  limits.length = seconds(30);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const RunResult first = run_plan(draw_plan(seed, limits));
    const RunResult second = run_plan(draw_plan(seed, limits));
    EXPECT_EQ(first.trace_hash, second.trace_hash) << "seed " << seed;
    EXPECT_EQ(first.event_count, second.event_count);
    EXPECT_NE(first.trace_hash, run_plan(draw_plan(seed + 100, limits)).trace_hash);
  }
}

// Equal on every compiler: own generator, own distributions, no floating point in decisions.
TEST(Simulation, ATraceHashIsFixed) {
  PlanLimits limits;
  limits.operation_count = 200;
  limits.length = seconds(20);
  const RunResult result = run_plan(draw_plan(42, limits));
  EXPECT_TRUE(result.violations.empty());
  EXPECT_GT(result.acked_writes, 0u);
  std::ifstream file(std::string(DYNAKV_TESTDATA_DIR) + "/trace_hash.txt");
  std::uint64_t expected = 0;
  file >> expected;
  EXPECT_EQ(result.trace_hash, expected)
      << "The run of seed 42 has changed. When the change is meant, write the new hash into "
         "tests/cpp/sim/testdata/trace_hash.txt.";
}

// Seeds that once found a bug; they stay for ever.
TEST(Simulation, SeedsThatOnceFailedPass) {
  std::ifstream file(std::string(DYNAKV_TESTDATA_DIR) + "/seeds.txt");
  ASSERT_TRUE(file.good());
  std::string line;
  int count = 0;
  while (std::getline(file, line)) {
    if (line.empty() || line.front() == '#') continue;
    const std::uint64_t seed = std::stoull(line);
    ++count;
    PlanLimits now = test::before_partitions_overlapped();
    now.single_kind_percent = 0;  // as before a single kind could be any
    now.no_room_percent = 0;      // and before disks were full to the last byte
    PlanLimits small = now;       // as in tests/cpp/canary, where some of them were found
    small.operation_count = 600;
    small.length = seconds(60);
    small.fault_count_mean = 15;
    PlanLimits plain = now;  // as before there were perturbations
    plain.perturbed_percent = 0;
    PlanLimits within_budget = plain;  // as before there were plans beyond it
    within_budget.excess_loss_percent = small.excess_loss_percent = 0;
    small.perturbed_percent = 0;
    for (const PlanLimits& limits : {now, plain, within_budget, small}) {
      const Plan plan = draw_plan(seed, limits);
      const bool is_as_before = !plan.exceeds_loss_budget && plan.perturbations.empty();
      if (limits.excess_loss_percent > 0 && is_as_before) continue;
      const RunResult result = run_plan(plan);
      for (const Violation& violation : result.violations) {
        ADD_FAILURE() << "seed " << seed << " with " << limits.operation_count
                      << " operations: " << violation.invariant << ": " << violation.detail;
      }
    }
  }
  EXPECT_GT(count, 0);
}

// Beyond the loss budget acknowledged writes are really lost, and the cluster still does not lie.
TEST(Simulation, PlansBeyondTheLossBudgetLoseWritesAndStayHonest) {
  PlanLimits limits;
  limits.operation_count = 400;
  limits.length = seconds(30);
  limits.fault_count_mean = 8;
  int drawn = 0;
  std::uint64_t lost = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Plan plan = draw_plan(seed, limits);
    if (!plan.exceeds_loss_budget) continue;
    ++drawn;
    const RunResult result = run_plan(plan);
    for (const Violation& violation : result.violations) {
      ADD_FAILURE() << "seed " << seed << ": " << violation.invariant << ": " << violation.detail;
    }
    lost += result.points[static_cast<std::size_t>(SimSometimes::acked_write_lost)];
  }
  EXPECT_GT(drawn, 15);
  EXPECT_LT(drawn, 45);
  EXPECT_GT(lost, 0u);
}

// An answer that took longer than the pause before the next try was no answer, for ever.
TEST(Simulation, AnOwnerThatIsSlowerThanTheRetryPauseGetsItsHints) {
  SimulationOptions options = three_nodes(9);
  options.network.delay_min = milliseconds(50);
  options.protocol.hints.retry_pause = milliseconds(10);
  Simulation simulation(options);
  const int client = simulation.add_client();
  ASSERT_TRUE(simulation.run_until([&] { return simulation.all_ready(); }, seconds(5)));
  simulation.crash(2);
  for (int i = 0; i < 50; ++i) {
    const Bytes key = "k" + std::to_string(i);
    const Reply put = run_to_reply(simulation, simulation.start(client, put_of(key, "v")));
    ASSERT_TRUE(std::holds_alternative<WriteReply>(put.outcome));
  }
  simulation.run_for(seconds(5));
  ASSERT_TRUE(simulation.restart(2).has_value());
  const auto pending = [&] {
    std::uint64_t sum = 0;
    for (int i = 0; i < 2; ++i) sum += simulation.node(i).core().counters().at("hints_pending");
    return sum;
  };
  EXPECT_GT(pending(), 0u);
  EXPECT_TRUE(simulation.run_until([&] { return pending() == 0; }, seconds(20))) << pending();
}

TEST(Simulation, TheDiskKeepsExactlyWhatItPromises) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    SimDisk disk;
    const auto write = [&](int number) {
      disk.put(Space::objects, "last", std::to_string(number));
      ASSERT_TRUE(disk.write_step().has_value());
    };
    const auto last = [&] {
      const auto value = disk.get(Space::objects, "last").value();
      return value ? std::stoi(*value) : 0;
    };
    for (int i = 1; i <= 5; ++i) write(i);
    ASSERT_TRUE(disk.finish_sync(3).has_value());
    disk.put(Space::objects, "last", "pending");
    disk.drop_pending();
    EXPECT_EQ(last(), 5) << "the end of a process loses only what was not written";
    disk.lose_power(random);
    EXPECT_GE(last(), 3) << "a loss of power loses nothing that was synced";
    EXPECT_LE(last(), 5);
    write(9);
    disk.fail_next_sync();
    EXPECT_FALSE(disk.sync().has_value());
    EXPECT_FALSE(disk.sync().has_value()) << "a failed sync is never retried (I21)";
    EXPECT_EQ(disk.condition(), StoreCondition::failed);
    disk.drop_pending();
    EXPECT_NE(last(), 9) << "its pages were clean but lost";
  }
}

TEST(Simulation, ManyNodesFormAndServe) {
  SimulationOptions options;
  options.node_count = 60;
  options.seed = 3;
  Simulation simulation(options);
  const int client = simulation.add_client();
  ASSERT_TRUE(simulation.run_until([&] { return simulation.all_ready(); }, seconds(10)));
  for (int i = 0; i < 20; ++i) {
    const Bytes key = "k" + std::to_string(i);
    const Reply put = run_to_reply(simulation, simulation.start(client, put_of(key, key)));
    EXPECT_TRUE(std::holds_alternative<WriteReply>(put.outcome));
  }
}

void expect_good(int node_count) {
  ManyNodesOptions options;
  options.node_count = node_count;
  const ManyNodesResult result = run_many_nodes(options);
  EXPECT_EQ(result.problem, "");
  EXPECT_GE(result.acked_writes, static_cast<std::uint64_t>(options.operation_count * 98 / 100));
}

TEST(Simulation, AHundredNodesFormServeAndSurviveCrashes) { expect_good(100); }
TEST(SimulationSlow, AThousandNodesFormServeAndSurviveCrashes) { expect_good(1000); }

}  // namespace
}  // namespace dynakv

// Whole clusters on the store of real nodes, and proof that a store that lies is found out.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "dynakv/sim/run.h"
#include "sim_run/rocksdb_sim_store.h"
#include "tests/cpp/support/recorded_plans.h"

namespace dynakv {
namespace {

constexpr std::uint64_t kSeeds = 30;

void expect_clean(const RunResult& result, std::uint64_t seed) {
  for (const Violation& violation : result.violations) {
    ADD_FAILURE() << "seed " << seed << ": " << violation.invariant << ": " << violation.detail;
  }
}

/// A plan of small size with losses of power and kills, on RocksDB.
Plan plan_with_crashes(std::uint64_t seed) {
  PlanLimits limits;
  limits.operation_count = 300;
  limits.length = seconds(30);
  limits.fault_count_mean = 8;
  limits.excess_loss_percent = 0;
  Plan plan = draw_plan(seed, limits);
  plan.simulation.store = new_rocksdb_sim_store;
  plan.simulation.sync_before_effects = true;
  plan.simulation.sync_delay_mean = milliseconds(50);  // so that there is a tail to be torn
  Random random = Random(seed).stream("crashes");
  for (int i = 0; i < 10; ++i) {
    PlannedFault fault;
    fault.kind = i % 2 == 0 ? FaultKind::power_loss : FaultKind::crash;
    fault.at = Instant{random.between(2'000'000'000, 28'000'000'000)};
    fault.a = static_cast<int>(random.below(static_cast<unsigned>(plan.simulation.node_count)));
    fault.lasts = milliseconds(random.between(10, 2000));
    plan.faults.push_back(fault);
  }
  std::stable_sort(plan.faults.begin(), plan.faults.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  return plan;
}

TEST(RocksDbSeeds, AreCleanAndSomeRecoverATornLog) {
  std::uint64_t torn = 0;
  std::uint64_t acked = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const RunResult result = run_plan(plan_with_crashes(seed));
    expect_clean(result, seed);
    torn += result.points[static_cast<std::size_t>(SimSometimes::torn_log_recovered)];
    acked += result.acked_writes;
  }
  EXPECT_GT(torn, 10u);
  EXPECT_GT(acked, 1000u);
}

// A failed sync whose pages were lost (147, 169); a hint that came home into a copy damaged since
// (70040); a backup taken between a write and its sync, put back (1008070); a scan that passed over
// a table whose first block was damaged, so that its objects read as absent (9010103, B43).
TEST(RocksDbSeeds, ThatOnceFailedPass) {
  const PlanLimits now = test::before_partitions_overlapped();  // as when they were found
  PlanLimits before = now;
  before.perturbed_percent = before.single_kind_percent = before.no_room_percent = 0;
  for (const auto& [seed, limits] : {std::pair{147U, before},
                                     {169U, before},
                                     {70040U, before},
                                     {1008070U, before},
                                     {9010103U, now}}) {
    Plan plan = draw_plan(seed, limits);
    plan.simulation.store = new_rocksdb_sim_store;
    expect_clean(run_plan(plan), seed);
  }
}

/// A plan of small size on RocksDB, whose disks are full to the last byte again and again.
Plan plan_without_room(std::uint64_t seed) {
  Plan plan = plan_with_crashes(seed);
  Random random = Random(seed).stream("room");
  for (PlannedFault& fault : plan.faults) {
    if (random.chance(1, 2)) continue;
    fault.kind = FaultKind::no_room;
    fault.amount = random.between(0, 10'000);
    fault.lasts = seconds(3);
  }
  return plan;
}

TEST(RocksDbSeeds, DisksFullToTheLastByteCostNothing) {
  std::uint64_t ended = 0;
  std::uint64_t refused = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const RunResult result = run_plan(plan_without_room(seed));
    expect_clean(result, seed);
    ended += result.points[static_cast<std::size_t>(SimSometimes::ended_without_room)];
    refused += result.points[static_cast<std::size_t>(SimSometimes::start_found_no_room)];
    EXPECT_EQ(result.trace_hash, run_plan(plan_without_room(seed)).trace_hash) << "seed " << seed;
  }
  EXPECT_GT(ended, 20u);
  EXPECT_GT(refused, 20u);
}

TEST(RocksDbSeeds, TheSameSeedGivesTheSameTrace) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const RunResult first = run_plan(plan_with_crashes(seed));
    const RunResult second = run_plan(plan_with_crashes(seed));
    EXPECT_EQ(first.trace_hash, second.trace_hash) << "seed " << seed;
    EXPECT_EQ(first.points, second.points) << "seed " << seed;
  }
}

// Thirty failed syncs, each with a restart that leaves a table more: compactions begin while the
// store is opened and flushed, and took file numbers beside it.
TEST(RocksDbSeeds, CompactionsDoNotRaceWithTheCallsThatBeginThem) {
  PlanLimits plain = test::before_partitions_overlapped();
  plain.perturbed_percent = plain.single_kind_percent = plain.no_room_percent = 0;
  Plan plan = draw_plan(2023520, plain);
  plan.simulation.store = new_rocksdb_sim_store;
  const std::uint64_t first = run_plan(plan).trace_hash;
  for (int i = 0; i < 12; ++i) EXPECT_EQ(run_plan(plan).trace_hash, first);
}

TEST(RocksDbSeeds, AboutOneInTenWantsIt) {
  int count = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    count += draw_plan(seed, PlanLimits{}).wants_real_store ? 1 : 0;
  }
  EXPECT_GT(count, 150);
  EXPECT_LT(count, 250);
}

/// A store with a planted bug around the real one.
class LyingStore final : public SimStore, public DurableStore {
 public:
  enum class Lie { sync_does_nothing, forgets_every_tenth_write };

  LyingStore(Lie lie, Random random) : lie_(lie), real_(new_rocksdb_sim_store(random)) {}

  Result<DurableStore*> open(const std::string& boot_id) override {
    auto opened = real_->open(boot_id);
    if (!opened) return opened;
    store_ = *opened;
    return static_cast<DurableStore*>(this);
  }
  void close() override { real_->close(); }
  void end_process() override { real_->end_process(); }
  bool lose_power() override { return real_->lose_power(); }
  void rest() override { real_->rest(); }
  void fail_next_sync() override { real_->fail_next_sync(); }
  void set_full(bool full) override { real_->set_full(full); }
  void limit_room(std::optional<std::size_t> bytes) override { real_->limit_room(bytes); }
  bool damage(BytesView value) override { return real_->damage(value); }
  std::shared_ptr<const SimFiles> image() const override { return real_->image(); }
  void restore(const SimFiles* files) override { real_->restore(files); }

  Result<std::optional<Bytes>> get(Space space, BytesView key) override {
    return store_->get(space, key);
  }
  void put(Space space, BytesView key, BytesView value) override {
    const bool forgets = lie_ == Lie::forgets_every_tenth_write && ++puts_ % 10 == 0;
    if (!forgets) store_->put(space, key, value);
  }
  void erase(Space space, BytesView key) override { store_->erase(space, key); }
  Result<std::vector<std::pair<Bytes, Bytes>>> scan(Space space, BytesView first, BytesView last,
                                                    std::size_t count_max) override {
    return store_->scan(space, first, last, count_max);
  }
  StoreCondition condition() const override { return store_->condition(); }
  bool has_pending() const override { return store_->has_pending(); }
  Status write_step() override { return store_->write_step(); }
  Status sync() override { return lie_ == Lie::sync_does_nothing ? Status() : store_->sync(); }

 private:
  Lie lie_;
  std::unique_ptr<SimStore> real_;
  DurableStore* store_ = nullptr;
  std::uint64_t puts_ = 0;
};

void expect_caught(LyingStore::Lie lie) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Plan plan = plan_with_crashes(seed);
    std::erase_if(plan.faults, [](const auto& f) { return f.kind == FaultKind::sync_failure; });
    plan.simulation.store = [lie](Random random) {
      return std::make_unique<LyingStore>(lie, random);
    };
    for (const Violation& violation : run_plan(plan).violations) {
      if (violation.invariant == "I24") return;
    }
  }
  FAIL() << "a store that lies was not found out";
}

TEST(RocksDbSeeds, AStoreThatDoesNotSyncIsCaught) {
  expect_caught(LyingStore::Lie::sync_does_nothing);
}

TEST(RocksDbSeeds, AStoreThatForgetsIsCaught) {
  expect_caught(LyingStore::Lie::forgets_every_tenth_write);
}

}  // namespace
}  // namespace dynakv

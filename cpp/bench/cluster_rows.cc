#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/rows.h"
#include "bench/store_load.h"
#include "bench/temp_directory.h"

namespace dynakv::bench {
namespace {

constexpr std::uint64_t kKeys = 100'000;
constexpr int kConnections = 3;
constexpr int kInFlight = 64;  // For each connection.
constexpr double kFirstGoal = 0.6;
constexpr double kLatencyGoal = 1.3;
/// The flow whose puts carry contexts.
constexpr FlowId kFlow{1};
/// Keys that each row may use for itself, beyond those that are filled once.
constexpr std::uint64_t kRowKeys = 1'000'000'000;

/// Three nodes and a client with three connections, which has seen every key of the first kKeys.
struct Store {
  Store(const std::string& directory, const NodeOptions& options)
      : cluster(directory, options), client(cluster.connect(10 * kKeys)) {}

  Sample run(const StoreLoad& load) const { return run_store_load(cluster, {client.get()}, load); }
  void fill(std::uint64_t first_key, std::uint64_t keys) const {
    StoreLoad load{.flow = kFlow};
    load.load.operations = load.load.keys = keys;
    load.load.first_key = first_key;
    load.load.distribution = FloorDistribution::kSequential;
    load.load.in_flight = kConnections * kInFlight;
    (void)run(load);
  }

  StoreCluster cluster;
  std::unique_ptr<Client> client;
};

FloorOptions floor_options(const std::string& directory) {
  return {.read_modify_write = true, .fsync_per_step = true, .directory = directory};
}

/// Floor and store on one disk, filled with the same keys.
struct Pair {
  explicit Pair(const NodeOptions& options = {})
      : floor(floor_options(directory.path())), store(directory.path(), options) {
    floor.start();
    LoadOptions fill;
    fill.operations = fill.keys = kKeys;
    fill.distribution = FloorDistribution::kSequential;
    (void)run_floor(floor, fill);
    store.fill(0, kKeys);
  }

  TempDirectory directory;
  FloorCluster floor;
  Store store;
};

/// What the floor is loaded with. `round` makes other rounds draw other keys.
LoadOptions load_of(FloorKind kind, std::uint64_t operations, int round) {
  LoadOptions load;
  load.connections = kConnections;
  load.in_flight = kInFlight;
  load.operations = operations;
  load.keys = kKeys;
  load.kind = kind;
  load.seed = static_cast<std::uint64_t>(round) + 1;
  return load;
}

/// The same for the store, through one client: its connections go to the three nodes.
StoreLoad store_load_of(const LoadOptions& load) {
  StoreLoad same{.load = load};
  same.load.in_flight = load.connections * load.in_flight;
  if (load.kind == FloorKind::kPut) same.flow = kFlow;
  return same;
}

RowPlan against_floor(Pair& pair, std::string name, std::string what,
                      std::function<LoadOptions(int)> load_of_round) {
  return {.name = std::move(name),
          .what = std::move(what),
          .goal = kFirstGoal,
          .floor_name = "floor",
          .floor = [&pair, load_of_round](
                       int round) { return run_floor(pair.floor, load_of_round(round)); },
          .store = [&pair, load_of_round](
                       int round) { return pair.store.run(store_load_of(load_of_round(round))); }};
}

void run_rate_rows(Report& report, Pair& pair) {
  const BenchOptions& options = report.options();
  const std::uint64_t puts = options.count(60'000);
  const std::uint64_t gets = options.count(120'000);
  const auto put_load = [puts](int round) { return load_of(FloorKind::kPut, puts, round); };
  const auto get_load = [gets](int round) { return load_of(FloorKind::kGet, gets, round); };
  report.run(against_floor(
      pair, "put",
      "put with contexts over 100,000 existing keys, 100 B, uniform; N=3 W=2, fsync before "
      "acknowledgement; 3 connections x 64 (DynaKV: 1 client, 192 in flight)",
      put_load));

  const auto blind_load = [=](int round) {
    LoadOptions load = put_load(round);
    load.first_key = kRowKeys + static_cast<std::uint64_t>(round) * kKeys;
    return load;
  };
  RowPlan blind = against_floor(
      pair, "put_blind", "the same without sessions, over 100,000 keys that are new in each round",
      blind_load);
  blind.store = [&pair, blind_load](int round) {
    StoreLoad load = store_load_of(blind_load(round));
    load.flow = FlowId{};
    return pair.store.run(load);
  };
  report.run(blind);

  report.run(against_floor(
      pair, "get", "get of the 100,000 keys, uniform; N=3 R=2; the floor reads RocksDB", get_load));
}

/// Each connection a client of its own, with a thread of its own; puts are blind and to new keys.
void run_three_clients_row(Report& report, Pair& pair, FloorKind kind, std::uint64_t count) {
  const std::string verb = kind == FloorKind::kPut ? "put" : "get";
  const auto load = [=](int round) {
    LoadOptions options = load_of(kind, count, round);
    if (kind == FloorKind::kPut) {
      options.first_key = 2 * kRowKeys + static_cast<std::uint64_t>(round) * kKeys;
    }
    return options;
  };
  RowPlan plan =
      against_floor(pair, verb + "_3_clients",
                    std::string("as ") + (kind == FloorKind::kPut ? "put_blind" : "get") +
                        ", but DynaKV through 3 clients, 64 in flight each",
                    load);
  if (!report.wants(plan.name)) return;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Client*> pointers;
  for (int i = 0; i < kConnections; ++i) {
    clients.push_back(pair.store.cluster.connect(kKeys));
    pointers.push_back(clients.back().get());
  }
  plan.store = [&](int round) {
    return run_store_load(pair.store.cluster, pointers, {.load = load(round)});
  };
  report.run(plan);
}

/// What Python's get_many and put_many do, in C++.
void run_many_row(Report& report, Pair& pair, FloorKind kind, std::uint64_t count) {
  constexpr int kBatch = 1000;
  const std::string verb = kind == FloorKind::kPut ? "put" : "get";
  const auto load = [=](int round) {
    LoadOptions options = load_of(kind, count, round);
    options.in_flight = kBatch / kConnections + 1;
    return options;
  };
  RowPlan plan = against_floor(
      pair, verb + "_many",
      verb + "s in batches of 1,000 keys, one batch at a time; the floor: 3 connections x 334",
      load);
  plan.store = [&pair, load](int round) {
    StoreLoad many = store_load_of(load(round));
    many.load.in_flight = kBatch;
    many.batch = kBatch;
    return pair.store.run(many);
  };
  plan.goal = std::nullopt;
  report.run(plan);
}

void run_latency_rows(Report& report, Pair& pair) {
  const BenchOptions& options = report.options();
  const auto row = [&](const std::string& name, FloorKind kind, std::uint64_t count) {
    const auto load = [=](int round) {
      LoadOptions one = load_of(kind, count, round);
      one.connections = 1;
      one.in_flight = 1;
      return one;
    };
    RowPlan plan = against_floor(pair, name, "one client, one operation at a time", load);
    plan.compare = Compare::latency;
    plan.goal = kLatencyGoal;
    plan.store = [&pair, load](int round) {
      return run_store_serial(pair.store.cluster, *pair.store.client, store_load_of(load(round)));
    };
    report.run(plan);
  };
  row("latency_put", FloorKind::kPut, options.count(5'000));
  row("latency_get", FloorKind::kGet, options.count(10'000));
}

/// Puts over existing keys, each once: blind, and by a flow that has seen the keys.
void run_context_row(Report& report, const Store& store) {
  const std::uint64_t keys = report.options().count(40'000);
  const auto puts = [&store, keys](std::uint64_t first_key, FlowId flow) {
    store.fill(first_key, keys);
    LoadOptions load = load_of(FloorKind::kPut, keys, 0);
    load.keys = keys;
    load.first_key = first_key;
    load.distribution = FloorDistribution::kSequential;
    StoreLoad mine = store_load_of(load);
    mine.flow = flow;
    return store.run(mine);
  };
  const auto first_key = [keys](std::uint64_t row, int round) {
    return row * kRowKeys + static_cast<std::uint64_t>(round) * keys;
  };
  report.run({.name = "contexts",
              .what = "put with the context of what is there, against a put that leaves a sibling",
              .goal = 1 / 1.1,
              .floor_name = "blind put",
              .floor = [=](int round) { return puts(first_key(3, round), FlowId{}); },
              .store = [=](int round) { return puts(first_key(4, round), kFlow); }});
}

void run_durability_row(Report& report, const Pair& pair) {
  if (!report.wants("durability_os")) return;
  const TempDirectory directory;
  NodeOptions options;
  options.durability = Durability::os;
  const Store os(directory.path(), options);
  os.fill(0, kKeys);
  const std::uint64_t puts = report.options().count(60'000);
  const auto load = [puts](int round) {
    return store_load_of(load_of(FloorKind::kPut, puts, round));
  };
  report.run({.name = "durability_os",
              .what = "put as above; durability os against group",
              .floor_name = "group",
              .floor = [&](int round) { return pair.store.run(load(round)); },
              .store = [&](int round) { return os.run(load(round)); }});
}

void run_cold_row(Report& report, Pair& pair) {
  if (!report.wants("get_cold") && !report.wants("put_cold")) return;
  const TempDirectory directory;
  NodeOptions options;
  options.protocol.objects.cache_bytes = 1;
  const Store cold(directory.path(), options);
  cold.fill(0, kKeys);
  const auto row = [&](FloorKind kind, const std::string& name, std::uint64_t count) {
    const auto load = [=](int round) { return load_of(kind, count, round); };
    RowPlan plan = against_floor(
        pair, name, "the same with DynaKV's memory of recent objects off: all read RocksDB", load);
    plan.store = [&cold, load](int round) { return cold.run(store_load_of(load(round))); };
    report.run(plan);
  };
  row(FloorKind::kPut, "put_cold", report.options().count(60'000));
  row(FloorKind::kGet, "get_cold", report.options().count(120'000));
}

}  // namespace

void run_cluster_rows(Report& report) {
  if (!report.wants_any({"put", "put_blind", "get", "put_cold", "get_cold", "put_3_clients",
                         "get_3_clients", "put_many", "get_many", "latency_put", "latency_get",
                         "contexts", "durability_os"})) {
    return;
  }
  Pair pair;
  run_rate_rows(report, pair);
  run_cold_row(report, pair);
  run_latency_rows(report, pair);
  const BenchOptions& options = report.options();
  for (const FloorKind kind : {FloorKind::kPut, FloorKind::kGet}) {
    const std::uint64_t count = options.count(kind == FloorKind::kPut ? 60'000 : 120'000);
    run_three_clients_row(report, pair, kind, count);
    run_many_row(report, pair, kind, count);
  }
  run_durability_row(report, pair);
  run_context_row(report, pair.store);
}

}  // namespace dynakv::bench

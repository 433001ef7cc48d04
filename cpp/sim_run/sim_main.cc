// Runs seeds: `dynakv_sim_run --first S --seeds N`. Each seed is one whole cluster with its clients
// and faults; the exit code says what kind of failure came first: 2 usage, 3 safety, 4 liveness,
// 5 nondeterminism, 6 a rare situation that a long run never met. The last line of a failure is the
// command that replays it. A tenth of the seeds run the real store under their disks, or all with
// `--rocksdb`. `--nodes 1000` runs one large cluster instead (sim/many_nodes.h).
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dynakv/sim/many_nodes.h"
#include "dynakv/sim/report.h"
#include "dynakv/sim/run.h"
#include "dynakv/sim/shrink.h"
#include "sim_run/rocksdb_sim_store.h"

namespace {

using dynakv::Plan;
using dynakv::PlanLimits;
using dynakv::Report;
using dynakv::RunKind;
using dynakv::RunResult;

constexpr int kUnmetStatus = 6;
constexpr std::uint64_t kFailuresShown = 5;

struct Arguments {
  std::uint64_t first = 1;
  std::uint64_t count = 100;
  std::uint64_t jobs = 1;
  std::uint64_t repeat_every = 20;
  std::uint64_t nodes = 0;
  bool verbose = false;
  bool trace = false;
  bool shrink = false;
  bool points = false;
  bool rocksdb = false;
};

bool parse(int argc, char** argv, Arguments& arguments) {
  const std::map<std::string, std::uint64_t*> numbers = {
      {"--first", &arguments.first},
      {"--seeds", &arguments.count},
      {"--jobs", &arguments.jobs},
      {"--nodes", &arguments.nodes},
      {"--repeat-every", &arguments.repeat_every}};
  const std::map<std::string, bool*> switches = {{"--verbose", &arguments.verbose},
                                                 {"--trace", &arguments.trace},
                                                 {"--shrink", &arguments.shrink},
                                                 {"--points", &arguments.points},
                                                 {"--rocksdb", &arguments.rocksdb}};
  bool good = true;
  for (int i = 1; i < argc && good; ++i) {
    if (const auto number = numbers.find(argv[i]); number != numbers.end() && i + 1 < argc) {
      char* end = nullptr;
      *number->second = std::strtoull(argv[++i], &end, 10);
      good = *argv[i] != '\0' && *end == '\0';
    } else if (const auto flag = switches.find(argv[i]); flag != switches.end()) {
      *flag->second = true;
    } else {
      good = false;
    }
  }
  if (good && arguments.jobs >= 1) return true;
  std::fprintf(stderr,
               "usage: dynakv_sim_run [--first S] [--seeds N] [--jobs N] [--repeat-every N]\n"
               "                      [--points] [--verbose] [--trace] [--shrink] [--rocksdb]\n"
               "       dynakv_sim_run --nodes N [--first S]\n");
  return false;
}

struct SeedRun {
  Plan plan;
  RunResult result;
};

SeedRun run_seed(std::uint64_t seed, const Arguments& arguments) {
  SeedRun run{dynakv::draw_plan(seed, PlanLimits{}), {}};
  run.plan.simulation.tracing = arguments.trace;
  if (run.plan.wants_real_store || arguments.rocksdb) {
    run.plan.simulation.store = dynakv::new_rocksdb_sim_store;
  }
  run.result = dynakv::run_plan(run.plan);
  if (arguments.repeat_every > 0 && seed % arguments.repeat_every == 0 &&
      dynakv::run_plan(run.plan).trace_hash != run.result.trace_hash) {
    run.result.kind = RunKind::nondeterminism;
    run.result.violations.push_back({"determinism", "the same seed gave another trace", {}});
  }
  return run;
}

/// Runs seeds on several threads and hands their results out in the order of the seeds. A run
/// itself stays on one thread.
class Runner {
 public:
  explicit Runner(const Arguments& arguments)
      : arguments_(arguments), next_(arguments.first), end_(arguments.first + arguments.count) {
    for (std::uint64_t i = 0; i < arguments.jobs; ++i) {
      threads_.emplace_back([this] { work(); });
    }
  }

  SeedRun wait_for(std::uint64_t seed) {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return runs_.contains(seed); });
    return std::move(runs_.extract(seed).mapped());
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (next_ < end_) {
      const std::uint64_t seed = next_++;
      lock.unlock();
      SeedRun run = run_seed(seed, arguments_);
      lock.lock();
      runs_.emplace(seed, std::move(run));
      done_.notify_all();
    }
  }

  const Arguments& arguments_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::uint64_t next_;
  std::uint64_t end_;
  std::map<std::uint64_t, SeedRun> runs_;
  std::vector<std::jthread> threads_;
};

double in_ms(dynakv::Instant at) { return static_cast<double>(at.nanoseconds) / 1e6; }

void print_run(const SeedRun& run, const Arguments& arguments) {
  const RunResult& result = run.result;
  if (arguments.verbose) {
    std::printf("seed %llu: %s  acked %llu, read %llu, failed %llu, events %llu, hash %016llx\n",
                static_cast<unsigned long long>(run.plan.seed), describe_setup(run.plan).c_str(),
                static_cast<unsigned long long>(result.acked_writes),
                static_cast<unsigned long long>(result.answered_gets),
                static_cast<unsigned long long>(result.failed_operations),
                static_cast<unsigned long long>(result.event_count),
                static_cast<unsigned long long>(result.trace_hash));
  }
  for (const auto& event : result.trace) {
    std::printf("  %10.3f ms  %s host=%d peer=%d %s\n", in_ms(event.at), event.kind.c_str(),
                event.host, event.peer, event.detail.c_str());
  }
}

void print_failure(const Plan& plan, const RunResult& result, const Arguments& arguments) {
  std::printf("seed %llu: %s\n", static_cast<unsigned long long>(plan.seed),
              describe_setup(plan).c_str());
  for (const auto& fault : plan.faults) std::printf("  %s\n", describe(fault).c_str());
  std::size_t shown = 0;
  for (const auto& violation : result.violations) {
    std::printf("  %10.3f ms  %s violated: %s\n", in_ms(violation.at), violation.invariant.c_str(),
                violation.detail.c_str());
    if (++shown == 12) break;
  }
  std::printf("replay: ./dev sim --first %llu --seeds 1 --verbose%s\n",
              static_cast<unsigned long long>(plan.seed), arguments.rocksdb ? " --rocksdb" : "");
}

void print_shrunk(const SeedRun& run) {
  const dynakv::ShrunkPlan shrunk = dynakv::shrink(run.plan, run.result);
  std::printf("reduced in %d runs to %zu operations and %zu faults:\n%s", shrunk.runs,
              shrunk.plan.operations.size(), shrunk.plan.faults.size(), to_table(shrunk).c_str());
}

/// Prints what all runs together have shown; the exit status.
int conclude(const Report& report, const Arguments& arguments, double seconds) {
  const double virtual_seconds = static_cast<double>(report.virtual_time().nanoseconds) / 1e9;
  std::printf("%.1f seeds/s, %.0f events/s, %.0f x real time; %s",
              static_cast<double>(report.runs()) / seconds,
              static_cast<double>(report.events()) / seconds, virtual_seconds / seconds,
              report.totals().c_str());
  const bool must_meet_all = report.runs() >= dynakv::kRunsToMeetAll;
  if (arguments.points || must_meet_all) {
    std::printf("seeds, share and situation:\n%s", report.points().c_str());
  }
  if (report.failed() > 0) return static_cast<int>(report.kind());
  const std::vector<std::string> unmet = report.unmet_points();
  if (!must_meet_all || unmet.empty()) return 0;
  for (const std::string& name : unmet) std::printf("never met: %s\n", name.c_str());
  return kUnmetStatus;
}

/// The most memory that the process had so far, as the kernel tells; 0 where it does not.
std::uint64_t peak_memory_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::strtoull(line.c_str() + 6, nullptr, 10) / 1024;
  }
  return 0;
}

int run_large_cluster(const Arguments& arguments) {
  const auto begin = std::chrono::steady_clock::now();
  dynakv::ManyNodesOptions options;
  options.node_count = static_cast<int>(arguments.nodes);
  options.seed = arguments.first;
  const dynakv::ManyNodesResult result = dynakv::run_many_nodes(options);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf(
      "%d nodes, formed after %.1f virtual s; %llu writes acknowledged, %llu failed; "
      "%llu events, %.1f virtual s in %.1f s, %llu MiB: %s\n",
      options.node_count, static_cast<double>(result.formed_after.nanoseconds) / 1e9,
      static_cast<unsigned long long>(result.acked_writes),
      static_cast<unsigned long long>(result.failed_operations),
      static_cast<unsigned long long>(result.events),
      static_cast<double>(result.virtual_time.nanoseconds) / 1e9, took.count(),
      static_cast<unsigned long long>(peak_memory_mib()),
      result.problem.empty() ? "good" : result.problem.c_str());
  return result.problem.empty() ? 0 : static_cast<int>(RunKind::safety);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) return 2;
  if (arguments.nodes > 0) return run_large_cluster(arguments);
  const auto begin = std::chrono::steady_clock::now();
  Report report;
  Runner runner(arguments);
  for (std::uint64_t seed = arguments.first; seed < arguments.first + arguments.count; ++seed) {
    const SeedRun run = runner.wait_for(seed);
    report.add(run.result);
    print_run(run, arguments);
    if (run.result.kind == RunKind::clean) continue;
    if (report.failed() <= kFailuresShown) print_failure(run.plan, run.result, arguments);
    if (arguments.shrink && report.failed() == 1 && run.result.kind != RunKind::nondeterminism) {
      print_shrunk(run);
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return conclude(report, arguments, took.count());
}

// Runs seeds: `dynakv_sim_run --first S --seeds N`. Each seed is one whole cluster with its clients
// and faults; the exit code says what kind of failure came first: 2 usage, 3 safety, 4 liveness,
// 5 nondeterminism. The last line of a failure is the command that replays it.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "dynakv/sim/run.h"
#include "dynakv/sim/shrink.h"

namespace {

using dynakv::Plan;
using dynakv::PlanLimits;
using dynakv::RunKind;
using dynakv::RunResult;

struct Arguments {
  std::uint64_t first = 1;
  std::uint64_t count = 100;
  bool verbose = false;
  bool trace = false;
  bool shrink = false;
  std::uint64_t repeat_every = 20;
};

bool parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto number = [&](std::uint64_t& target) {
      if (i + 1 >= argc) return false;
      char* end = nullptr;
      target = std::strtoull(argv[++i], &end, 10);
      return *end == '\0';
    };
    bool good = true;
    if (name == "--first") {
      good = number(arguments.first);
    } else if (name == "--seeds") {
      good = number(arguments.count);
    } else if (name == "--repeat-every") {
      good = number(arguments.repeat_every);
    } else if (name == "--verbose") {
      arguments.verbose = true;
    } else if (name == "--shrink") {
      arguments.shrink = true;
    } else if (name == "--trace") {
      arguments.trace = true;
    } else {
      good = false;
    }
    if (!good) {
      std::fprintf(stderr,
                   "usage: dynakv_sim_run [--first S] [--seeds N] [--repeat-every N] "
                   "[--verbose] [--trace] [--shrink]\n");
      return false;
    }
  }
  return true;
}

void print_failure(const Plan& plan, const RunResult& result) {
  std::printf("seed %llu: %s\n", static_cast<unsigned long long>(plan.seed),
              describe_setup(plan).c_str());
  for (const auto& fault : plan.faults) std::printf("  %s\n", describe(fault).c_str());
  std::size_t shown = 0;
  for (const auto& violation : result.violations) {
    std::printf("  %10.3f ms  %s violated: %s\n",
                static_cast<double>(violation.at.nanoseconds) / 1e6, violation.invariant.c_str(),
                violation.detail.c_str());
    if (++shown == 12) break;
  }
  std::printf("replay: ./dev sim --first %llu --seeds 1 --verbose\n",
              static_cast<unsigned long long>(plan.seed));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) return 2;
  const auto begin = std::chrono::steady_clock::now();
  std::map<std::string, std::uint64_t> violated;
  std::uint64_t failed = 0;
  std::uint64_t events = 0;
  std::uint64_t acked = 0;
  std::uint64_t gets = 0;
  std::uint64_t errors = 0;
  double virtual_seconds = 0;
  RunKind worst = RunKind::clean;
  for (std::uint64_t seed = arguments.first; seed < arguments.first + arguments.count; ++seed) {
    Plan plan = dynakv::draw_plan(seed, PlanLimits{});
    plan.simulation.tracing = arguments.trace;
    RunResult result = dynakv::run_plan(plan);
    if (arguments.repeat_every > 0 && seed % arguments.repeat_every == 0 &&
        dynakv::run_plan(plan).trace_hash != result.trace_hash) {
      result.kind = RunKind::nondeterminism;
      result.violations.push_back({"determinism", "the same seed gave another trace", {}});
    }
    events += result.event_count;
    acked += result.acked_writes;
    gets += result.answered_gets;
    errors += result.failed_operations;
    virtual_seconds += static_cast<double>(result.virtual_time.nanoseconds) / 1e9;
    if (arguments.verbose) {
      std::printf("seed %llu: %s  acked %llu, read %llu, failed %llu, events %llu, hash %016llx\n",
                  static_cast<unsigned long long>(seed), describe_setup(plan).c_str(),
                  static_cast<unsigned long long>(result.acked_writes),
                  static_cast<unsigned long long>(result.answered_gets),
                  static_cast<unsigned long long>(result.failed_operations),
                  static_cast<unsigned long long>(result.event_count),
                  static_cast<unsigned long long>(result.trace_hash));
    }
    for (const auto& event : result.trace) {
      std::printf("  %10.3f ms  %s host=%d peer=%d %s\n",
                  static_cast<double>(event.at.nanoseconds) / 1e6, event.kind.c_str(), event.host,
                  event.peer, event.detail.c_str());
    }
    if (result.kind == RunKind::clean) continue;
    ++failed;
    for (const auto& violation : result.violations) ++violated[violation.invariant];
    if (worst == RunKind::clean) worst = result.kind;
    if (failed <= 5) print_failure(plan, result);
    if (arguments.shrink && failed == 1 && result.kind != RunKind::nondeterminism) {
      const dynakv::ShrunkPlan shrunk = dynakv::shrink(plan, result);
      std::printf("reduced in %d runs to %zu operations and %zu faults:\n%s", shrunk.runs,
                  shrunk.plan.operations.size(), shrunk.plan.faults.size(),
                  to_table(shrunk).c_str());
    }
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf(
      "%llu seeds, %llu failed; %.1f seeds/s, %.0f events/s, %.0f x real time; "
      "%llu writes acknowledged, %llu gets answered, %llu operations failed\n",
      static_cast<unsigned long long>(arguments.count), static_cast<unsigned long long>(failed),
      static_cast<double>(arguments.count) / seconds, static_cast<double>(events) / seconds,
      virtual_seconds / seconds, static_cast<unsigned long long>(acked),
      static_cast<unsigned long long>(gets), static_cast<unsigned long long>(errors));
  for (const auto& [invariant, count] : violated) {
    std::printf("  %s: %llu violations\n", invariant.c_str(),
                static_cast<unsigned long long>(count));
  }
  return static_cast<int>(worst);
}

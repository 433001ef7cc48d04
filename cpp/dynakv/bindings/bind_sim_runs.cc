#include "dynakv/bindings/bind_sim_runs.h"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "dynakv/bindings/process_life.h"
#include "dynakv/bindings/sim_history.h"
#include "dynakv/sim/run.h"
#include "dynakv/sim/shrink.h"
#include "dynakv/sim/space_time.h"

namespace dynakv {
namespace {

namespace py = pybind11;

struct SeedRun {
  Plan plan;
  RunResult result;
};

constexpr std::array<const char*, 6> kVerbs = {"get",    "put",       "blind put",
                                               "delete", "overwrite", "put if absent"};

const char* kind_name(RunKind kind) {
  switch (kind) {
    case RunKind::clean:
      return "clean";
    case RunKind::safety:
      return "safety";
    case RunKind::liveness:
      return "liveness";
    case RunKind::nondeterminism:
      return "nondeterminism";
  }
  return "unknown";
}

double seconds_of(Duration span) { return seconds_of(Instant{} + span); }

PlanLimits limits_from(int operations, double length) {
  PlanLimits limits;
  limits.operation_count = operations;
  limits.length = duration_from(length);
  return limits;
}

using GoesOn = std::function<bool()>;

/// Runs `work` so that a signal can end the wait. An interrupted caller does not wait: the work is
/// told to end.
template <typename T>
T run_with_stop(std::function<T(const GoesOn&)> work) {
  const auto goes_on = std::make_shared<std::atomic<bool>>(true);
  try {
    return run_interruptibly<T>(
        [work = std::move(work), goes_on] { return work([goes_on] { return goes_on->load(); }); });
  } catch (...) {
    goes_on->store(false);
    throw;
  }
}

SeedRun run_one(std::uint64_t seed, const PlanLimits& limits) {
  return run_with_stop<SeedRun>([seed, limits](const GoesOn& goes_on) {
    SeedRun run{draw_plan(seed, limits), {}};
    run.result = run_plan(run.plan, goes_on);
    return run;
  });
}

py::dict seed_fields(const SeedRun& run) {
  const auto& [plan, result] = run;
  py::list violations;
  for (const Violation& each : result.violations) {
    violations.append(py::make_tuple(each.invariant, each.detail, seconds_of(each.at)));
  }
  py::dict fields;
  fields["seed"] = plan.seed;
  fields["kind"] = kind_name(result.kind);
  fields["setup"] = describe_setup(plan);
  fields["violations"] = py::tuple(violations);
  fields["acked_writes"] = result.acked_writes;
  fields["answered_gets"] = result.answered_gets;
  fields["failed_operations"] = result.failed_operations;
  fields["events"] = result.event_count;
  fields["virtual_seconds"] = seconds_of(result.virtual_time);
  fields["trace_hash"] = result.trace_hash;
  return fields;
}

py::dict run_seed(std::uint64_t seed, int operations, double length) {
  return seed_fields(run_one(seed, limits_from(operations, length)));
}

py::list operations_of(const Plan& plan) {
  py::list rows;
  for (const PlannedOperation& each : plan.operations) {
    rows.append(py::make_tuple(seconds_of(each.at), each.client,
                               kVerbs[static_cast<std::size_t>(each.kind)], each.key,
                               each.quorum.text()));
  }
  return rows;
}

py::list faults_of(const Plan& plan) {
  py::list rows;
  for (const PlannedFault& each : plan.faults) {
    rows.append(py::make_tuple(seconds_of(each.at), std::string(fault_name(each.kind)), each.a,
                               each.b, each.amount, seconds_of(each.lasts)));
  }
  return rows;
}

/// None when the seed runs clean; else (the seed's run, what is left of it, operations, faults,
/// runs spent, a table of it).
py::object shrink_seed(std::uint64_t seed, int operations, double length, int run_count_max) {
  const SeedRun failing = run_one(seed, limits_from(operations, length));
  if (failing.result.violations.empty()) return py::none();
  const auto shrunk = run_with_stop<ShrunkPlan>([failing, run_count_max](const GoesOn& goes_on) {
    return shrink(failing.plan, failing.result, run_count_max, goes_on);
  });
  const py::dict left = seed_fields({shrunk.plan, shrunk.result});
  return py::make_tuple(seed_fields(failing), left, operations_of(shrunk.plan),
                        faults_of(shrunk.plan), shrunk.runs,
                        space_time_table(shrunk.plan, shrunk.result.violations));
}

}  // namespace

void bind_sim_runs(py::module_& module) {
  module.def("run_seed", &run_seed);
  module.def("shrink_seed", &shrink_seed);
}

}  // namespace dynakv

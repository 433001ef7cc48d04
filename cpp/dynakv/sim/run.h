// Runs a plan on a simulation under the oracle's eyes: faults first, then everything heals.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dynakv/sim/oracle.h"
#include "dynakv/sim/plan.h"
#include "dynakv/sim/sim_sometimes.h"

namespace dynakv {

enum class RunKind : std::uint8_t { clean = 0, safety = 3, liveness = 4, nondeterminism = 5 };

struct RunResult {
  RunKind kind = RunKind::clean;
  std::vector<Violation> violations;
  std::uint64_t trace_hash = 0;
  std::uint64_t event_count = 0;
  std::uint64_t acked_writes = 0;
  std::uint64_t answered_gets = 0;
  std::uint64_t failed_operations = 0;
  std::uint64_t store_calls = 0;
  std::uint64_t messages = 0;
  Duration virtual_time;
  std::vector<SimEvent> trace;
  /// How often the run met each rare situation.
  PointCounts points{};
};

/// Every few virtual seconds `goes_on`, if there is one, is asked whether the result is still
/// wanted. If not, the run ends, and its result means nothing.
RunResult run_plan(const Plan& plan, const std::function<bool()>& goes_on = {});

}  // namespace dynakv

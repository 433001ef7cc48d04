// Reduces a failing plan to something a person can read: first faults, then what perturbs it, then
// operations, nodes, keys and clients, each as long as the run still violates the same invariant.
//
// Delta debugging over the plan as data. Random streams are split by purpose and entity, so that
// taking one fault away leaves the rest of the run nearly as it was. Where that is not near enough,
// faults are taken away together with a new draw of all delays.
// Source: Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input (2002).
#pragma once

#include <functional>
#include <string>

#include "dynakv/sim/run.h"

namespace dynakv {

struct ShrunkPlan {
  Plan plan;
  RunResult result;
  int runs = 0;
};

/// `failing` is the result of `plan`. At most `run_count_max` runs are spent; before and during
/// each of them `goes_on`, if there is one, may put an end to it.
ShrunkPlan shrink(const Plan& plan, const RunResult& failing, int run_count_max = 400,
                  std::function<bool()> goes_on = {});

/// The rest as a space-time table: faults, operations, and what was violated.
std::string to_table(const ShrunkPlan& shrunk);

}  // namespace dynakv

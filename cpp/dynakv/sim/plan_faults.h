// The faults of a plan: which, when, and on which nodes. Only sim/plan.cc needs it.
#pragma once

#include "dynakv/base/random.h"
#include "dynakv/sim/plan.h"

namespace dynakv {

/// Adds faults to a plan whose cluster and operations are drawn. Each sort has a stream of its own
/// (of `random`): the others stay where they are when one is added or taken out.
void draw_all_faults(Plan& plan, const PlanLimits& limits, const Random& random);

}  // namespace dynakv

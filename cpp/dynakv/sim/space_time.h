// A plan and its violations as a table for people: time goes down, and each host has a column.
#pragma once

#include <string>
#include <vector>

#include "dynakv/sim/oracle.h"
#include "dynakv/sim/plan.h"

namespace dynakv {

/// Clients first, then nodes. The first violations are shown where they happened.
std::string space_time_table(const Plan& plan, const std::vector<Violation>& violations);

}  // namespace dynakv

// The operations of a simulation's clients, with replies and times, as Python sees them.
#pragma once

#include <pybind11/pybind11.h>

#include <cmath>
#include <memory>

#include "dynakv/bindings/results.h"
#include "dynakv/bindings/sim_log.h"

namespace dynakv {

inline Duration duration_from(double seconds_count) {
  return {static_cast<std::int64_t>(std::llround(seconds_count * 1e9))};
}

/// (client, flow, verb, bucket, key, value, context, condition, start, end, outcome). None stands
/// for the value of a verb that has none, for a context that was not given, and for the end and the
/// outcome of an operation that is under way. The outcome is what a batch of it would give.
pybind11::tuple history_row(const SimRecord& record, const std::shared_ptr<const Layout>& layout);

}  // namespace dynakv

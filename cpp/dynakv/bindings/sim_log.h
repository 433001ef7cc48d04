// What was asked of a simulation, and at which point of its run. A simulation is a pure function of
// its options and of the calls made on it, so this is enough to have it a second time.
//
// A point is the number of events that have run and the virtual time: between two events time may
// have been let pass. Queries are no calls; running on is none either, the points say it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "dynakv/node/client.h"
#include "dynakv/sim/simulation.h"

namespace dynakv {

class SimHandle;

struct SimPoint {
  std::uint64_t events = 0;
  Instant now;
};

/// May be made on any handle, and knows nothing of Python.
using SimCall = std::function<void(SimHandle&)>;

struct SimLogEntry {
  SimPoint at;
  SimCall call;
};

using SimLog = std::vector<std::shared_ptr<const SimLogEntry>>;

/// Where a simulation was, and how it came there.
struct SimSnapshot {
  SimulationOptions options;
  SimLog log;
  SimPoint at;
  std::uint64_t trace_hash = 0;
};

/// One operation of a client, from its start on.
struct SimRecord {
  int client = 0;
  Operation operation;
  Instant started;
  Instant ended;
  /// The client's calendar clock when the reply came.
  WallTime wall;
  /// Nothing while the operation is on its way.
  std::optional<Reply> reply;
};

SimPoint point_of(const Simulation& simulation);

/// Runs at most `event_count` events towards `point`; says whether it is reached. A simulation that
/// has no more events, or has gone past the point, stays where it is, and says that it is.
bool run_towards(Simulation& simulation, const SimPoint& point, std::uint64_t event_count);

}  // namespace dynakv

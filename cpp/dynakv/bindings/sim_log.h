// The calls made on a simulation, and the point of its run at which each was made. A simulation is
// a pure function of its options and of these calls, so they are enough to make it again.
//
// A point is the number of events that have run and the virtual time: time may pass between two
// events. Queries are not kept. Neither are calls that only run the simulation: the points show
// those.
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

/// A call can be made on any handle, and knows nothing of Python.
using SimCall = std::function<void(SimHandle&)>;

struct SimLogEntry {
  SimPoint at;
  SimCall call;
};

using SimLog = std::vector<std::shared_ptr<const SimLogEntry>>;

/// Where a simulation was, and how it got there.
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

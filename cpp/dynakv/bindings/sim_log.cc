#include "dynakv/bindings/sim_log.h"

#include <limits>

namespace dynakv {

SimPoint point_of(const Simulation& simulation) {
  return {simulation.event_count(), simulation.now()};
}

bool run_towards(Simulation& simulation, const SimPoint& point, std::uint64_t event_count) {
  constexpr Instant kNever{std::numeric_limits<std::int64_t>::max()};
  for (; simulation.event_count() < point.events; --event_count) {
    if (event_count == 0) return false;
    if (!simulation.step(kNever)) return true;
  }
  // In a run that is the same no event is left before the point: time passes, and that is all.
  if (simulation.now() < point.now) (void)simulation.step(point.now);
  return true;
}

}  // namespace dynakv

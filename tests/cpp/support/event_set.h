// The dumb twin of version vectors and contexts: the set of events itself.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>

#include "dynakv/domain/context.h"

namespace dynakv::test {

using EventSet = std::set<Dot>;

inline EventSet events_of(const VersionVector& vector) {
  EventSet events;
  for (const Dot& entry : vector.entries()) {
    for (std::uint64_t n = 1; n <= entry.counter; ++n) events.insert({entry.actor, n});
  }
  return events;
}

inline EventSet events_of(const Context& context) {
  EventSet events = events_of(context.vector());
  events.insert(context.isolated().begin(), context.isolated().end());
  return events;
}

inline EventSet united(EventSet a, const EventSet& b) {
  a.insert(b.begin(), b.end());
  return a;
}

inline bool includes(const EventSet& a, const EventSet& b) {
  return std::includes(a.begin(), a.end(), b.begin(), b.end());
}

/// The same events, each added by itself in the set's order.
inline Context context_of(const EventSet& events) {
  Context context;
  for (const Dot& event : events) context.add_isolated(event);
  return context;
}

}  // namespace dynakv::test

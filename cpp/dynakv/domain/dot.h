// A dot: the name of one write event, (actor, counter) [DVV §3].
#pragma once

#include <compare>
#include <string>

#include "dynakv/base/types.h"

namespace dynakv {

/// Counters start at 1; 0 means "none yet" in a version vector and never names an event.
struct Dot {
  ActorId actor{};
  std::uint64_t counter = 0;

  auto operator<=>(const Dot&) const = default;
};

/// "actor:counter" with the actor's first eight hexadecimal digits, for people.
std::string to_string(const Dot& dot);

}  // namespace dynakv

// Placement: computes the ring's table by a draft.
//
// All members call for slots in the order of claims.h. A slot takes the callers in turn, until it
// has enough; it passes over a member that is full (shares.h), or whose zone it already has while
// other zones are left. The first three places are settled for all slots before the next four, and
// those before the fallbacks, because three copies are the default and deserve the best balance.
// Then each slot's callers are put in order so that every prefix is spread over zones, and shorter
// prefixes (N = 1, 2) are balanced as well.
//
// Invariants: 1. no slot takes a member twice; 2. every prefix of a walk covers as many zones as
// it can: min(its length, zones), and no zone has more than its share rounded up; zones win over
// balance; 3. a pure function of its arguments.
//
// Source: Dynamo §4.2, §4.3, §6.2; departs from the paper: a draft instead of a walk along hashed
// tokens, because it balances better and moves less (docs/decisions/membership.md has the figures).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dynakv/domain/claims.h"
#include "dynakv/domain/layout.h"

namespace dynakv {

/// The members of `layout` in order of their ids.
std::vector<Place> places_of(const Layout& layout);

/// The walks of all slots, `walk_length` indices into `places` each.
/// REQUIRES: places as from places_of, walk_length <= places.size().
std::vector<std::uint16_t> place_slots(const std::vector<Place>& places, std::size_t walk_length);

}  // namespace dynakv

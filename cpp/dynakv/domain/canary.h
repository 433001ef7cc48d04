// Bugs to plant in the pure values (base/canary.h).
#pragma once

#include "dynakv/base/canary.h"

namespace dynakv {

// clang-format off
/// X(name, what it breaks)
#define DYNAKV_DOMAIN_CANARY_TABLE(X)                                                             \
  X(reply_shows_object_context, "DESIGN 4: a put's reply carries the object's context")           \
  X(reply_dot_in_vector,        "DESIGN 4: the reply's own dot enters the vector")                \
  X(superseded_dots_dropped,    "DESIGN 4 as first written: superseded isolated dots are dropped")\
  X(clock_without_dots,         "B9: what a put has seen is dropped only where it has seen all")  \
  X(expiry_forgets_context,     "B20: an expired value takes its dot with it")                    \
  X(put_drops_unseen,           "I3: a put drops siblings that it has not seen")                  \
  X(join_keeps_covered,         "I2: a join keeps what the other side has seen superseded")       \
  X(delete_forgets_context,     "I2: a delete does not join its context")                         \
  X(quorum_counts_twice,        "B33: a node that answers twice counts twice")                    \
  X(quorum_one_too_few,         "I9: one acknowledgement less than W is enough")                  \
  X(removed_member_returns,     "B37: a removed id comes back with an old state")                 \
  X(late_incarnation_wins,      "B38: a late state of an old incarnation wins")
// clang-format on

DYNAKV_DEFINE_CANARIES(DomainCanary, kDomainCanaries, DYNAKV_DOMAIN_CANARY_TABLE)

}  // namespace dynakv

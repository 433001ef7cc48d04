// One write as an event of one object: the rules of DESIGN §4 for puts and deletes, whichever node
// coordinates them. An owner counts its events for the slot, a fallback for its hint record.
#pragma once

#include <functional>
#include <optional>

#include "dynakv/base/result.h"
#include "dynakv/base/time.h"
#include "dynakv/domain/hybrid_clock.h"
#include "dynakv/domain/object.h"
#include "dynakv/protocol/messages.h"
#include "dynakv/protocol/options.h"

namespace dynakv {

/// Gives out the next event. Called at most once, and only when the write is accepted.
using DotSource = std::function<Dot()>;

/// Adds the write of a writer that had seen `seen` to `object`. Returns the dot of the event, or
/// nothing for a delete of siblings, which makes none. If the write is there already (a client's
/// retry), it keeps its event. Errors: too_many_siblings, clock_skew; `object` is unchanged then.
Result<std::optional<Dot>> add_event(Now now, const WriteRequest& request, const Context& seen,
                                     const ProtocolOptions& options, HybridClock& clock,
                                     const DotSource& next_dot, Object& object);

}  // namespace dynakv

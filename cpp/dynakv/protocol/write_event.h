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

/// A write that is to become an event.
struct WriteEvent {
  const WriteRequest& request;
  /// What its writer had seen.
  const Context& seen;
  DotSource next_dot;
};

class EventMaker {
 public:
  explicit EventMaker(const CoordinatorOptions& options) : options_(options) {}

  /// Adds the write to `object`. Returns the dot of the event, or nothing for a delete of siblings,
  /// which makes none. If the write is there already (a client's retry), it keeps its event.
  /// Errors: too_many_siblings, clock_skew; `object` is unchanged then.
  Result<std::optional<Dot>> add(Now now, const WriteEvent& event, Object& object);

 private:
  /// May the value stand beside the siblings that stay? Errors: too_many_siblings.
  Status check_siblings(const WriteEvent& event, const Object& object) const;
  /// Errors: clock_skew.
  Result<HybridTime> stamp_for(Now now, const Object& object);

  const CoordinatorOptions& options_;
  HybridClock clock_;
};

}  // namespace dynakv

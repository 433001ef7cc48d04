#include "dynakv/protocol/write_event.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "dynakv/base/canary.h"
#include "dynakv/base/sometimes.h"

namespace dynakv {
namespace {

/// The value and the siblings that stay beside it would pass object_bytes_max.
bool too_large_together(const WriteRequest& request, const Context& seen, const Object& object,
                        const ProtocolOptions& options) {
  if (object.kind() != ObjectKind::siblings) return false;
  std::size_t surviving_bytes = 0;
  for (const Sibling& sibling : object.siblings()) {
    if (!seen.covers(sibling.dot)) surviving_bytes += sibling.payload.value.size();
  }
  return surviving_bytes > 0 && surviving_bytes + request.value.size() > options.object_bytes_max;
}

}  // namespace

Result<std::optional<Dot>> add_event(Now now, const WriteRequest& request, const Context& seen,
                                     const ProtocolOptions& options, HybridClock& clock,
                                     const DotSource& next_dot, Object& object) {
  if (object.kind() == ObjectKind::siblings && request.kind == WriteKind::remove) {
    object.remove(seen);
    return std::optional<Dot>{};
  }
  const auto& siblings = object.siblings();
  const auto earlier = std::find_if(siblings.begin(), siblings.end(), [&](const Sibling& sibling) {
    return request.write_id != 0 && sibling.payload.write_id == request.write_id;
  });
  sometimes(Sometimes::write_deduplicated, earlier != siblings.end());
  if (earlier != siblings.end() && !canary(Canary::retry_is_new_event)) {
    return std::optional<Dot>{earlier->dot};
  }

  const auto surviving = std::count_if(siblings.begin(), siblings.end(), [&](const Sibling& s) {
    return object.kind() == ObjectKind::siblings && !seen.covers(s.dot);
  });
  const auto replaced = std::ssize(siblings) - surviving;
  sometimes(Sometimes::blind_put_made_sibling, seen.empty() && surviving > 0);
  sometimes(Sometimes::third_sibling, surviving >= 2);
  sometimes(Sometimes::siblings_merged, replaced >= 2);
  sometimes(Sometimes::partial_supersede, replaced > 0 && surviving > 0);
  if (static_cast<std::size_t>(surviving) >= options.sibling_count_max) {
    sometimes(Sometimes::too_many_siblings);
    return fail(ErrorCode::too_many_siblings,
                "the key has " + std::to_string(surviving) +
                    " siblings that this write has not seen; read the key, reconcile, and put "
                    "with the context");
  }
  // Only registers are ordered by time; elsewhere a stamp is for people, and no clock may stop a
  // put.
  HybridTime written_at = HybridTime::from_wall(now.wall);
  if (object.kind() == ObjectKind::last_write_wins) {
    const HybridTime newest = siblings.empty() ? HybridTime{} : siblings.front().payload.written_at;
    const auto next = clock.next(now.wall, newest);
    if (!next) return fail(next.error());
    written_at = *next;
  }
  if (too_large_together(request, seen, object, options)) {
    return fail(ErrorCode::too_many_siblings,
                "the siblings that this write has not seen are too large together with it; read "
                "the key, reconcile, and put with the context");
  }
  const Dot dot = next_dot();
  if (request.kind == WriteKind::remove) {
    object.put_deletion(dot, written_at, request.write_id);
    return std::optional<Dot>{dot};
  }
  Payload payload{request.value, request.content_type, written_at, 0, request.write_id};
  if (request.ttl > Duration{}) {
    payload.expires_at_ms =
        now.wall.milliseconds + std::max<std::int64_t>(request.ttl.milliseconds(), 1);
  }
  object.put(seen, dot, std::move(payload));
  return std::optional<Dot>{dot};
}

}  // namespace dynakv

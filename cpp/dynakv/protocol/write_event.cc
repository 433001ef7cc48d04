#include "dynakv/protocol/write_event.h"

#include <algorithm>
#include <string>
#include <utility>

#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {

Status EventMaker::check_siblings(const WriteEvent& event, const Object& object) const {
  if (object.kind() != ObjectKind::siblings) return {};
  std::size_t surviving = 0;
  std::size_t surviving_bytes = 0;
  for (const Sibling& sibling : object.siblings()) {
    if (event.seen.covers(sibling.dot)) continue;
    ++surviving;
    surviving_bytes += sibling.payload.value.size();
  }
  const std::size_t replaced = object.siblings().size() - surviving;
  sometimes(Sometimes::blind_put_made_sibling, event.seen.empty() && surviving > 0);
  sometimes(Sometimes::third_sibling, surviving >= 2);
  sometimes(Sometimes::siblings_merged, replaced >= 2);
  sometimes(Sometimes::partial_supersede, replaced > 0 && surviving > 0);
  if (surviving >= options_.sibling_count_max) {
    sometimes(Sometimes::too_many_siblings);
    return fail(ErrorCode::too_many_siblings,
                "the key has " + std::to_string(surviving) +
                    " siblings that this write has not seen; read the key, reconcile, and put "
                    "with the context");
  }
  if (surviving_bytes > 0 &&
      surviving_bytes + event.request.value.size() > options_.object_bytes_max) {
    return fail(ErrorCode::too_many_siblings,
                "the siblings that this write has not seen are too large together with it; read "
                "the key, reconcile, and put with the context");
  }
  return {};
}

Result<HybridTime> EventMaker::stamp_for(Now now, const Object& object) {
  // Only registers are ordered by time; elsewhere a stamp is for people, and no clock may stop a
  // put.
  if (object.kind() != ObjectKind::last_write_wins) return HybridTime::from_wall(now.wall);
  const auto& siblings = object.siblings();
  const HybridTime newest = siblings.empty() ? HybridTime{} : siblings.front().payload.written_at;
  return clock_.next(now.wall, newest);
}

Result<std::optional<Dot>> EventMaker::add(Now now, const WriteEvent& event, Object& object) {
  const WriteRequest& request = event.request;
  if (object.kind() == ObjectKind::siblings && request.kind == WriteKind::remove) {
    object.remove(event.seen);
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

  if (const Status fits = check_siblings(event, object); !fits) return fail(fits.error());
  const auto written_at = stamp_for(now, object);
  if (!written_at) return fail(written_at.error());
  const Dot dot = event.next_dot();
  if (request.kind == WriteKind::remove) {
    object.put_deletion(dot, *written_at, request.write_id);
    return std::optional<Dot>{dot};
  }
  Payload payload{request.value, request.content_type, *written_at, 0, request.write_id};
  if (request.ttl > Duration{}) {
    payload.expires_at_ms =
        now.wall.milliseconds + std::max<std::int64_t>(request.ttl.milliseconds(), 1);
  }
  object.put(event.seen, dot, std::move(payload));
  return std::optional<Dot>{dot};
}

}  // namespace dynakv

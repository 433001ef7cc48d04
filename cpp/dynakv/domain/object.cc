#include "dynakv/domain/object.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "dynakv/base/check.h"
#include "dynakv/domain/canary.h"

namespace dynakv {
namespace {

bool dot_less(const Sibling& a, const Sibling& b) { return a.dot < b.dot; }

bool wins_over(const Sibling& a, const Sibling& b) {
  // An expired copy of a write wins over one that has not expired yet (B20).
  return std::tie(a.payload.written_at, a.dot, a.deleted) >
         std::tie(b.payload.written_at, b.dot, b.deleted);
}

}  // namespace

std::optional<Object> Object::from_parts(ObjectKind kind, Context context,
                                         std::vector<Sibling> siblings) {
  for (std::size_t i = 0; i < siblings.size(); ++i) {
    if (siblings[i].dot.counter == 0 || !context.covers(siblings[i].dot)) return std::nullopt;
    if (i > 0 && !dot_less(siblings[i - 1], siblings[i])) return std::nullopt;
    if (siblings[i].deleted && kind != ObjectKind::last_write_wins) return std::nullopt;
  }
  if (kind == ObjectKind::last_write_wins) {
    if (siblings.size() > 1) return std::nullopt;
    Context own;
    for (const Sibling& sibling : siblings) own.add_isolated(sibling.dot);
    if (context != own) return std::nullopt;
  }
  Object object(kind);
  object.context_ = std::move(context);
  object.siblings_ = std::move(siblings);
  return object;
}

void Object::put(const Context& seen, const Dot& dot, Payload payload) {
  DYNAKV_CHECK(dot.counter > 0);
  DYNAKV_CHECK(context_.highest_counter_of(dot.actor) < dot.counter);
  DYNAKV_CHECK(seen.highest_counter_of(dot.actor) < dot.counter);
  Sibling fresh{dot, std::move(payload), false};
  if (kind_ == ObjectKind::last_write_wins) {
    Object other(kind_);
    other.context_.add_isolated(dot);
    other.siblings_.push_back(std::move(fresh));
    join_register(other);
    return;
  }
  const bool keeps_all = canary(DomainCanary::clock_without_dots) && !seen.descends(context_);
  std::erase_if(siblings_, [&](const Sibling& sibling) {
    return (seen.covers(sibling.dot) && !keeps_all) || canary(DomainCanary::put_drops_unseen);
  });
  context_.join(seen);
  context_.advance(dot);
  siblings_.insert(std::lower_bound(siblings_.begin(), siblings_.end(), fresh, dot_less),
                   std::move(fresh));
}

void Object::remove(const Context& seen) {
  DYNAKV_CHECK(kind_ == ObjectKind::siblings);
  std::erase_if(siblings_, [&](const Sibling& sibling) { return seen.covers(sibling.dot); });
  if (!canary(DomainCanary::delete_forgets_context)) context_.join(seen);
}

void Object::put_deletion(const Dot& dot, HybridTime at, std::uint64_t write_id) {
  DYNAKV_CHECK(kind_ == ObjectKind::last_write_wins && dot.counter > 0);
  Object other(kind_);
  Payload payload;
  payload.written_at = at;
  payload.write_id = write_id;
  other.context_.add_isolated(dot);
  other.siblings_.push_back({dot, std::move(payload), true});
  join_register(other);
}

void Object::join(const Object& other) {
  DYNAKV_CHECK(kind_ == other.kind_);
  if (kind_ == ObjectKind::last_write_wins) {
    join_register(other);
  } else {
    join_siblings(other);
  }
}

void Object::join_siblings(const Object& other) {
  std::vector<Sibling> kept;
  kept.reserve(siblings_.size() + other.siblings_.size());
  auto mine = siblings_.begin();
  auto theirs = other.siblings_.begin();
  while (mine != siblings_.end() || theirs != other.siblings_.end()) {
    const bool take_mine =
        theirs == other.siblings_.end() || (mine != siblings_.end() && mine->dot <= theirs->dot);
    if (take_mine && theirs != other.siblings_.end() && mine->dot == theirs->dot) {
      kept.push_back(std::move(*mine++));
      ++theirs;
    } else if (take_mine) {
      if (!other.context_.covers(mine->dot) || canary(DomainCanary::join_keeps_covered))
        kept.push_back(std::move(*mine));
      ++mine;
    } else {
      if (!context_.covers(theirs->dot)) kept.push_back(*theirs);
      ++theirs;
    }
  }
  siblings_ = std::move(kept);
  context_.join(other.context_);
}

void Object::join_register(const Object& other) {
  if (other.siblings_.empty()) return;
  if (!siblings_.empty() && !wins_over(other.siblings_.front(), siblings_.front())) return;
  siblings_ = other.siblings_;
  context_ = Context{};
  context_.add_isolated(siblings_.front().dot);
}

std::size_t Object::expire(WallTime wall) {
  const auto is_over = [&](const Sibling& sibling) {
    const std::int64_t expires = sibling.payload.expires_at_ms;
    return expires != 0 && expires <= wall.milliseconds && !sibling.deleted;
  };
  if (kind_ == ObjectKind::siblings) {
    const std::size_t dropped = std::erase_if(siblings_, is_over);
    if (siblings_.empty() && canary(DomainCanary::expiry_forgets_context)) context_ = Context{};
    return dropped;
  }
  if (siblings_.empty() || !is_over(siblings_.front())) return 0;
  // Without its stamp a register would let an older value win again.
  Sibling& expired = siblings_.front();
  expired.deleted = true;
  expired.payload.value.clear();
  expired.payload.content_type.clear();
  expired.payload.expires_at_ms = 0;
  return 1;
}

std::size_t Object::live_count() const {
  return static_cast<std::size_t>(std::count_if(siblings_.begin(), siblings_.end(),
                                                [](const Sibling& s) { return !s.deleted; }));
}

Context reply_context(const Context& seen, std::optional<Dot> dot, const Object& before,
                      const Object& after) {
  const auto& found = before.siblings();
  if (std::all_of(found.begin(), found.end(),
                  [&](const Sibling& sibling) { return seen.covers(sibling.dot); }) ||
      canary(DomainCanary::reply_shows_object_context)) {
    return after.context();
  }
  // What this write superseded stays in: the writer's next put may land where only that is known,
  // and must replace it there too (I3, I8).
  Context reply = seen;
  if (canary(DomainCanary::superseded_dots_dropped)) {
    Context kept;
    for (const Dot& entry : reply.vector().entries()) kept.advance(entry);
    for (const Dot& isolated : reply.isolated()) {
      const bool superseded = std::any_of(found.begin(), found.end(),
                                          [&](const Sibling& s) { return s.dot == isolated; });
      if (!superseded) kept.add_isolated(isolated);
    }
    reply = std::move(kept);
  }
  if (dot && canary(DomainCanary::reply_dot_in_vector)) reply.advance(*dot);
  if (dot) reply.add_isolated(*dot);
  return reply;
}

}  // namespace dynakv

#include "dynakv/domain/membership.h"

#include <algorithm>

#include "dynakv/base/byte_io.h"
#include "dynakv/domain/canary.h"

namespace dynakv {
namespace {

constexpr std::uint8_t kFormatVersion = 2;
constexpr std::uint8_t kReadyFlag = 1;
constexpr std::uint8_t kDiskFullFlag = 2;
constexpr std::uint8_t kRecoveringFlag = 4;

bool wins_over(const MemberState& state, const MemberState& known) {
  const bool same_age = !state.at.is_newer_than(known.at) && !known.at.is_newer_than(state.at);
  if (same_age) return encode_member_state(state) > encode_member_state(known);
  if (canary(DomainCanary::removed_member_returns) && known.has_left()) return true;
  if (canary(DomainCanary::late_incarnation_wins) && !known.has_left()) {
    return state.at.incarnation != known.at.incarnation || state.at.version > known.at.version;
  }
  return state.at.is_newer_than(known.at);
}

bool says_the_same(MemberState a, const MemberState& b) {
  a.at.version = b.at.version;
  a.at.changed = b.at.changed;
  return a == b;
}

/// Calls `visit(own, line)` for each line of this side, with the sender's line of it or null, and
/// `visit(null, line)` for lines of ids that are not known here.
template <typename Visit>
void walk(const std::vector<MemberVersion>& lines, const std::vector<MemberVersion>& digest,
          Visit visit) {
  auto own = lines.begin();
  for (const MemberVersion& line : digest) {
    for (; own != lines.end() && own->id < line.id; ++own) visit(&*own, nullptr);
    const bool is_known = own != lines.end() && own->id == line.id;
    visit(is_known ? &*own : nullptr, &line);
    if (is_known) ++own;
  }
  for (; own != lines.end(); ++own) visit(&*own, nullptr);
}

}  // namespace

void Membership::set_layout(const Layout& layout) {
  layout_names_.clear();
  layout_names_.reserve(layout.members.size());
  for (const Member& member : layout.members) layout_names_.emplace_back(member.name, member.id);
  std::sort(layout_names_.begin(), layout_names_.end());
  ids_by_name_.clear();
  for (const auto& [id, state] : states_) note_name(state);
}

Membership::News Membership::merge(const MembershipDelta& delta) {
  News news;
  for (const MemberState& state : delta.states) merge_state(state, news);
  news.beating.reserve(news.beating.size() + delta.heartbeats.size());
  std::size_t next = 0;
  for (const MemberVersion& heartbeat : delta.heartbeats) {
    next = merge_heartbeat(heartbeat, next, news);
  }
  return news;
}

void Membership::merge_state(const MemberState& state, News& news) {
  const NodeId& id = state.at.id;
  MemberState* known = states_.find(id);
  const bool is_full = known == nullptr && states_.size() >= kMemberCountMax;
  if (is_full || (state.at.incarnation > kIncarnationMax && !state.has_left())) {
    ++dropped_count_;
    return;
  }
  if (known == nullptr) {
    states_[id] = state;
    has_lines_ = false;
    news.changed.push_back(id);
    note_name(state);
  } else {
    if (!wins_over(state, *known)) return;
    if (!says_the_same(state, *known)) news.changed.push_back(id);
    const bool changes_name = state.name != known->name || state.has_left() != known->has_left();
    if (changes_name) forget_name(*known);
    *known = state;
    follow_line(state.at);
    if (changes_name) note_name(state);
  }
  news.beating.push_back(id);
}

const NodeId* Membership::layout_owner_of(const Bytes& name) const {
  const auto at =
      std::lower_bound(layout_names_.begin(), layout_names_.end(), name,
                       [](const auto& named, const Bytes& n) { return named.first < n; });
  return at != layout_names_.end() && at->first == name ? &at->second : nullptr;
}

void Membership::note_name(const MemberState& state) {
  if (state.has_left()) return;
  const NodeId* owner = layout_owner_of(state.name);
  if (owner != nullptr && *owner == state.at.id) return;
  ids_by_name_[state.name].insert(state.at.id);
}

std::size_t Membership::merge_heartbeat(const MemberVersion& heartbeat, std::size_t guess,
                                        News& news) {
  const std::size_t position = states_.position_of(heartbeat.id, guess);
  if (position == states_.kNowhere) return guess;
  MemberState& state = states_.value_at(position);
  MemberVersion& known = state.at;
  const bool is_of_this_state =
      heartbeat.incarnation == known.incarnation && heartbeat.changed <= known.version;
  if (state.has_left() || !is_of_this_state || heartbeat.version <= known.version) {
    return position + 1;
  }
  known.version = heartbeat.version;
  if (has_lines_) lines_[position] = known;
  news.beating.push_back(heartbeat.id);
  return position + 1;
}

void Membership::follow_line(const MemberVersion& at) {
  if (has_lines_) lines_[states_.position_of(at.id)] = at;
}

void Membership::forget_name(const MemberState& state) {
  const auto named = ids_by_name_.find(state.name);
  if (named == ids_by_name_.end()) return;
  named->second.erase(state.at.id);
  if (named->second.empty()) ids_by_name_.erase(named);
}

const std::vector<MemberVersion>& Membership::digest() const {
  if (!has_lines_) {
    lines_.clear();
    lines_.reserve(states_.size());
    for (const auto& [id, state] : states_) lines_.push_back(state.at);
    has_lines_ = true;
  }
  return lines_;
}

void Membership::add_update(const MemberVersion& own, const MemberVersion* known,
                            MembershipDelta& delta) const {
  if (known != nullptr && !own.is_newer_than(*known)) return;
  const bool has_content =
      known != nullptr && known->incarnation == own.incarnation && known->version >= own.changed;
  if (has_content) {
    delta.heartbeats.push_back(own);
  } else {
    delta.states.push_back(*find(own.id));
  }
}

MembershipDelta Membership::delta_for(const std::vector<MemberVersion>& digest) const {
  MembershipDelta delta;
  walk(this->digest(), digest, [&](const MemberVersion* own, const MemberVersion* line) {
    if (own != nullptr) add_update(*own, line, delta);
  });
  return delta;
}

std::vector<MemberVersion> Membership::wanted_from(const std::vector<MemberVersion>& digest) const {
  std::vector<MemberVersion> wanted;
  walk(this->digest(), digest, [&](const MemberVersion* own, const MemberVersion* line) {
    if (line == nullptr) return;
    const MemberVersion known = own != nullptr ? *own : MemberVersion{.id = line->id};
    if (line->is_newer_than(known) && wanted.size() < kMemberCountMax) wanted.push_back(known);
  });
  return wanted;
}

MembershipDelta Membership::answer_to(const std::vector<MemberVersion>& wanted) const {
  MembershipDelta delta;
  for (const MemberVersion& line : wanted) {
    if (const MemberState* state = find(line.id)) {
      add_update(state->at, line.incarnation == 0 ? nullptr : &line, delta);
    }
  }
  return delta;
}

Membership::News Membership::mark_left(const NodeId& id) {
  MemberState left;
  left.at = {.id = id, .incarnation = kLeftIncarnation};
  return merge({left});
}

const MemberState* Membership::find(const NodeId& id) const { return states_.find(id); }

NodeId Membership::owner_of(const Bytes& name) const {
  if (const NodeId* owner = layout_owner_of(name)) return *owner;
  const auto named = ids_by_name_.find(name);
  return named != ids_by_name_.end() ? *named->second.begin() : NodeId{};
}

bool Membership::is_refused(const NodeId& id) const {
  const MemberState* state = find(id);
  return state != nullptr && !state->has_left() && owner_of(state->name) != id;
}

std::uint64_t Membership::refused_count() const {
  std::uint64_t count = 0;
  for (const auto& [name, ids] : ids_by_name_) {
    count += ids.size() - static_cast<std::uint64_t>(ids.count(owner_of(name)));
  }
  return count;
}

Bytes encode_member_state(const MemberState& state) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.fixed(kFormatVersion);
  out.fixed(state.at.id.high);
  out.fixed(state.at.id.low);
  out.fixed(state.at.incarnation);
  out.fixed(state.at.version);
  out.fixed(state.at.changed);
  out.string(state.name);
  out.string(state.address);
  out.fixed(static_cast<std::uint8_t>((state.ready ? kReadyFlag : 0) |
                                      (state.disk_full ? kDiskFullFlag : 0) |
                                      (state.recovering ? kRecoveringFlag : 0)));
  out.fixed(to_number(state.layout));
  out.fixed(state.directory.high);
  out.fixed(state.directory.low);
  return bytes;
}

Result<MemberState> decode_member_state(BytesView bytes) {
  ByteReader in(bytes);
  MemberState state;
  if (in.fixed<std::uint8_t>() != kFormatVersion) in.refuse();
  state.at.id.high = in.fixed<std::uint64_t>();
  state.at.id.low = in.fixed<std::uint64_t>();
  state.at.incarnation = in.fixed<std::uint64_t>();
  state.at.version = in.fixed<std::uint64_t>();
  state.at.changed = in.fixed<std::uint64_t>();
  state.name = Bytes(in.string());
  state.address = Bytes(in.string());
  const auto flags = in.fixed<std::uint8_t>();
  if (flags > (kReadyFlag | kDiskFullFlag | kRecoveringFlag)) in.refuse();
  state.ready = (flags & kReadyFlag) != 0;
  state.disk_full = (flags & kDiskFullFlag) != 0;
  state.recovering = (flags & kRecoveringFlag) != 0;
  state.layout = static_cast<LayoutVersion>(in.fixed<std::uint64_t>());
  state.directory.high = in.fixed<std::uint64_t>();
  state.directory.low = in.fixed<std::uint64_t>();
  if (in.finished()) return state;
  return fail(ErrorCode::corruption, "the record of a member is malformed");
}

}  // namespace dynakv

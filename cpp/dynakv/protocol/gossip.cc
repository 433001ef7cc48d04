#include "dynakv/protocol/gossip.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dynakv/protocol/store_keys.h"

namespace dynakv {
namespace {

constexpr TimerId kRoundTimer{TimerKind::gossip_round, 0};
constexpr TimerId kSuspicionTimer{TimerKind::suspicion, 0};
/// Quiet peers that are asked at a time. Usually there is none; half a cluster's silence at once is
/// no reason for as many digests.
constexpr std::size_t kQuietAskedMax = 16;

}  // namespace

Gossip::Gossip(const Needs& needs, Random random)
    : options_(needs.options),
      identity_(needs.identity),
      store_(needs.store),
      view_(needs.view),
      membership_(needs.membership),
      random_(random),
      detector_([&] {
        const GossipOptions& gossip = needs.options.protocol.gossip;
        FailureDetectorOptions detector = gossip.detector;
        detector.interval_expected = gossip.interval;
        return detector;
      }()) {}

Status Gossip::load() {
  auto records =
      store_.scan(Space::node_state, kMemberPrefix, end_of_prefix(kMemberPrefix), kMemberCountMax);
  if (!records) return fail(records.error());
  std::vector<MemberState> states;
  for (const auto& [key, value] : *records) {
    auto state = decode_member_state(value);
    if (!state) return fail(state.error());
    states.push_back(std::move(*state));
  }
  membership_.merge(states);
  return {};
}

MachineInputs Gossip::inputs() const {
  return {.timers = {TimerKind::gossip_round, TimerKind::suspicion},
          .waiter = Waiter::gossip,
          .requests = {kKindOf<GossipDigest>, kKindOf<GossipDelta>}};
}

Status Gossip::start(Now now, Outbox& out) {
  if (view_.has_layout()) follow_layout(now);
  if (const Status loaded = load(); !loaded) return loaded;
  for (const auto& [id, state] : membership_.states()) watch(id, now.steady);
  const Duration interval = options_.protocol.gossip.interval;
  // Nodes that were started together do not gossip together.
  round_at_ = now.steady + Duration{random_.between(0, interval.nanoseconds)};
  out.set_timer(kRoundTimer, round_at_);
  return {};
}

void Gossip::watch(const NodeId& id, Instant now) {
  const MemberState* state = membership_.find(id);
  if (id == identity_.id()) return;
  if (state != nullptr && state->has_left()) {
    detector_.forget(id);
    return view_.set_suspect(id, false);
  }
  detector_.watch(id, now);
}

void Gossip::follow_layout(Now now) {
  membership_.set_layout(view_.layout());
  for (const Member& member : view_.layout().members) watch(member.id, now.steady);
  ++peers_revision_;
}

void Gossip::handle_peer_up(Now now, const Hello& hello, Outbox& out) {
  view_.set_up(hello.sender);
  detector_.watch(hello.sender, now.steady);
  note_heard(now, hello.sender);
  ++peers_revision_;
  // Version 0 of this life; what the peer says itself from version 1 on is newer.
  MemberState said;
  said.at = {.id = hello.sender, .incarnation = hello.progress.incarnation};
  said.name = hello.name;
  said.address = hello.address;
  said.layout = hello.layout;
  said.directory = hello.directory;
  if (hello.progress.incarnation != 0) merge(now, {{std::move(said)}, {}});
  if (!view_.has_layout() && !options_.contact_points.empty()) {
    ask_for_layout(now, hello.sender, out);
  }
}

void Gossip::handle_peer_down(Now, const NodeId& peer, Outbox&) {
  view_.set_down(peer);
  ++peers_revision_;
}

void Gossip::note_heard(Now now, const NodeId& from) {
  detector_.heard(from, now.steady);
  if (view_.is_suspect(from)) view_.set_suspect(from, false);
}

GossipHead Gossip::head() const {
  if (!view_.has_layout()) return {};
  return {view_.layout().cluster, view_.version(), view_.digest()};
}

void Gossip::beat() {
  MemberState next = self_;
  next.at.id = identity_.id();
  next.at.incarnation = identity_.incarnation();
  ++next.at.version;
  next.name = options_.name;
  next.address = options_.address;
  const StoreCondition condition = store_.condition();
  next.ready = identity_.may_make_events() && condition != StoreCondition::failed;
  next.disk_full = condition == StoreCondition::disk_full;
  next.layout = view_.version();
  next.recovering = identity_.is_amnesic();
  next.directory = identity_.directory();
  MemberState unchanged = self_;
  unchanged.at.version = next.at.version;
  if (next != unchanged) next.at.changed = next.at.version;
  self_ = std::move(next);
  membership_.merge({self_});
}

void Gossip::excuse_lateness(Instant now, Instant expected) {
  const Duration late = now - expected;
  if (late > options_.protocol.gossip.interval) detector_.excuse(late, now);
}

void Gossip::handle_timer(Now now, TimerId timer, Outbox& out) {
  if (timer == kRoundTimer) return handle_round(now, out);
  excuse_lateness(now.steady, suspicion_at_);
  review(now, out);
}

void Gossip::handle_round(Now now, Outbox& out) {
  excuse_lateness(now.steady, round_at_);
  const Duration interval = options_.protocol.gossip.interval;
  round_at_ = now.steady + interval - Duration{random_.between(0, interval.nanoseconds / 8)};
  out.set_timer(kRoundTimer, round_at_);
  ++counters_.rounds;
  review(now, out);
  if (!view_.has_layout()) {
    if (options_.contact_points.empty() || view_.up().empty()) return;
    const auto at = static_cast<std::size_t>(random_.below(view_.up().size()));
    return ask_for_layout(now, view_.up()[at], out);
  }
  beat();
  send_digest(now, choose_peers(), out);
}

void Gossip::send_digest(Now now, std::vector<NodeId> peers, Outbox& out) {
  if (peers.empty() || !view_.has_layout()) return;
  for (const NodeId& peer : peers) detector_.asked(peer, now.steady);
  out.send(std::move(peers), ids_.next(identity_.progress()),
           GossipDigest{head(), membership_.digest()});
}

std::vector<NodeId> Gossip::choose_peers() {
  std::vector<NodeId> peers = view_.up();
  const std::size_t fanout = options_.protocol.gossip.fanout;
  for (std::size_t i = 0; i < std::min(fanout, peers.size()); ++i) {
    std::swap(peers[i], peers[i + static_cast<std::size_t>(random_.below(peers.size() - i))]);
  }
  peers.resize(std::min(fanout, peers.size()));
  // One lost message must not look like a lost peer.
  random_.shuffle(owing_);
  for (const NodeId& id : owing_) {
    if (peers.size() >= 2 * fanout) break;
    if (view_.is_up(id) && std::find(peers.begin(), peers.end(), id) == peers.end()) {
      peers.push_back(id);
    }
  }
  return peers;
}

void Gossip::review(Now now, Outbox& out) {
  FailureDetector::Review review = detector_.review(now.steady, round_at_);
  const std::set<NodeId> suspects(review.suspects.begin(), review.suspects.end());
  const std::set<NodeId> before = view_.suspects();
  for (const NodeId& id : before) {
    if (!suspects.contains(id)) view_.set_suspect(id, false);
  }
  for (const NodeId& id : suspects) {
    if (before.contains(id)) continue;
    ++counters_.suspicions;
    view_.set_suspect(id, true);
  }
  owing_ = std::move(review.owing);
  suspicion_at_ = review.next;
  if (review.next < round_at_) out.set_timer(kSuspicionTimer, review.next);
  std::erase_if(review.quiet, [this](const NodeId& id) { return !view_.is_up(id); });
  if (review.quiet.size() > kQuietAskedMax) review.quiet.resize(kQuietAskedMax);
  send_digest(now, std::move(review.quiet), out);
}

void Gossip::ask_for_layout(Now now, const NodeId& from, Outbox& out) {
  if (now.steady - layout_asked_at_ < options_.protocol.gossip.interval / 2) return;
  layout_asked_at_ = now.steady;
  out.send(from, ids_.next(identity_.progress()), LayoutRequest{});
}

bool Gossip::follow_head(Now now, const NodeId& from, const GossipHead& head, Outbox& out) {
  if (head.layout > view_.version() &&
      (!view_.has_layout() || head.cluster == view_.layout().cluster)) {
    ask_for_layout(now, from, out);
  }
  if (!view_.has_layout() || head.cluster != view_.layout().cluster) return false;
  if (head.layout == view_.version() && head.layout_digest != view_.digest()) {
    ++counters_.layout_conflicts;
  }
  return true;
}

void Gossip::handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) {
  dispatch(*this, now, {from, message}, out);
}

void Gossip::handle_message(Now, const Origin&, LayoutReply reply, Outbox&) {
  layout_heard_ = std::move(reply.layout);
}

void Gossip::handle_message(Now now, const Origin& from, const GossipDigest& digest, Outbox& out) {
  GossipDelta answer{head(), {}, {}};
  const bool fits = digest.members.size() <= kMemberCountMax;
  if (!fits) ++counters_.messages_refused;
  if (follow_head(now, from.node, digest.head, out) && fits) {
    answer.delta = membership_.delta_for(digest.members);
    answer.wanted = membership_.wanted_from(digest.members);
  }
  // Also with nothing to say: that it answers is what the sender needs to know.
  out.answer(from, std::move(answer));
}

void Gossip::handle_message(Now now, const Origin& from, const GossipDelta& delta, Outbox& out) {
  if (!follow_head(now, from.node, delta.head, out)) return;
  if (delta.wanted.size() > kMemberCountMax) {
    ++counters_.messages_refused;
    return;
  }
  merge(now, delta.delta);
  if (delta.wanted.empty()) return;
  out.answer(from, GossipDelta{head(), membership_.answer_to(delta.wanted), {}});
}

void Gossip::merge(Now now, MembershipDelta delta) {
  // What others say of this node itself is not merged: it is either old, or of a lost life.
  const auto is_own = [this](const NodeId& id) { return id == identity_.id(); };
  std::erase_if(delta.heartbeats, [&](const MemberVersion& at) { return is_own(at.id); });
  std::erase_if(delta.states, [&](const MemberState& state) {
    if (!is_own(state.at.id) || state.has_left()) return false;
    if (state.at.is_newer_than(own_version()) && state.at.incarnation <= kIncarnationMax) {
      const bool is_of_another =
          !state.directory.is_nil() && state.directory != identity_.directory();
      std::optional<std::uint64_t>& news = is_of_another ? taken_over_ : lost_incarnation_;
      news = std::max(news.value_or(0), state.at.incarnation);
    }
    return true;
  });
  const Membership::News news = membership_.merge(delta);
  for (const NodeId& id : news.changed) {
    store_.put(Space::node_state, member_key(id), encode_member_state(*membership_.find(id)));
    watch(id, now.steady);
    ++peers_revision_;
  }
  detector_.heartbeats(news.beating, now.steady);
  if (view_.suspects().empty()) return;
  for (const NodeId& id : news.beating) {
    if (view_.is_suspect(id) && !detector_.is_suspect(id, now.steady)) {
      view_.set_suspect(id, false);
    }
  }
}

MemberVersion Gossip::own_version() const {
  if (self_.at.incarnation == identity_.incarnation()) return self_.at;
  return {.id = identity_.id(), .incarnation = identity_.incarnation()};
}

std::optional<std::uint64_t> Gossip::take_lost_incarnation() {
  return std::exchange(lost_incarnation_, std::nullopt);
}

bool Gossip::was_taken_over() const {
  return taken_over_ && *taken_over_ > identity_.incarnation();
}

}  // namespace dynakv

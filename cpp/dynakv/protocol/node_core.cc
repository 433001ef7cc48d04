#include "dynakv/protocol/node_core.h"

#include <algorithm>
#include <utility>

#include "dynakv/base/canary.h"
#include "dynakv/base/check.h"
#include "dynakv/base/sometimes.h"
#include "dynakv/protocol/node_core_parts.h"
#include "dynakv/protocol/store_keys.h"

namespace dynakv {
namespace {

constexpr TimerId kIdentityCheckTimer{TimerKind::identity_check, 0};

}  // namespace

NodeCore::NodeCore(NodeCoreOptions options, DurableStore& store, Random random)
    : parts_(std::make_unique<Parts>(std::move(options), store, random)) {}

NodeCore::~NodeCore() = default;

Status NodeCore::start(Now now, const StartEvidence& evidence, Outbox& out) {
  Parts& p = *parts_;
  Random ids = p.random.stream("node id");
  const auto loss = p.identity.start(p.options, evidence, ids);
  if (!loss) return fail(loss.error());
#ifdef DYNAKV_CANARIES
  if (canary(Canary::incarnation_from_clock)) p.identity.take_incarnation_from(now.wall);
#endif
  if (const Status loaded = p.actors.load(); !loaded) return fail(loaded.error());
  if (*loss != PastLoss::none && !canary(Canary::actor_outlives_power_loss)) {
    p.actors.retire_all();
  }
  p.past_is_proven = p.identity.is_new() || *loss != PastLoss::none;
  const std::uint64_t run = p.identity.progress().run;
  if (const Status loaded = p.hints.load(run, *loss == PastLoss::none); !loaded) {
    return fail(loaded.error());
  }
  p.handoff.arm(now, out);

  auto stored = p.store.get(Space::node_state, kLayoutKey);
  if (!stored) return fail(stored.error());
  if (stored->has_value()) {
    auto layout = decode_layout(**stored);
    if (!layout) return fail(layout.error());
    p.adopt(std::move(*layout));
    p.gossip.follow_layout(now);
  }
  if (const Status loaded = p.gossip.load(); !loaded) return fail(loaded.error());
  p.gossip.start(now, out);
  p.become_ready_if_checked();
  if (!p.identity.is_past_checked()) {
    out.set_timer(kIdentityCheckTimer, now.steady + p.options.protocol.identity_check_timeout);
  }
  p.recovery.begin(now, out);
  return {};
}

void NodeCore::stop(Now, Outbox&) { parts_->identity.stop(); }

Status NodeCore::adopt_layout(Now now, const Layout& layout, Outbox& out) {
  Parts& p = *parts_;
  if (p.view.has_layout()) {
    if (p.view.digest() == digest_of(layout)) return {};
    return fail(ErrorCode::invalid_argument,
                "the node '" + name() +
                    "' belongs to a cluster already; start it with an empty "
                    "data directory, or without the list of first members");
  }
  const Member* self = layout.find(id());
  if (self == nullptr || self->name != name()) {
    return fail(ErrorCode::invalid_argument,
                "the layout has no member '" + name() + "' with this node's id");
  }
  p.store.put(Space::node_state, kLayoutKey, encode_layout(layout));
  p.adopt(layout);
  p.gossip.follow_layout(now);
  p.recovery.begin(now, out);
  return {};
}

Status NodeCore::form_cluster(Now now, std::vector<Member> members,
                              const BucketProperties& defaults,
                              std::map<Bytes, BucketProperties> buckets, Outbox& out) {
  Parts& p = *parts_;
  const auto self = std::find_if(members.begin(), members.end(),
                                 [this](const Member& member) { return member.name == name(); });
  if (self == members.end()) {
    return fail(ErrorCode::invalid_argument,
                "the list of first members does not name this node, '" + name() + "'");
  }
  if (p.view.has_layout()) {
    const Layout& layout = p.view.layout();
    const bool same = layout.members.size() == members.size() &&
                      std::all_of(members.begin(), members.end(), [&](const Member& member) {
                        return layout.find_by_name(member.name) != nullptr;
                      });
    if (same) return {};
    return fail(ErrorCode::invalid_argument,
                "the node '" + name() +
                    "' belongs to a cluster with other members already; start "
                    "it without the list of first members, or with an empty data directory");
  }
  self->id = id();
  // What the layout will refuse is refused now, not when the last member is heard of.
  std::vector<Member> trial = members;
  for (std::size_t i = 0; i < trial.size(); ++i) trial[i].id = {1, i + 1};
  if (const auto layout = first_layout(std::move(trial), defaults, buckets); !layout) {
    return fail(layout.error());
  }
  p.forming = std::move(members);
  p.forming_defaults = defaults;
  p.forming_buckets = std::move(buckets);
  return finish_forming(now, out);
}

Status NodeCore::finish_forming(Now now, Outbox& out) {
  Parts& p = *parts_;
  if (p.forming.empty() || std::any_of(p.forming.begin(), p.forming.end(),
                                       [](const Member& member) { return member.id.is_nil(); })) {
    return {};
  }
  const auto layout = first_layout(std::exchange(p.forming, {}), p.forming_defaults,
                                   std::exchange(p.forming_buckets, {}));
  if (!layout) return fail(layout.error());
  return adopt_layout(now, *layout, out);
}

Hello NodeCore::hello_for(const NodeId& peer) const {
  const Parts& p = *parts_;
  Hello hello;
  hello.sender = id();
  hello.name = p.options.name;
  hello.address = p.options.address;
  if (p.view.has_layout()) {
    hello.cluster = p.view.layout().cluster;
    hello.layout = p.view.version();
    hello.layout_digest = p.view.digest();
  }
  hello.progress = p.identity.progress();
  hello.progress_seen = p.identity.peers().of(peer);
  hello.directory = p.identity.directory();
  return hello;
}

void NodeCore::handle_peer_up(Now now, const Hello& hello, Outbox& out) {
  Parts& p = *parts_;
  for (Member& member : p.forming) {
    if (member.name == hello.name) member.id = hello.sender;
  }
  // form_cluster() has tried the layout with other ids; only two nodes of one id could still fail.
  if (const Status formed = finish_forming(now, out); !formed) ++p.counters.refused;
  if (p.identity.was_rolled_back(hello.progress_seen) && !canary(Canary::actor_outlives_rollback)) {
    sometimes(Sometimes::rollback_found_by_peer);
    p.be_rolled_back(now, out);
  }
  p.identity.peers().note(hello.sender, hello.progress);
  p.view.set_up(hello.sender);
  p.gossip.handle_peer_up(now, hello, out);
  if (!p.identity.is_past_checked()) p.members_heard.insert(hello.sender);
  p.become_ready_if_checked();
  if (p.identity.is_past_checked()) out.cancel_timer(kIdentityCheckTimer);
  p.handoff.handle_peer_up(now, hello.sender, out);
  p.recovery.handle_peer_up(now, out);
}

void NodeCore::handle_peer_down(Now now, const NodeId& peer, Outbox& out) {
  Parts& p = *parts_;
  p.view.set_down(peer);
  p.gossip.handle_peer_down();
  p.gets.handle_peer_down(now, peer, out);
  p.writes.handle_peer_down(now, peer, out);
  p.forwarder.handle_peer_down(peer, out);
  p.handoff.handle_peer_down(peer);
  p.recovery.handle_peer_down(peer);
  p.handoff.arm(now, out);
}

void NodeCore::handle_timer(Now now, TimerId timer, Outbox& out) {
  Parts& p = *parts_;
  switch (timer.kind) {
    case TimerKind::get_deadline:
      return p.gets.handle_timer(now, out);
    case TimerKind::write_deadline:
      p.writes.handle_timer(now, out);
      return p.handoff.arm(now, out);
    case TimerKind::forward_deadline:
      return p.forwarder.handle_timer(now, out);
    case TimerKind::identity_check:
      sometimes(Sometimes::identity_check_timed_out, !p.past_is_proven);
      if (!p.past_is_proven) p.lose_past();
      // Who stays away says nothing; waiting on would cost availability for as long.
      return p.identity.set_past_checked();
    case TimerKind::hinted_handoff:
      return p.handoff.handle_timer(now, out);
    case TimerKind::recovery:
      return p.recovery.handle_timer(now, out);
    case TimerKind::gossip_round:
      return p.gossip.handle_round(now, is_ready(), out);
    case TimerKind::suspicion:
      return p.gossip.handle_suspicion(now, out);
    case TimerKind::client_deadline:
      DYNAKV_CHECK(!"a node has no client timers");
  }
}

void NodeCore::Parts::lose_past() {
  actors.retire_all();
  hints.distrust_past();
  past_is_proven = true;
}

void NodeCore::Parts::be_rolled_back(Now now, Outbox& out) {
  ++counters.rollbacks_found;
  lose_past();
  if (identity.become_amnesic()) recovery.begin(now, out);
}

void NodeCore::Parts::become_ready_if_checked() {
  if (identity.is_past_checked() || !view.has_layout()) return;
  const auto& members = view.layout().members;
  if (std::all_of(members.begin(), members.end(), [this](const Member& member) {
        return member.id == identity.id() || members_heard.contains(member.id);
      })) {
    past_is_proven = true;
    identity.set_past_checked();
  }
}

void NodeCore::end_step() {
  parts_->actors.end_step();
  parts_->identity.end_step(parts_->store.has_pending());
}

const NodeId& NodeCore::id() const { return parts_->identity.id(); }

const std::string& NodeCore::name() const { return parts_->options.name; }

std::uint64_t NodeCore::incarnation() const { return parts_->identity.incarnation(); }

Progress NodeCore::progress() const { return parts_->identity.progress(); }

const Layout* NodeCore::layout() const {
  return parts_->view.has_layout() ? &parts_->view.layout() : nullptr;
}

bool NodeCore::is_ready() const {
  return parts_->view.has_layout() && parts_->past_is_proven && !parts_->failure;
}

bool NodeCore::is_recovering() const { return parts_->identity.is_amnesic(); }

const std::optional<Error>& NodeCore::failure() const { return parts_->failure; }

std::map<std::string, std::uint64_t> NodeCore::counters() const {
  const Parts& p = *parts_;
  const NodeCounters& c = p.counters;
  return {{"actors_minted", p.actors.minted_count()},
          {"actors_retired", p.actors.retired_count()},
          {"forwarded", c.forwarded},
          {"gets", c.gets},
          {"gossip_rounds", p.gossip.counters().rounds},
          {"hints_delivered", p.handoff.delivered_count()},
          {"hints_made", p.writes.hinted_count()},
          {"hints_pending", p.hints.total_count()},
          {"hints_pending_bytes", p.hints.total_bytes()},
          {"hints_refused", p.hints.refused_count()},
          {"hints_stored", c.hint_puts},
          {"in_flight", p.gets.in_flight() + p.writes.in_flight() + p.forwarder.in_flight()},
          {"layout_conflicts", p.gossip.counters().layout_conflicts},
          {"layouts_learned", c.layouts_learned},
          {"names_refused", p.gossip.membership().refused_count()},
          {"read_repairs", p.gets.repaired_count()},
          {"recovered_records", p.recovery.recovered_count()},
          {"recoveries", p.recovery.completed_count()},
          {"refused", c.refused},
          {"rejoins", c.rejoins},
          {"replica_gets", c.replica_gets},
          {"replica_puts", c.replica_puts},
          {"rollbacks_found", c.rollbacks_found},
          {"suspicions", p.gossip.counters().suspicions},
          {"writes", c.writes}};
}

}  // namespace dynakv

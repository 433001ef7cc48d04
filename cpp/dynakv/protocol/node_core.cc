#include "dynakv/protocol/node_core.h"

#include <utility>

#include "dynakv/base/check.h"
#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/node_core_parts.h"

namespace dynakv {

void NodeCore::Parts::route_to(Machine& machine) {
  const MachineInputs inputs = machine.inputs();
  for (const TimerKind timer : inputs.timers) {
    DYNAKV_CHECK(by_timer.emplace(timer, &machine).second);
  }
  if (inputs.waiter) {
    Machine*& waiting = by_waiter[static_cast<std::uint8_t>(*inputs.waiter)];
    DYNAKV_CHECK(waiting == nullptr);
    waiting = &machine;
  }
  for (const BodyKind kind : inputs.requests) {
    DYNAKV_CHECK(by_request[kind] == nullptr);
    by_request[kind] = &machine;
  }
}

Machine* NodeCore::Parts::machine_for(const Message& message) const {
  if (Machine* machine = by_request[message.body.index()]) return machine;
  return by_waiter[static_cast<std::uint8_t>(RequestIds::waiter_of(message.id))];
}

Status NodeCore::Parts::check(const NodeId& from, const Body& body) const {
  const Sender sender = view.has_member(from) ? Sender::member : Sender::node;
  if (!row_of(body).may_come_from(sender)) {
    return fail(ErrorCode::auth, "only members may send replica requests");
  }
  const LayoutStamp* stamp = stamp_of(body);
  return stamp == nullptr ? Status{} : view.check(*stamp);
}

void NodeCore::Parts::follow(Now now, Outbox& out) {
  if (const auto formed = formation.take_layout()) {
    // begin() has tried the layout with other ids; only two nodes of one id could still fail.
    if (!*formed || !layouts.adopt(**formed)) formation.note_failed();
  }
  if (const auto heard = gossip.take_layout_heard(); heard && layouts.learn(*heard)) {
    formation.give_up();
    past.review();
  }
  if (layouts.take_adopted()) {
    gossip.follow_layout(now);
    recovery.begin(now, out);
  }
  if (rollbacks.take_amnesia()) recovery.begin(now, out);
  if (rejoin.take_takeover()) {
    // The layout comes from the cluster: what the first members were is long past.
    for (const Member& member : formation.give_up()) {
      if (member.name != options.name) options.contact_points.push_back(member.address);
    }
  }
  // Whoever kept a hint, it goes home some time.
  handoff.arm(now, out);
}

void NodeCore::Parts::follow_own_state(const NodeId& from) {
  if (gossip.was_taken_over()) return identity.note_superseded(from);
  if (const auto lost = gossip.take_lost_incarnation()) rollbacks.note_lost_incarnation(*lost);
}

NodeCore::NodeCore(NodeCoreOptions options, DurableStore& store, Random random)
    : parts_(std::make_unique<Parts>(std::move(options), store, random)) {}

NodeCore::~NodeCore() = default;

Status NodeCore::Parts::take_up_past(const StartEvidence& evidence, Now now) {
  Random ids = random.stream("node id");
  const auto loss = identity.start(options, evidence, ids);
  if (!loss) return fail(loss.error());
#ifdef DYNAKV_CANARIES
  if (canary(Canary::incarnation_from_clock)) identity.take_incarnation_from(now.wall);
#else
  (void)now;
#endif
  if (const Status loaded = actors.load(); !loaded) return loaded;
  if (*loss != PastLoss::none && !canary(Canary::actor_outlives_power_loss)) actors.retire_all();
  return hints.load(identity.progress().run, *loss == PastLoss::none);
}

Status NodeCore::start(Now now, const StartEvidence& evidence, Outbox& out) {
  Parts& p = *parts_;
  if (const Status taken = p.take_up_past(evidence, now); !taken) return taken;
  p.handoff.arm(now, out);
  for (const auto& machine : p.machines) {
    if (const Status started = machine->start(now, out); !started) return started;
  }
  return {};
}

void NodeCore::stop(Now, Outbox&) { parts_->identity.stop(); }

Status NodeCore::adopt_layout(Now now, const Layout& layout, Outbox& out) {
  if (const Status adopted = parts_->layouts.adopt(layout); !adopted) return adopted;
  parts_->follow(now, out);
  return {};
}

Status NodeCore::form_cluster(Now now, FirstCluster first, Outbox& out) {
  ClusterFormation& formation = parts_->formation;
  const Status begun = formation.begin(std::move(first));
  if (!begun) return begun;
  const auto formed = formation.take_layout();
  if (!formed) return {};
  return *formed ? adopt_layout(now, **formed, out) : fail(formed->error());
}

void NodeCore::handle_peer_up(Now now, const Hello& hello, Outbox& out) {
  for (const auto& machine : parts_->machines) {
    machine->handle_peer_up(now, hello, out);
    parts_->follow(now, out);
  }
}

void NodeCore::handle_peer_down(Now now, const NodeId& peer, Outbox& out) {
  for (const auto& machine : parts_->machines) machine->handle_peer_down(now, peer, out);
  parts_->follow(now, out);
}

void NodeCore::handle_refusal(Now now, const Refusal& refusal, Outbox& out) {
  for (const auto& machine : parts_->machines) machine->handle_refusal(now, refusal, out);
  parts_->follow(now, out);
}

void NodeCore::handle_message(Now now, const NodeId& from, Message message, Outbox& out) {
  Parts& p = *parts_;
  if (p.identity.failure()) return;
  p.gossip.note_heard(now, from);
  if (std::holds_alternative<StatusRequest>(message.body)) {
    return out.send(from, message.id, p.status(now));
  }
  if (is_data_request(message.body)) {
    p.handle_request(now, from, std::move(message), out);
    return p.follow(now, out);
  }
  Machine* machine = p.machine_for(message);
  if (const Status good = p.check(from, message.body); !good) {
    const bool is_request = p.by_request[message.body.index()] != nullptr;
    if (is_request) out.send(from, message.id, ReplicaError{good.error()});
    return;
  }
  if (machine == nullptr) return;
  const bool may_tell_of_this_node = std::holds_alternative<GossipDelta>(message.body);
  machine->handle_message(now, from, std::move(message), out);
  if (may_tell_of_this_node) p.follow_own_state(from);
  p.follow(now, out);
}

void NodeCore::Parts::handle_request(Now now, const NodeId& from, Message&& message, Outbox& out) {
  auto admitted = admission.admit(from, message, in_flight(), out);
  if (!admitted) return;
  const bool is_ours = admitted->verdict == Verdict::coordinate;
  Machine& machine = is_ours ? *by_request[message.body.index()] : forwarder;
  machine.handle_request(now, {from, std::move(message), std::move(admitted->route)}, out);
}

void NodeCore::handle_timer(Now now, TimerId timer, Outbox& out) {
  const auto machine = parts_->by_timer.find(timer.kind);
  DYNAKV_CHECK(machine != parts_->by_timer.end());
  machine->second->handle_timer(now, timer, out);
  parts_->follow(now, out);
}

void NodeCore::end_step() {
  parts_->actors.end_step();
  parts_->identity.end_step(parts_->store.has_pending());
}

std::vector<Member> NodeCore::peers() const { return contacts_of(parts_->known()); }

std::uint64_t NodeCore::peers_revision() const { return parts_->gossip.peers_revision(); }

std::vector<PeerStatus> NodeCore::peer_statuses(Now now) const {
  return parts_->gossip.statuses(now.steady);
}

std::map<NodeId, PeerState> NodeCore::states_of_doubted(Now now,
                                                        const std::set<NodeId>& also) const {
  return parts_->gossip.states_of_doubted(now.steady, also);
}

const Membership& NodeCore::membership() const { return parts_->membership; }

bool NodeCore::is_suspect(const NodeId& node) const { return parts_->view.is_suspect(node); }

Status NodeCore::check_hello(const Hello& hello) const { return parts_->greeter().check(hello); }

Hello NodeCore::hello_for(const NodeId& peer) const { return parts_->greeter().hello_for(peer); }

Refusal NodeCore::refusal_for(const Hello& hello, Error error) const {
  return parts_->greeter().refusal_for(hello, std::move(error));
}

const NodeId& NodeCore::id() const { return parts_->identity.id(); }

const std::string& NodeCore::name() const { return parts_->options.name; }

std::uint64_t NodeCore::incarnation() const { return parts_->identity.incarnation(); }

Progress NodeCore::progress() const { return parts_->identity.progress(); }

const Layout* NodeCore::layout() const {
  return parts_->view.has_layout() ? &parts_->view.layout() : nullptr;
}

bool NodeCore::is_ready() const {
  return parts_->view.has_layout() && parts_->identity.may_make_events();
}

bool NodeCore::is_recovering() const { return parts_->identity.is_amnesic(); }

const std::optional<Error>& NodeCore::failure() const { return parts_->identity.failure(); }

std::size_t NodeCore::Parts::in_flight() const {
  std::size_t count = 0;
  for (const auto& machine : machines) count += machine->in_flight();
  return count;
}

Counters NodeCore::Parts::counters() const {
  Counters counters{{"in_flight", in_flight()}};
  for (const auto& machine : machines) machine->add_to(counters);
  return counters;
}

std::map<std::string, std::uint64_t> NodeCore::counters() const { return parts_->counters(); }

StatusReply NodeCore::Parts::status(Now now) const {
  StatusReply reply;
  reply.node = identity.id();
  reply.name = options.name;
  reply.layout = view.version();
  reply.incarnation = identity.incarnation();
  reply.ready = view.has_layout() && identity.may_make_events();
  reply.peers = gossip.statuses(now.steady);
  reply.recovering = identity.is_amnesic();
  for (const auto& [name, value] : counters()) reply.counters.emplace_back(name, value);
  return reply;
}

}  // namespace dynakv

#include "dynakv/protocol/node_core.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dynakv/base/canary.h"
#include "dynakv/base/check.h"
#include "dynakv/protocol/actor_table.h"
#include "dynakv/protocol/admission.h"
#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/forwarder.h"
#include "dynakv/protocol/get_coordinator.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/object_table.h"
#include "dynakv/protocol/repeat_filter.h"
#include "dynakv/protocol/replica.h"
#include "dynakv/protocol/request_error.h"
#include "dynakv/protocol/store_keys.h"
#include "dynakv/protocol/write_coordinator.h"

namespace dynakv {

namespace {

constexpr TimerId kIdentityCheckTimer{TimerKind::identity_check, 0};

struct Counters {
  std::uint64_t gets = 0;
  std::uint64_t writes = 0;
  std::uint64_t forwarded = 0;
  std::uint64_t refused = 0;
  std::uint64_t replica_gets = 0;
  std::uint64_t replica_puts = 0;
  std::uint64_t rollbacks_found = 0;
};

}  // namespace

struct NodeCore::Parts {
  Parts(NodeCoreOptions node_options, DurableStore& durable_store, Random node_random)
      : options(std::move(node_options)),
        store(durable_store),
        random(node_random),
        identity(store),
        actors(store, random.stream("actors")),
        objects(store, actors, options.protocol),
        gets(identity.id(), view, objects),
        writes(identity, view, objects, actors, options.protocol),
        forwarder(view),
        replica(view, objects, actors, identity) {}

  void adopt(Layout layout) {
    auto ring = options.ring_source ? options.ring_source(layout) : nullptr;
    view.adopt(std::move(layout), std::move(ring));
  }
  void become_ready_if_checked();
  bool admit(Now now, const NodeId& from, RequestId id, RequestHead& head, Outbox& out);
  bool owns(const RequestHead& head) const;
  bool is_member(const NodeId& node) const;
  void handle_get(Now now, const NodeId& from, RequestId id, GetRequest request, Outbox& out);
  void handle_write(Now now, const NodeId& from, RequestId id, WriteRequest request, Outbox& out);
  void handle_replica_request(Now now, const NodeId& from, Message& message, Outbox& out);
  void handle_reply(Now now, const NodeId& from, Message& message, Outbox& out);
  StatusReply status() const;
  void refuse(const NodeId& from, RequestId id, Error error, Outbox& out) {
    ++counters.refused;
    out.send(from, id, dynakv::refused(std::move(error)));
  }

  NodeCoreOptions options;
  DurableStore& store;
  Random random;
  Identity identity;
  ActorTable actors;
  ObjectTable objects;
  ClusterView view;
  GetCoordinator gets;
  WriteCoordinator writes;
  Forwarder forwarder;
  Replica replica;
  RepeatFilter repeats;
  /// The first members while their ids are being learned; none otherwise.
  std::vector<Member> forming;
  BucketProperties forming_defaults;
  std::map<Bytes, BucketProperties> forming_buckets;
  /// Actors of earlier starts may be used only after every member said what it knows of this node.
  bool past_is_proven = false;
  std::set<NodeId> members_heard;
  Counters counters;
};

NodeCore::NodeCore(NodeCoreOptions options, DurableStore& store, Random random)
    : parts_(std::make_unique<Parts>(std::move(options), store, random)) {}

NodeCore::~NodeCore() = default;

Status NodeCore::start(Now now, const StartEvidence& evidence, Outbox& out) {
  Parts& p = *parts_;
  Random ids = p.random.stream("node id");
  const auto loss = p.identity.start(p.options, evidence, ids);
  if (!loss) return fail(loss.error());
  if (const Status loaded = p.actors.load(); !loaded) return fail(loaded.error());
  if (*loss != PastLoss::none && !canary(Canary::actor_outlives_power_loss)) {
    p.actors.retire_all();
  }
  p.past_is_proven = p.identity.is_new() || *loss != PastLoss::none;

  auto stored = p.store.get(Space::node_state, kLayoutKey);
  if (!stored) return fail(stored.error());
  if (stored->has_value()) {
    auto layout = decode_layout(**stored);
    if (!layout) return fail(layout.error());
    if (layout->find(p.identity.id()) == nullptr) {
      return fail(ErrorCode::invalid_argument,
                  "this data directory's node is not a member of its own layout");
    }
    p.adopt(std::move(*layout));
  }
  if (!p.past_is_proven) {
    out.set_timer(kIdentityCheckTimer, now.steady + p.options.protocol.identity_check_timeout);
    p.become_ready_if_checked();
  }
  return {};
}

void NodeCore::stop(Now, Outbox&) { parts_->identity.stop(); }

Status NodeCore::adopt_layout(Now, const Layout& layout, Outbox&) {
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

std::vector<Member> NodeCore::peers() const {
  std::vector<Member> peers =
      parts_->view.has_layout() ? parts_->view.layout().members : parts_->forming;
  std::erase_if(peers, [this](const Member& member) { return member.name == name(); });
  return peers;
}

Status NodeCore::check_hello(const Hello& hello) const {
  const ClusterView& view = parts_->view;
  if (!view.has_layout()) {
    const auto& forming = parts_->forming;
    if (forming.empty() || hello.role == Role::client ||
        std::any_of(forming.begin(), forming.end(),
                    [&](const Member& member) { return member.name == hello.name; })) {
      return {};
    }
    return fail(ErrorCode::auth,
                "'" + printable(hello.name) + "' is not among the first members of this cluster");
  }
  const Layout& layout = view.layout();
  if (!hello.cluster.is_nil() && hello.cluster != layout.cluster) {
    return fail(ErrorCode::auth, "this node belongs to another cluster; check the address");
  }
  if (hello.role == Role::client) return {};
  if (hello.sender == id()) return fail(ErrorCode::auth, "the sender has this node's own id");
  const Member* member = layout.find(hello.sender);
  if (member != nullptr && member->name == hello.name) return {};
  if (layout.find_by_name(hello.name) != nullptr) {
    return fail(
        ErrorCode::auth,
        "the name '" + printable(hello.name) +
            "' belongs to a node with another id: its "
            "data directory is not the one that the cluster knows; bring that back, or replace "
            "the node under a new layout");
  }
  return fail(ErrorCode::auth, "'" + printable(hello.name) + "' is not a member of this cluster");
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
  hello.progress_seen = p.identity.progress_of_peer(peer);
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
    ++p.counters.rollbacks_found;
    p.actors.retire_all();
    p.past_is_proven = true;
  }
  p.view.set_up(hello.sender);
  p.members_heard.insert(hello.sender);
  p.become_ready_if_checked();
  if (p.past_is_proven) out.cancel_timer(kIdentityCheckTimer);
}

void NodeCore::handle_peer_down(Now now, const NodeId& peer, Outbox& out) {
  Parts& p = *parts_;
  p.view.set_down(peer);
  p.gets.handle_peer_down(now, peer, out);
  p.writes.handle_peer_down(now, peer, out);
  p.forwarder.handle_peer_down(peer, out);
}

void NodeCore::handle_timer(Now now, TimerId timer, Outbox& out) {
  Parts& p = *parts_;
  switch (timer.kind) {
    case TimerKind::get_deadline:
      return p.gets.handle_timer(now, out);
    case TimerKind::write_deadline:
      return p.writes.handle_timer(now, out);
    case TimerKind::forward_deadline:
      return p.forwarder.handle_timer(now, out);
    case TimerKind::identity_check:
      if (!p.past_is_proven) p.actors.retire_all();
      p.past_is_proven = true;
      return;
    case TimerKind::client_deadline:
      DYNAKV_CHECK(!"a node has no client timers");
  }
}

void NodeCore::handle_message(Now now, const NodeId& from, Message message, Outbox& out) {
  Parts& p = *parts_;
  Body& body = message.body;
  const bool is_data_request =
      std::holds_alternative<GetRequest>(body) || std::holds_alternative<WriteRequest>(body);
  if (is_data_request && p.repeats.is_repeated(from, message.id)) return;
  if (auto* get = std::get_if<GetRequest>(&body)) {
    return p.handle_get(now, from, message.id, std::move(*get), out);
  }
  if (auto* write = std::get_if<WriteRequest>(&body)) {
    return p.handle_write(now, from, message.id, std::move(*write), out);
  }
  if (std::holds_alternative<LayoutRequest>(body)) {
    LayoutReply reply;
    if (p.view.has_layout()) reply.layout = encode_layout(p.view.layout());
    return out.send(from, message.id, std::move(reply));
  }
  if (std::holds_alternative<StatusRequest>(body)) {
    StatusReply status = p.status();
    for (const auto& [name, value] : counters()) status.counters.emplace_back(name, value);
    return out.send(from, message.id, std::move(status));
  }
  if (std::holds_alternative<ReplicaGet>(body) || std::holds_alternative<ReplicaPut>(body)) {
    return p.handle_replica_request(now, from, message, out);
  }
  p.handle_reply(now, from, message, out);
}

void NodeCore::Parts::handle_replica_request(Now now, const NodeId& from, Message& message,
                                             Outbox& out) {
  if (!is_member(from)) {
    return out.send(from, message.id,
                    ReplicaError{Error{ErrorCode::auth, "only members may send replica requests"}});
  }
  if (const auto* get = std::get_if<ReplicaGet>(&message.body)) {
    ++counters.replica_gets;
    replica.handle_message(now, from, message.id, *get, out);
  } else if (const auto* put = std::get_if<ReplicaPut>(&message.body)) {
    ++counters.replica_puts;
    replica.handle_message(now, from, message.id, *put, out);
  }
}

void NodeCore::Parts::handle_reply(Now now, const NodeId& from, Message& message, Outbox& out) {
  Body& body = message.body;
  const bool is_for_writes = RequestIds::waiter_of(message.id) == Waiter::write_coordinator;
  if (auto* got = std::get_if<ReplicaGetReply>(&body)) {
    if (is_for_writes) {
      writes.handle_message(now, from, message.id, std::move(*got), out);
    } else {
      gets.handle_message(now, from, message.id, std::move(*got), out);
    }
  } else if (const auto* put = std::get_if<ReplicaPutReply>(&body)) {
    writes.handle_message(now, from, message.id, *put, out);
  } else if (const auto* error = std::get_if<ReplicaError>(&body)) {
    if (is_for_writes) {
      writes.handle_message(now, from, message.id, *error, out);
    } else {
      gets.handle_message(now, from, message.id, *error, out);
    }
  } else if (std::holds_alternative<GetReply>(body) || std::holds_alternative<WriteReply>(body) ||
             std::holds_alternative<ErrorReply>(body)) {
    forwarder.handle_reply(from, message.id, std::move(body), out);
  }
  // Anything else is a reply that nobody waits for; it carries nothing to act on.
}

bool NodeCore::Parts::admit(Now now, const NodeId& from, RequestId id, RequestHead& head,
                            Outbox& out) {
  (void)now;
  if (!view.has_layout()) {
    refuse(from, id, {ErrorCode::not_ready, "this node has no layout yet; try another node"}, out);
  } else if (head.layout != view.version()) {
    refuse(from, id, {ErrorCode::stale_layout, "the request's layout is not this node's"}, out);
  } else if (store.condition() == StoreCondition::failed) {
    refuse(from, id, {ErrorCode::storage, "this node's storage failed; it serves no more"}, out);
  } else if (head.time_left <= Duration{}) {
    refuse(from, id, {ErrorCode::timeout, "the deadline had passed on arrival"}, out);
  } else if (gets.in_flight() + writes.in_flight() + forwarder.in_flight() >=
             options.protocol.in_flight_max) {
    refuse(from, id,
           {ErrorCode::overloaded, "this node has too many requests in flight; slow down"}, out);
  } else {
    head.time_left = std::min(head.time_left, options.protocol.request_timeout_max);
    if (!head.forwarded || owns(head)) return true;
    refuse(from, id, {ErrorCode::stale_layout, "forwarded to a node that does not own the key"},
           out);
  }
  return false;
}

bool NodeCore::Parts::owns(const RequestHead& head) const {
  const int n = view.layout().properties_of(head.bucket).n;
  return view.ring().owns(identity.id(), slot_of(token_of_key(head.key)), n);
}

bool NodeCore::Parts::is_member(const NodeId& node) const {
  return view.has_layout() && view.layout().find(node) != nullptr;
}

void NodeCore::Parts::handle_get(Now now, const NodeId& from, RequestId id, GetRequest request,
                                 Outbox& out) {
  if (const Status valid = validate_head(request.head); !valid) {
    return refuse(from, id, valid.error(), out);
  }
  if (!admit(now, from, id, request.head, out)) return;
  if (owns(request.head)) {
    ++counters.gets;
    return gets.handle_request(now, from, id, request, out);
  }
  ++counters.forwarded;
  forwarder.handle_request(now, from, id, std::move(request), out);
}

void NodeCore::Parts::handle_write(Now now, const NodeId& from, RequestId id, WriteRequest request,
                                   Outbox& out) {
  if (const Status valid = validate_write(request, options.protocol); !valid) {
    return refuse(from, id, valid.error(), out);
  }
  if (!admit(now, from, id, request.head, out)) return;
  if (!owns(request.head)) {
    ++counters.forwarded;
    return forwarder.handle_request(now, from, id, std::move(request), out);
  }
  if (!past_is_proven) {
    return refuse(from, id,
                  {ErrorCode::not_ready,
                   "this node was just restarted and still checks its past; try another owner"},
                  out);
  }
  ++counters.writes;
  writes.handle_request(now, from, id, std::move(request), out);
}

void NodeCore::Parts::become_ready_if_checked() {
  if (past_is_proven || !view.has_layout()) return;
  const auto& members = view.layout().members;
  past_is_proven = std::all_of(members.begin(), members.end(), [this](const Member& member) {
    return member.id == identity.id() || members_heard.contains(member.id);
  });
}

StatusReply NodeCore::Parts::status() const {
  StatusReply reply;
  reply.node = identity.id();
  reply.name = options.name;
  reply.layout = view.version();
  reply.incarnation = identity.incarnation();
  reply.ready = view.has_layout() && past_is_proven;
  if (view.has_layout()) {
    for (const Member& member : view.layout().members) {
      if (member.id != identity.id()) {
        reply.peers.push_back({member.id, view.is_up(member.id)});
      }
    }
  }
  return reply;
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

bool NodeCore::is_ready() const { return parts_->view.has_layout() && parts_->past_is_proven; }

std::map<std::string, std::uint64_t> NodeCore::counters() const {
  const Parts& p = *parts_;
  const Counters& c = p.counters;
  return {{"actors_minted", p.actors.minted_count()},
          {"actors_retired", p.actors.retired_count()},
          {"forwarded", c.forwarded},
          {"gets", c.gets},
          {"in_flight", p.gets.in_flight() + p.writes.in_flight() + p.forwarder.in_flight()},
          {"refused", c.refused},
          {"replica_gets", c.replica_gets},
          {"replica_puts", c.replica_puts},
          {"rollbacks_found", c.rollbacks_found},
          {"writes", c.writes}};
}

}  // namespace dynakv

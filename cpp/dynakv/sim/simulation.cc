#include "dynakv/sim/simulation.h"

#include <algorithm>
#include <utility>

#include "dynakv/adapters/wire_codec.h"
#include "dynakv/base/check.h"
#include "dynakv/base/hash.h"
#include "dynakv/protocol/request_id.h"

namespace dynakv {
Simulation::Simulation(SimulationOptions options)
    : options_(std::move(options)),
      random_(options_.seed),
      events_(random_.stream("events")),
      connection_random_(random_.stream("connections")),
      network_(events_, random_.stream("network"), options_.network,
               [this](int to, int from, const Bytes& frame) { deliver(to, from, frame); }) {
  DYNAKV_CHECK(options_.node_count >= 1);
  clocks_.resize(static_cast<std::size_t>(options_.node_count));
  std::vector<Member> members;
  for (int i = 0; i < options_.node_count; ++i) {
    SimNodeOptions node_options;
    node_options.core.name = "n" + std::to_string(i);
    node_options.core.address = node_options.core.name + ":7400";
    node_options.core.protocol = options_.protocol;
    node_options.core.ring_source = shared_ring();
    node_options.core.effects_wait_for_sync = options_.sync_before_effects;
    node_options.sync_delay_mean = options_.sync_delay_mean;
    node_options.store = options_.store;
    nodes_.push_back(
        std::make_unique<SimNode>(static_cast<SimWorld&>(*this), i, node_options,
                                  random_.stream("node", static_cast<std::uint64_t>(i))));
    DYNAKV_CHECK(node(i).start().has_value());
    hosts_[node(i).id()] = i;
    Member member;
    member.id = node(i).id();
    member.name = node_options.core.name;
    member.address = node_options.core.address;
    if (!options_.zones.empty()) {
      member.zone = options_.zones[static_cast<std::size_t>(i) % options_.zones.size()];
    }
    if (!options_.capacities.empty()) {
      member.capacity_percent =
          options_.capacities[static_cast<std::size_t>(i) % options_.capacities.size()];
    }
    members.push_back(std::move(member));
  }
  auto layout = first_layout(std::move(members), options_.defaults, options_.buckets);
  DYNAKV_CHECK(layout.has_value());
  layout_ = std::move(*layout);
  ring_ = std::make_shared<const Ring>(Ring::build(layout_));
  for (int i = 0; i < node_count(); ++i) node(i).adopt_layout(layout_);
  make_connections();
  for (int i = 0; i < node_count(); ++i) connect_all(i);
}

Simulation::~Simulation() = default;

RingSource Simulation::shared_ring() {
  return [this](const Layout& layout) {
    const bool is_ours = ring_ && digest_of(layout) == digest_of(layout_);
    return is_ours ? ring_ : std::make_shared<const Ring>(Ring::build(layout));
  };
}

void Simulation::run_for(Duration span) {
  const Instant until = now() + span;
  while (step(until)) {
  }
}

bool Simulation::run_until(const std::function<bool()>& condition, Duration limit) {
  const Instant until = now() + limit;
  while (!condition()) {
    if (!step(until)) return condition();
  }
  return true;
}

int Simulation::add_client() {
  const int client = static_cast<int>(clients_.size());
  clients_.push_back(std::make_unique<Client>(
      options_.client, random_.stream("client", static_cast<std::uint64_t>(client)),
      shared_ring()));
  const int host = node_count() + client;
  hosts_[session(client).id()] = host;
  clocks_.emplace_back();
  make_connections();
  Outbox out;
  if (options_.clients_are_told) {
    session(client).set_layout(now_at(host), layout_, out);
  } else {
    session(client).open(now_at(host), out);
  }
  take_client_effects(client, out);
  for (int i = 0; i < node_count(); ++i) dial_after(host, i, {});
  return client;
}

ClientSession& Simulation::session(int client) {
  return clients_[static_cast<std::size_t>(client)]->session;
}

OperationId Simulation::start(int client, SimOperation operation) {
  const auto id = static_cast<OperationId>(++operation_count_);
  Outbox out;
  const Now now = now_at(node_count() + client);
  std::visit([&](auto& what) { session(client).start(now, id, std::move(what), out); }, operation);
  take_client_effects(client, out);
  return id;
}

std::optional<Reply> Simulation::take_reply(OperationId operation) {
  const auto at = replies_.find(operation);
  if (at == replies_.end()) return std::nullopt;
  Reply reply = std::move(at->second);
  replies_.erase(at);
  return reply;
}

void Simulation::take_client_effects(int client, Outbox& out) {
  const int host = node_count() + client;
  for (Effect& effect : out.take()) {
    if (auto* message = std::get_if<Send>(&effect)) {
      send(host, message->to, message->message);
    } else if (auto* set = std::get_if<SetTimer>(&effect)) {
      clients_[static_cast<std::size_t>(client)]->timers[set->timer] = set->at;
      schedule_client_timer(client, set->timer, set->at);
    } else if (auto* reply = std::get_if<Reply>(&effect)) {
      if (on_reply) {
        on_reply(client, *reply);
      } else {
        replies_[reply->operation] = std::move(*reply);
      }
    }
  }
}

void Simulation::schedule_client_timer(int client, TimerId timer, Instant at) {
  const int host = node_count() + client;
  events_.schedule(when(host, at), [this, client, host, timer, at] {
    auto& timers = clients_[static_cast<std::size_t>(client)]->timers;
    const auto set_now = timers.find(timer);
    if (set_now == timers.end() || set_now->second != at) return;
    if (now_at(host).steady < at) return schedule_client_timer(client, timer, at);
    timers.erase(set_now);
    Outbox out;
    session(client).handle_timer(now_at(host), timer, out);
    take_client_effects(client, out);
  });
}

Now Simulation::now_at(int host) { return clock(host).read(now()); }

Instant Simulation::when(int host, Instant steady) { return clock(host).when(steady); }

void Simulation::send(int from, const std::vector<NodeId>& to, const Message& message) {
  std::shared_ptr<Bytes> frame;
  const bool is_request = std::holds_alternative<GetRequest>(message.body) ||
                          std::holds_alternative<WriteRequest>(message.body);
  for (const NodeId& id : to) {
    const int host = host_of(id);
    if (host < 0 || !connection(from, host).is_up) continue;
    if (on_send) on_send(from, host, message);
    if (options_.tracing) remark_repair(from, host, message);
    if (!frame) {
      frame = std::make_shared<Bytes>();
      DYNAKV_CHECK(encode_message(message, *frame));
    }
    network_.send(from, host, frame, is_request);
    const std::uint32_t reset = options_.disturbances.reset_permille;
    if (reset > 0 && connection_random_.chance(reset, 1000)) {
      events_.schedule_in({}, [this, from, host] { reset_connection(from, host); });
    }
  }
}

// Only the two messages of a read repair: the record of a request ends with its reply, so the
// outcome of the repair is seen nowhere else.
void Simulation::remark_repair(int from, int to, const Message& message) {
  const bool is_sent = std::holds_alternative<ReplicaPut>(message.body);
  const bool is_done = std::holds_alternative<ReplicaPutReply>(message.body);
  if (!is_sent && !is_done) return;
  if (RequestIds::waiter_of(message.id) != Waiter::get_coordinator) return;
  remark({now(), is_sent ? "repair sent" : "repaired", from, to,
          "request " + std::to_string(to_number(message.id))});
}

void Simulation::deliver(int to, int from, const Bytes& frame) {
  const NodeId sender = is_client(from) ? session(from - node_count()).id() : node(from).id();
  FrameReader reader;
  reader.accept(sender_of(is_client(from) ? Role::client : Role::node));
  reader.feed(frame);
  auto message = reader.next();
  DYNAKV_CHECK(message.has_value() && message->has_value());
  mix("frame", static_cast<std::uint64_t>(from) << 32 | static_cast<std::uint64_t>(to),
      hash64(frame));
  if (is_client(to)) {
    Outbox out;
    session(to - node_count()).handle_message(now_at(to), sender, std::move(**message), out);
    take_client_effects(to - node_count(), out);
  } else {
    node(to).deliver(sender, std::move(**message));
  }
}

int Simulation::host_of(const NodeId& id) const {
  const auto at = hosts_.find(id);
  return at != hosts_.end() ? at->second : -1;
}

bool Simulation::all_ready() const {
  const auto count = static_cast<std::size_t>(node_count());
  return node_links_up_ == count * (count - 1) &&
         std::all_of(nodes_.begin(), nodes_.end(),
                     [](const auto& n) { return n->is_running() && n->core().is_ready(); });
}

void Simulation::trace(SimEvent event) {
  mix(event.kind, static_cast<std::uint64_t>(event.host + 1),
      static_cast<std::uint64_t>(event.peer + 1));
  remark(std::move(event));
}

void Simulation::remark(SimEvent event) {
  if (options_.tracing) trace_.push_back(std::move(event));
}

void Simulation::mix(BytesView kind, std::uint64_t a, std::uint64_t b) {
  const auto at = static_cast<std::uint64_t>(now().nanoseconds);
  trace_hash_ =
      hash64_of_pair(hash64_of_pair(trace_hash_ ^ hash64(kind), at), hash64_of_pair(a, b));
}

}  // namespace dynakv

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dynakv/adapters/memory_store.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/node_core.h"
#include "bench/rows.h"

namespace dynakv::bench {
namespace {

constexpr std::size_t kValueBytes = 100;
constexpr std::uint64_t kKeys = 10'000;
/// Requests that a node finds ready at once.
constexpr std::uint64_t kWindow = 64;
constexpr NodeId kClient{1, 1};
/// So much time passes with each step.
constexpr Duration kStepTime = microseconds(100);

struct Envelope {
  NodeId from;
  Message message;
};

struct CoreNode {
  MemoryStore store;
  std::unique_ptr<NodeCore> core;
  std::vector<Envelope> inbox;
  std::vector<Envelope> handled;
};

/// Nodes that pass messages as values; a node's step takes all that wait for it.
class CorePump {
 public:
  explicit CorePump(int node_count);

  /// Puts or gets keys in turn, with kWindow in flight for each node; checks every reply.
  void run_puts(std::uint64_t count) { run(count, true); }
  void run_gets(std::uint64_t count) { run(count, false); }

  std::uint64_t records_written() const { return records_written_; }

 private:
  void run(std::uint64_t count, bool puts);
  void begin(bool put);
  bool step(CoreNode& node);
  void deliver(const NodeId& from, std::vector<Effect> effects);
  void handle_reply(Message& message);
  CoreNode* find(const NodeId& id);

  Now now_{Instant{1'000'000'000}, WallTime{1'700'000'000'000}};
  std::vector<std::unique_ptr<CoreNode>> nodes_;
  LayoutVersion layout_{};
  /// What each key's last write or read saw.
  std::vector<Context> contexts_{kKeys};
  /// Operations begun are named by their number, which no peer may see twice.
  std::uint64_t begun_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t records_written_ = 0;
};

Bytes key_of(std::uint64_t number) {
  Bytes key = std::to_string(number);
  return Bytes(16 - key.size(), '0') + key;
}

CorePump::CorePump(int node_count) {
  std::vector<Member> members;
  Outbox out;
  for (int i = 0; i < node_count; ++i) {
    auto node = std::make_unique<CoreNode>();
    NodeCoreOptions options;
    options.name = "n" + std::to_string(i);
    node->core = std::make_unique<NodeCore>(options, node->store,
                                            Random(1000 + static_cast<std::uint64_t>(i)));
    require(node->core->start(now_, {"boot", "place"}, out).has_value(), "start of a core");
    members.push_back({.id = node->core->id(), .name = options.name});
    nodes_.push_back(std::move(node));
  }
  BucketProperties defaults;
  defaults.n = node_count;
  if (node_count == 1) defaults.r = defaults.w = QuorumSize::count(1);
  const Layout layout = first_layout(std::move(members), defaults, {}).value();
  layout_ = layout.version;
  for (auto& node : nodes_) {
    require(node->core->adopt_layout(now_, layout, out).has_value(), "adoption of the layout");
  }
  for (auto& node : nodes_) {
    for (auto& peer : nodes_) {
      if (peer == node) continue;
      node->core->handle_peer_up(now_, peer->core->hello_for(node->core->id()), out);
    }
    node->core->end_step();
    require(node->store.write_step().has_value(), "first step");
  }
}

CoreNode* CorePump::find(const NodeId& id) {
  for (auto& node : nodes_) {
    if (node->core->id() == id) return node.get();
  }
  return nullptr;
}

void CorePump::begin(bool put) {
  const std::uint64_t number = begun_++;
  const std::uint64_t key = number % kKeys;
  RequestHead head{.bucket = Bytes(kDefaultBucket),
                   .key = key_of(key),
                   .layout = layout_,
                   .time_left = seconds(5)};
  Message message{static_cast<RequestId>(number), GetRequest{std::move(head)}};
  if (put) {
    WriteRequest write;
    write.head = std::move(std::get<GetRequest>(message.body).head);
    write.context = contexts_[key];
    write.context_scope = context_scope(write.head.bucket, write.head.key);
    write.value = Bytes(kValueBytes, 'v');
    write.write_id = number + 1;
    message.body = std::move(write);
  }
  nodes_[number % nodes_.size()]->inbox.push_back({kClient, std::move(message)});
}

bool CorePump::step(CoreNode& node) {
  if (node.inbox.empty()) return false;
  node.handled.clear();
  node.handled.swap(node.inbox);
  now_.steady = now_.steady + kStepTime;
  Outbox out;
  for (Envelope& envelope : node.handled) {
    node.core->handle_message(now_, envelope.from, std::move(envelope.message), out);
  }
  node.core->end_step();
  require(node.store.write_step().has_value(), "step");
  deliver(node.core->id(), out.take());
  return true;
}

void CorePump::deliver(const NodeId& from, std::vector<Effect> effects) {
  for (Effect& effect : effects) {
    auto* send = std::get_if<Send>(&effect);
    if (send == nullptr) continue;
    for (std::size_t i = 0; i < send->to.size(); ++i) {
      const bool last = i + 1 == send->to.size();
      Message message = last ? std::move(send->message) : send->message;
      if (CoreNode* to = find(send->to[i])) {
        to->inbox.push_back({from, std::move(message)});
      } else {
        handle_reply(message);
      }
    }
  }
}

void CorePump::handle_reply(Message& message) {
  ++answered_;
  Context& context = contexts_[to_number(message.id) % kKeys];
  if (auto* written = std::get_if<WriteReply>(&message.body)) {
    records_written_ += nodes_.size();
    context = std::move(written->context);
    return;
  }
  const auto* read = std::get_if<GetReply>(&message.body);
  const auto* error = std::get_if<ErrorReply>(&message.body);
  require(error == nullptr, "an operation failed: " + (error ? error->error.message : Bytes()));
  require(read != nullptr && read->object.size() > kValueBytes, "a get found nothing");
}

void CorePump::run(std::uint64_t count, bool puts) {
  const std::uint64_t end = answered_ + count;
  const std::uint64_t window = kWindow * nodes_.size();
  while (answered_ < end) {
    // Each operation that ended lets another one begin.
    while (begun_ < end && begun_ - answered_ < window) begin(puts);
    bool moved = false;
    for (auto& node : nodes_) moved = step(*node) || moved;
    require(moved, "no message moves, but operations are open");
  }
  // The answers that no quorum waited for.
  for (bool moved = true; moved;) {
    moved = false;
    for (auto& node : nodes_) moved = step(*node) || moved;
  }
}

void run_pump_rows(Report& report, int node_count) {
  const std::string suffix = "_n" + std::to_string(node_count);
  if (!report.wants_any({"core_put" + suffix, "core_get" + suffix})) return;
  const std::uint64_t count = report.options().count(node_count == 1 ? 300'000 : 60'000);
  CorePump pump(node_count);
  pump.run_puts(kKeys);
  const std::string shape = " through NodeCore on memory, N=" + std::to_string(node_count) +
                            ", 64 in flight for each node, no sockets, one thread";
  report.run({.name = "core_put" + suffix, .what = "put with context" + shape, .store = [&](int) {
                return measure(count, [&] { pump.run_puts(count); });
              }});
  report.run({.name = "core_get" + suffix, .what = "get" + shape, .store = [&](int) {
                return measure(count, [&] { pump.run_gets(count); });
              }});
}

}  // namespace

void run_core_rows(Report& report) {
  run_pump_rows(report, 1);
  run_pump_rows(report, 3);
}

}  // namespace dynakv::bench

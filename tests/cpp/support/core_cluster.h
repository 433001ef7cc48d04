// A few NodeCores and ClientSessions on a pump: messages are delivered in order, time stands still
// unless a test moves it. For protocol tests that want to read what happens step by step; faults in
// numbers are the simulator's business.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dynakv/adapters/memory_store.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/client_session.h"
#include "dynakv/protocol/node_core.h"

namespace dynakv::testing {

struct TestNode {
  std::string name;
  /// Empty: made from the name.
  std::string address;
  std::vector<std::string> contact_points;
  std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
  StartEvidence evidence{"boot-1", "place-1"};
  std::unique_ptr<NodeCore> core;
  std::map<TimerId, Instant> timers;
};

class CoreCluster {
 public:
  explicit CoreCluster(int node_count, BucketProperties defaults = {},
                       std::map<Bytes, BucketProperties> buckets = {},
                       ProtocolOptions protocol_options = {})
      : protocol(protocol_options) {
    std::vector<Member> members;
    for (int i = 0; i < node_count; ++i) {
      nodes.push_back(std::make_unique<TestNode>());
      nodes.back()->name = "n" + std::to_string(i);
      start(i);
      Member member;
      member.id = nodes[static_cast<std::size_t>(i)]->core->id();
      member.name = nodes.back()->name;
      members.push_back(member);
    }
    layout = first_layout(members, defaults, std::move(buckets)).value();
    for (int i = 0; i < node_count; ++i) {
      Outbox out;
      EXPECT_TRUE(core(i).adopt_layout(now, layout, out).has_value());
      end_step(i, out);
    }
    for (int i = 0; i < node_count; ++i) connect(i);
    run();
  }

  NodeCore& core(int i) { return *nodes[static_cast<std::size_t>(i)]->core; }
  TestNode& node(int i) { return *nodes[static_cast<std::size_t>(i)]; }
  NodeId id(int i) { return core(i).id(); }
  int index_of(const NodeId& wanted) {
    for (int i = 0; i < static_cast<int>(nodes.size()); ++i) {
      if (nodes[static_cast<std::size_t>(i)]->core && id(i) == wanted) return i;
    }
    return -1;
  }

  /// Starts a (new or stopped) node's core on its store.
  void start(int i, std::uint64_t seed = 0) {
    TestNode& n = node(i);
    NodeCoreOptions options;
    options.name = n.name;
    options.address = n.address.empty() ? n.name + ":1" : n.address;
    options.contact_points = n.contact_points;
    options.protocol = protocol;
    options.effects_wait_for_sync = effects_wait_for_sync;
    n.core = std::make_unique<NodeCore>(options, *n.store,
                                        Random(1000 + seed * 100 + static_cast<unsigned>(i)));
    Outbox out;
    start_status = n.core->start(now, n.evidence, out);
    if (!start_status) {
      n.core.reset();
      return;
    }
    end_step(i, out);
  }

  /// Ends a node's process; what it wrote stays in its store. Its peers notice.
  void crash(int i) {
    const NodeId gone = id(i);
    node(i).core.reset();
    node(i).timers.clear();
    for (int j = 0; j < static_cast<int>(nodes.size()); ++j) {
      if (!nodes[static_cast<std::size_t>(j)]->core) continue;
      Outbox out;
      core(j).handle_peer_down(now, gone, out);
      end_step(j, out);
    }
    for (auto& [client_id, session] : sessions) {
      Outbox out;
      session->handle_peer_down(now, gone, out);
      take_effects(client_id, out);
    }
  }

  /// Connects a node with every running other, after checking the Hellos; the others with it too,
  /// unless they do not find it yet.
  void connect(int i, bool both_ways = true) {
    for (int j = 0; j < static_cast<int>(nodes.size()); ++j) {
      if (j == i || !nodes[static_cast<std::size_t>(j)]->core) continue;
      greet(i, j);
      if (both_ways) greet(j, i);
    }
    for (auto& [client_id, session] : sessions) {
      Outbox out;
      session->handle_peer_up(now, core(i).hello_for(client_id), out);
      take_effects(client_id, out);
    }
  }

  /// i dialled j: j is up for i, which learns what j says of it.
  void greet(int i, int j) {
    const Hello hello = core(j).hello_for(id(i));
    ASSERT_TRUE(core(i).check_hello(hello).has_value());
    Outbox out;
    core(i).handle_peer_up(now, hello, out);
    end_step(i, out);
  }

  ClientSession& client(int k) {
    auto& session = clients[k];
    if (!session) {
      session =
          std::make_shared<ClientSession>(client_options, Random(77 + static_cast<unsigned>(k)));
      sessions[session->id()] = session.get();
      Outbox out;
      session->set_layout(now, layout, out);
      for (const auto& n : nodes) {
        if (n->core) session->handle_peer_up(now, n->core->hello_for(session->id()), out);
      }
      take_effects(session->id(), out);
    }
    return *session;
  }

  /// Delivers messages until none is left.
  void run() {
    while (!queue.empty()) deliver_next();
  }

  void deliver_next() {
    auto [from, to, message] = std::move(queue.front());
    queue.pop_front();
    if (filter && !filter(from, to, message)) return;
    if (const auto at = sessions.find(to); at != sessions.end()) {
      Outbox out;
      at->second->handle_message(now, from, std::move(message), out);
      return take_effects(to, out);
    }
    const int i = index_of(to);
    if (i < 0) return;
    Outbox out;
    core(i).handle_message(now, from, std::move(message), out);
    end_step(i, out);
  }

  /// Moves time on and fires every timer on the way.
  void advance(Duration span) {
    now.steady = now.steady + span;
    now.wall.milliseconds += span.milliseconds();
    for (int i = 0; i < static_cast<int>(nodes.size()); ++i) {
      fire(node(i).timers, [&](TimerId timer) {
        if (!node(i).core) return;
        Outbox out;
        core(i).handle_timer(now, timer, out);
        end_step(i, out);
      });
    }
    for (auto& [client_id, session] : sessions) {
      fire(client_timers[client_id], [&, id = client_id, s = session](TimerId timer) {
        Outbox out;
        s->handle_timer(now, timer, out);
        take_effects(id, out);
      });
    }
    run();
  }

  OperationId begin_get(int k, Bytes key, OperationOptions options = {}, Bytes bucket = "default") {
    const auto operation = static_cast<OperationId>(++operation_count);
    ClientSession& session = client(k);
    Outbox out;
    session.start(now, operation, GetOperation{std::move(bucket), std::move(key), options}, out);
    take_effects(session.id(), out);
    return operation;
  }

  OperationId begin_write(int k, WriteOperation write) {
    const auto operation = static_cast<OperationId>(++operation_count);
    ClientSession& session = client(k);
    Outbox out;
    session.start(now, operation, std::move(write), out);
    take_effects(session.id(), out);
    return operation;
  }

  static WriteOperation put_of(Bytes key, Bytes value, OperationOptions options = {},
                               Bytes bucket = "default") {
    WriteOperation write;
    write.bucket = std::move(bucket);
    write.key = std::move(key);
    write.value = std::move(value);
    write.options = options;
    return write;
  }

  Reply get(int k, Bytes key, OperationOptions options = {}, Bytes bucket = "default") {
    return finish(begin_get(k, std::move(key), options, std::move(bucket)));
  }
  Reply put(int k, Bytes key, Bytes value, OperationOptions options = {}) {
    return finish(begin_write(k, put_of(std::move(key), std::move(value), options)));
  }
  Reply write(int k, WriteOperation operation) {
    return finish(begin_write(k, std::move(operation)));
  }

  Reply finish(OperationId operation) {
    run();
    for (int turn = 0; turn < 100 && !replies.contains(operation); ++turn) {
      advance(milliseconds(100));
    }
    EXPECT_TRUE(replies.contains(operation)) << "the operation never ended";
    return replies[operation];
  }

  static Object object_of(const Reply& reply) {
    const auto& got = std::get<GetReply>(reply.outcome);
    if (got.object.empty()) return Object{};
    return decode_object(got.object).value();
  }
  static std::multiset<Bytes> values_of(const Reply& reply) {
    if (const auto* error = std::get_if<ErrorReply>(&reply.outcome)) {
      ADD_FAILURE() << error->error.message;
      return {};
    }
    std::multiset<Bytes> values;
    const Object object = object_of(reply);
    for (const Sibling& sibling : object.siblings()) {
      if (!sibling.deleted) values.insert(sibling.payload.value);
    }
    return values;
  }
  static std::optional<ErrorCode> error_of(const Reply& reply) {
    const auto* error = std::get_if<ErrorReply>(&reply.outcome);
    return error != nullptr ? std::optional(error->error.code) : std::nullopt;
  }

  void end_step(int i, Outbox& out) {
    core(i).end_step();
    if (node(i).store->has_pending()) {
      ASSERT_TRUE(node(i).store->write_step().has_value());
    }
    const NodeId from = id(i);
    for (Effect& effect : out.take()) {
      if (auto* send = std::get_if<Send>(&effect)) {
        for (const NodeId& to : send->to) queue.push_back({from, to, send->message});
      } else if (auto* set = std::get_if<SetTimer>(&effect)) {
        node(i).timers[set->timer] = set->at;
      } else if (auto* cancel = std::get_if<CancelTimer>(&effect)) {
        node(i).timers.erase(cancel->timer);
      }
    }
  }

  struct Envelope {
    NodeId from;
    NodeId to;
    Message message;
  };

  Now now{Instant{1'000'000'000}, WallTime{1'700'000'000'000}};
  ProtocolOptions protocol;
  ClientOptions client_options;
  Layout layout;
  std::vector<std::unique_ptr<TestNode>> nodes;
  std::deque<Envelope> queue;
  /// False drops the message.
  std::function<bool(const NodeId& from, const NodeId& to, const Message&)> filter;
  std::map<OperationId, Reply> replies;
  Status start_status;
  /// Of nodes that are started from now on.
  bool effects_wait_for_sync = true;

 private:
  void take_effects(const NodeId& client_id, Outbox& out) {
    for (Effect& effect : out.take()) {
      if (auto* send = std::get_if<Send>(&effect)) {
        for (const NodeId& to : send->to) queue.push_back({client_id, to, send->message});
      } else if (auto* set = std::get_if<SetTimer>(&effect)) {
        client_timers[client_id][set->timer] = set->at;
      } else if (auto* reply = std::get_if<Reply>(&effect)) {
        EXPECT_FALSE(replies.contains(reply->operation)) << "an operation ended twice";
        replies[reply->operation] = *reply;
      }
    }
  }

  template <typename Fire>
  void fire(std::map<TimerId, Instant>& timers, Fire fire_one) {
    std::vector<TimerId> due;
    for (const auto& [timer, at] : timers) {
      if (at <= now.steady) due.push_back(timer);
    }
    for (const TimerId timer : due) {
      timers.erase(timer);
      fire_one(timer);
    }
  }

  std::map<int, std::shared_ptr<ClientSession>> clients;
  std::map<NodeId, ClientSession*> sessions;
  std::map<NodeId, std::map<TimerId, Instant>> client_timers;
  std::uint64_t operation_count = 0;
};

}  // namespace dynakv::testing

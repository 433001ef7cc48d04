#include "dynakv/node/node.h"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include "dynakv/adapters/memory_store.h"
#include "dynakv/adapters/rocksdb_store.h"
#include "dynakv/adapters/system_identity.h"
#include "dynakv/node/node_loop.h"

namespace dynakv {
namespace {

Result<StartEvidence> evidence_for(const NodeOptions& options, Random& random) {
  if (options.storage == StorageKind::rocksdb) return system_evidence(options.data_dir);
  // A store in memory has no past to prove, so any evidence will do.
  return StartEvidence{random.bytes(16), random.bytes(16)};
}

Result<std::unique_ptr<DurableStore>> open_store(const NodeOptions& options,
                                                 const StartEvidence& evidence) {
  if (options.storage == StorageKind::memory) {
    return std::unique_ptr<DurableStore>(std::make_unique<MemoryStore>());
  }
  RocksDbOptions store;
  store.directory = options.data_dir + "/db";
  store.boot_id = evidence.boot_id;
  store.block_cache_bytes = options.block_cache_bytes;
  store.memtable_bytes = options.memtable_bytes;
  auto opened = RocksDbStore::open(std::move(store));
  if (!opened) return fail(opened.error());
  return std::unique_ptr<DurableStore>(std::move(*opened));
}

}  // namespace

struct Node::Parts {
  Parts(NodeOptions node_options, std::unique_ptr<DurableStore> store, Random random)
      : options(std::move(node_options)), loop(options, std::move(store), random) {}

  void end(NodeLoop::End how) {
    loop.request_end(how);
    const std::lock_guard lock(end_mutex);
    if (thread.joinable()) thread.join();
  }

  /// Has the loop's thread do what is only for development, and waits for it.
  Status change(std::function<void(NodeLoop&)> task) {
    if (!options.development) {
      return fail(ErrorCode::invalid_argument,
                  "only a node with the option development takes faults; LocalCluster sets it");
    }
    const auto result = std::make_shared<std::promise<bool>>();
    std::future<bool> done = result->get_future();
    loop.post([this, result, task = std::move(task)](bool running) {
      if (running) task(loop);
      result->set_value(running);
    });
    return done.get() ? Status{} : fail(ErrorCode::closed, "the node was stopped");
  }

  const NodeOptions options;
  NodeLoop loop;
  std::mutex end_mutex;
  std::thread thread;
};

Result<std::unique_ptr<Node>> Node::start(NodeOptions options) {
  if (const Status valid = validate(options); !valid) return fail(valid.error());
  Random random(system_random_seed());
  const auto evidence = evidence_for(options, random);
  if (!evidence) return fail(evidence.error());
  auto store = open_store(options, *evidence);
  if (!store) return fail(store.error());
  auto parts = std::make_unique<Parts>(std::move(options), std::move(*store), random);
  if (const Status opened = parts->loop.open(*evidence, random.stream("core")); !opened) {
    return fail(opened.error());
  }
  parts->thread = std::thread([loop = &parts->loop] { loop->run(); });
  return std::unique_ptr<Node>(new Node(std::move(parts)));
}

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Node::~Node() { parts_->end(NodeLoop::End::graceful); }

NodeId Node::id() const { return parts_->loop.board().id; }
const std::string& Node::name() const { return parts_->options.name; }
const std::string& Node::address() const { return parts_->loop.address(); }

Member Node::member() const {
  const NodeOptions& options = parts_->options;
  return {id(), options.name, address(), options.zone, options.capacity_percent};
}

Status Node::bootstrap(std::vector<Member> members, BucketProperties defaults,
                       std::map<Bytes, BucketProperties> buckets) {
  const bool ids_are_known = std::none_of(members.begin(), members.end(),
                                          [](const Member& member) { return member.id.is_nil(); });
  Layout layout;
  if (ids_are_known) {
    auto made = first_layout(members, defaults, buckets);
    if (!made) return fail(made.error());
    layout = std::move(*made);
  }
  const auto result = std::make_shared<std::promise<Status>>();
  std::future<Status> done = result->get_future();
  NodeLoop& loop = parts_->loop;
  loop.post([&, result](bool running) {
    const auto answer = [result](const Status& status) { result->set_value(status); };
    if (!running) return answer(fail(ErrorCode::closed, "the node was stopped"));
    if (ids_are_known) return loop.adopt_layout(layout, answer);
    loop.form_cluster({members, defaults, buckets}, answer);
  });
  return done.get();
}

Status Node::wait_ready(Duration timeout, std::size_t connected_peer_count) {
  const bool in_time = parts_->loop.wait_for_board(timeout, [&](const NodeBoard& board) {
    return board.ended || (board.ready && board.connected_peer_count >= connected_peer_count);
  });
  const NodeBoard board = parts_->loop.board();
  if (board.failure) return fail(*board.failure);
  if (board.ended) return fail(ErrorCode::closed, "the node was stopped");
  if (in_time) return {};
  return fail(
      ErrorCode::timeout,
      std::string("the node ") + (board.ready ? "is ready" : "is not ready") + " and has " +
          std::to_string(board.connected_peer_count) + " peers connected of the " +
          std::to_string(connected_peer_count) + " asked for" +
          (board.refusal.empty() ? "" : "; a peer refused it: " + printable(board.refusal, 1024)));
}

Status Node::stop() {
  parts_->end(NodeLoop::End::graceful);
  return parts_->loop.board().end_status;
}

Status Node::stop(Duration timeout) {
  parts_->loop.request_end(NodeLoop::End::graceful);
  const auto has_ended = [](const NodeBoard& board) { return board.ended; };
  if (parts_->loop.wait_for_board(timeout, has_ended)) return stop();
  return fail(ErrorCode::timeout, "the node is still stopping; it waits for its disk");
}

void Node::kill() { parts_->end(NodeLoop::End::kill); }

void Node::submit(LocalRequest request, LocalDone done) {
  parts_->loop.submit(std::move(request), std::move(done));
}

Status Node::set_link_faults(std::vector<LinkFault> faults) {
  const Status set = parts_->change(
      [faults = std::move(faults)](NodeLoop& loop) { loop.set_link_faults(faults); });
  return set;
}

Status Node::pause() {
  return parts_->change([](NodeLoop& loop) { loop.set_paused(true); });
}

Status Node::resume() {
  return parts_->change([](NodeLoop& loop) { loop.set_paused(false); });
}

bool Node::has_ended() const { return parts_->loop.board().ended; }

std::optional<Error> Node::failure() const { return parts_->loop.board().failure; }

NodeStatus Node::status() const {
  const auto result = std::make_shared<std::promise<std::optional<NodeStatus>>>();
  auto done = result->get_future();
  NodeLoop& loop = parts_->loop;
  loop.post([&loop, result](bool running) {
    result->set_value(running ? std::optional(loop.status()) : std::nullopt);
  });
  if (auto status = done.get()) return std::move(*status);
  return loop.board().last_status;
}

Bytes Node::encoded_layout() const {
  const auto result = std::make_shared<std::promise<std::optional<Bytes>>>();
  auto done = result->get_future();
  NodeLoop& loop = parts_->loop;
  loop.post([&loop, result](bool running) {
    result->set_value(running ? std::optional(loop.encoded_layout()) : std::nullopt);
  });
  if (auto layout = done.get()) return std::move(*layout);
  return loop.board().last_layout;
}

}  // namespace dynakv

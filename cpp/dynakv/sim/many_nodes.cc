#include "dynakv/sim/many_nodes.h"

#include <map>
#include <utility>

#include "dynakv/domain/object_format.h"
#include "dynakv/sim/simulation.h"

namespace dynakv {
namespace {

constexpr int kClientCount = 4;
constexpr Duration kOperationInterval = milliseconds(5);
constexpr Duration kDownTime = seconds(3);
constexpr Duration kFormLimit = seconds(60);

class ManyNodes {
 public:
  explicit ManyNodes(const ManyNodesOptions& options)
      : options_(options), random_(options.seed), simulation_(simulation_options(options)) {
    simulation_.on_reply = [this](int, const Reply& reply) { take(reply); };
    for (int i = 0; i < kClientCount; ++i) simulation_.add_client();
  }

  ManyNodesResult run() {
    if (!become_ready()) return fail_with("the cluster did not form");
    result_.formed_after = simulation_.now() - Instant{};
    serve();
    if (!become_ready()) return fail_with("the cluster did not become whole again");
    read_back();
    if (unread_ > 0) return fail_with(std::to_string(unread_) + " acknowledged writes not found");
    return fail_with({});
  }

 private:
  static SimulationOptions simulation_options(const ManyNodesOptions& options) {
    SimulationOptions simulation;
    simulation.node_count = options.node_count;
    simulation.seed = options.seed;
    return simulation;
  }

  ManyNodesResult fail_with(std::string problem) {
    result_.problem = std::move(problem);
    result_.virtual_time = simulation_.now() - Instant{};
    result_.events = simulation_.event_count();
    return result_;
  }

  /// Called seldom, because it looks at all pairs.
  bool become_ready() {
    const Instant limit = simulation_.now() + kFormLimit;
    while (!simulation_.all_ready() && simulation_.now() < limit) {
      simulation_.run_for(milliseconds(200));
    }
    return simulation_.all_ready();
  }

  void serve() {
    const int crash_every = options_.operation_count / (options_.crash_count + 1) + 1;
    for (int i = 0; i < options_.operation_count; ++i) {
      put(i);
      if (i % crash_every == crash_every - 1) crash_one();
      simulation_.run_for(kOperationInterval);
    }
    simulation_.run_for(simulation_.options().client.timeout + kDownTime);
  }

  void put(int i) {
    WriteOperation write;
    write.bucket = Bytes(kDefaultBucket);
    write.key = "k" + std::to_string(i);
    write.value = write.key;
    written_[simulation_.next_operation()] = write.key;
    simulation_.start(i % kClientCount, std::move(write));
  }

  void crash_one() {
    const auto node = static_cast<int>(random_.below(static_cast<unsigned>(options_.node_count)));
    simulation_.crash(node);
    simulation_.at(simulation_.now() + kDownTime, [this, node] {
      (void)simulation_.restart(node);  // become_ready() says when it did not
    });
  }

  void read_back() {
    int client = 0;
    for (const Bytes& key : acked_) {
      wanted_[simulation_.next_operation()] = key;
      simulation_.start(client++ % kClientCount, GetOperation{Bytes(kDefaultBucket), key, {}});
      simulation_.run_for(milliseconds(1));
    }
    simulation_.run_for(simulation_.options().client.timeout);
    unread_ += wanted_.size();
  }

  void take(const Reply& reply) {
    if (const auto write = written_.find(reply.operation); write != written_.end()) {
      if (std::holds_alternative<WriteReply>(reply.outcome)) {
        acked_.push_back(write->second);
        ++result_.acked_writes;
      } else {
        ++result_.failed_operations;
      }
      written_.erase(write);
    } else if (const auto read = wanted_.find(reply.operation); read != wanted_.end()) {
      const auto* got = std::get_if<GetReply>(&reply.outcome);
      const auto object = got != nullptr ? decode_object(got->object) : Result<Object>(Object{});
      const bool is_found = object && object->live_count() == 1 &&
                            object->siblings().front().payload.value == read->second;
      unread_ += is_found ? 0u : 1u;
      wanted_.erase(read);
    }
  }

  ManyNodesOptions options_;
  Random random_;
  Simulation simulation_;
  ManyNodesResult result_;
  std::map<OperationId, Bytes> written_;
  std::vector<Bytes> acked_;
  std::map<OperationId, Bytes> wanted_;
  std::size_t unread_ = 0;
};

}  // namespace

ManyNodesResult run_many_nodes(const ManyNodesOptions& options) { return ManyNodes(options).run(); }

}  // namespace dynakv

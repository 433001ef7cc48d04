#include "bench/store_load.h"

#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include "bench/floor_keys.h"

namespace dynakv::bench {
namespace {

constexpr Duration kPatience = seconds(30);

std::string text_of(const Error& error) { return error.message; }

/// Makes the operations of a load, and checks their replies.
class Workload {
 public:
  explicit Workload(const StoreLoad& load)
      : load_(load), keys_(load.load), value_(load.load.value_bytes, 'v') {}

  bool exhausted() const { return made_ == load_.load.operations; }

  /// Up to `batch` operations; notes their keys in `numbers`.
  std::vector<Operation> next(std::vector<std::uint64_t>& numbers) {
    numbers.clear();
    std::vector<Operation> operations;
    operations.reserve(load_.batch);
    while (operations.size() < load_.batch && !exhausted()) {
      ++made_;
      numbers.push_back(load_.load.first_key + keys_.next());
      operations.push_back(operation(numbers.back()));
    }
    return operations;
  }

  void check(const std::vector<Reply>& replies, const std::vector<std::uint64_t>& numbers) const {
    require(replies.size() == numbers.size(), "a batch has the wrong number of replies");
    for (const Reply& reply : replies) {
      if (const auto* error = std::get_if<ErrorReply>(&reply.outcome)) {
        require(false, "an operation failed: " + text_of(error->error));
      }
      const std::uint64_t number = numbers[static_cast<std::size_t>(to_number(reply.operation))];
      require(is_right(reply, number), "a wrong reply");
    }
  }

 private:
  Operation operation(std::uint64_t number) {
    const auto key = key_bytes(number);
    const OperationOptions options{.timeout = kPatience, .flow = load_.flow};
    if (load_.load.kind == FloorKind::kGet) {
      return GetOperation{load_.bucket, Bytes(key.data(), key.size()), options};
    }
    fill_value(number, &value_);
    WriteOperation write;
    write.bucket = load_.bucket;
    write.key = Bytes(key.data(), key.size());
    write.value = value_;
    write.options = options;
    return write;
  }

  bool is_right(const Reply& reply, std::uint64_t number) const {
    if (load_.load.kind == FloorKind::kPut) {
      return std::holds_alternative<WriteReply>(reply.outcome);
    }
    // An object's byte form ends with the value of its last sibling; all siblings are of this key.
    const auto* got = std::get_if<GetReply>(&reply.outcome);
    const std::size_t size = load_.load.value_bytes;
    return got != nullptr && got->object.size() > size &&
           is_value_of(number, BytesView(got->object).substr(got->object.size() - size));
  }

  const StoreLoad& load_;
  FloorKeys keys_;
  Bytes value_;
  std::uint64_t made_ = 0;
};

/// Work of the replicas, which has an end also for those that no quorum waited for.
class ReplicaWork {
 public:
  ReplicaWork(const StoreCluster& cluster, const StoreLoad& load)
      : cluster_(cluster),
        counters_(load.load.kind == FloorKind::kPut
                      ? std::vector<std::string>{"writes", "replica_puts"}
                      : std::vector<std::string>{"gets", "replica_gets"}),
        expected_(cluster.count_all(counters_) + load.load.operations * cluster.size()) {}

  void await() const {
    const double end = wall_seconds_now() + 30;
    std::uint64_t done = cluster_.count_all(counters_);
    while (done < expected_ || cluster_.count("in_flight") > 0) {
      require(wall_seconds_now() < end, "the replicas did not get done");
      std::this_thread::yield();
      done = cluster_.count_all(counters_);
    }
    // More of them: a digest differed, and the object was asked for.
    require(done == expected_ || counters_[0] == "gets", "more was stored than was put");
  }

 private:
  const StoreCluster& cluster_;
  const std::vector<std::string> counters_;
  const std::uint64_t expected_;
};

struct Flight {
  std::shared_ptr<Batch> batch;
  std::vector<std::uint64_t> numbers;
};

/// Keeps each client's flights in the air until the workload is exhausted.
class Driver {
 public:
  Driver(const std::vector<Client*>& clients, const StoreLoad& load)
      : clients_(clients), workload_(load), flights_(clients.size()) {
    const std::size_t batches = static_cast<std::size_t>(load.load.in_flight) / load.batch;
    require(batches > 0, "in_flight is less than a batch");
    for (auto& flights : flights_) flights.resize(batches);
    for (const Client* client : clients_) {
      descriptors_.push_back({.fd = client->completion_fd(), .events = POLLIN, .revents = 0});
    }
  }

  void run() {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      for (std::size_t flight = 0; flight < flights_[i].size(); ++flight) launch(i, flight);
    }
    while (in_air_ > 0) {
      require(::poll(descriptors_.data(), descriptors_.size(), 60'000) > 0, "nothing is answered");
      for (std::size_t i = 0; i < clients_.size(); ++i) {
        if (descriptors_[i].revents != 0) land(i);
      }
    }
  }

 private:
  void launch(std::size_t client, std::size_t at) {
    if (workload_.exhausted()) return;
    Flight& flight = flights_[client][at];
    flight.batch = clients_[client]->submit(workload_.next(flight.numbers), at);
    ++in_air_;
  }

  void land(std::size_t client) {
    for (const auto& batch : clients_[client]->drain()) {
      const auto at = static_cast<std::size_t>(batch->tag());
      workload_.check(batch->results(), flights_[client][at].numbers);
      --in_air_;
      launch(client, at);
    }
  }

  const std::vector<Client*>& clients_;
  Workload workload_;
  std::vector<std::vector<Flight>> flights_;
  std::vector<pollfd> descriptors_;
  std::size_t in_air_ = 0;
};

}  // namespace

StoreCluster::StoreCluster(const std::string& directory, NodeOptions options) {
  std::vector<Member> members;
  for (int i = 0; i < 3; ++i) {
    options.name = "n" + std::to_string(i);
    options.data_dir = directory + "/" + options.name;
    std::filesystem::create_directories(options.data_dir);
    auto node = Node::start(options);
    require(node.has_value(), node ? "" : text_of(node.error()));
    members.push_back((*node)->member());
    nodes_.push_back(std::move(*node));
  }
  for (auto& node : nodes_) {
    const Status done = node->bootstrap(members, BucketProperties{}, {});
    require(done.has_value(), done ? "" : text_of(done.error()));
  }
  for (auto& node : nodes_) {
    const Status ready = node->wait_ready(kPatience, members.size() - 1);
    require(ready.has_value(), ready ? "" : text_of(ready.error()));
  }
}

StoreCluster::~StoreCluster() {
  for (auto& node : nodes_) (void)node->stop();
}

std::unique_ptr<Client> StoreCluster::connect(std::size_t context_count_max) const {
  std::vector<std::string> contact_points;
  for (const auto& node : nodes_) contact_points.push_back(node->address());
  ClientOptions options;
  options.session_context_count_max = context_count_max;
  auto client = Client::connect(std::move(contact_points), options, kPatience);
  require(client.has_value(), client ? "" : text_of(client.error()));
  return std::move(*client);
}

std::uint64_t StoreCluster::count(const std::string& counter) const { return count_all({counter}); }

std::uint64_t StoreCluster::count_all(const std::vector<std::string>& counters) const {
  std::uint64_t sum = 0;
  for (const auto& node : nodes_) {
    const NodeStatus status = node->status();
    for (const std::string& counter : counters) sum += status.counters.at(counter);
  }
  return sum;
}

Sample run_store_load(const StoreCluster& cluster, const std::vector<Client*>& clients,
                      const StoreLoad& load) {
  const ReplicaWork work(cluster, load);
  return measure(load.load.operations, [&] {
    Driver(clients, load).run();
    work.await();
  });
}

Sample run_store_serial(const StoreCluster& cluster, Client& client, const StoreLoad& load) {
  const ReplicaWork work(cluster, load);
  Workload workload(load);
  std::vector<float> latencies;
  latencies.reserve(load.load.operations);
  std::vector<std::uint64_t> numbers;
  Sample sample = measure(load.load.operations, [&] {
    while (!workload.exhausted()) {
      std::vector<Operation> operations = workload.next(numbers);
      const double begin = wall_seconds_now();
      const auto batch = client.submit(std::move(operations));
      require(batch->wait_for(kPatience), "an operation did not end");
      workload.check(batch->results(), numbers);
      latencies.push_back(static_cast<float>((wall_seconds_now() - begin) * 1e6));
    }
    work.await();
  });
  sample.p50_us = quantile(latencies, 500);
  sample.p99_us = quantile(latencies, 990);
  return sample;
}

Sample run_floor(const FloorCluster& cluster, const LoadOptions& load) {
  const FloorCounters before = cluster.counters();
  LoadResult result;
  Sample sample = measure(load.operations, [&] {
    result = run_floor_load(cluster.ports(), load);
    cluster.drain();
  });
  require(result.failed == 0, "the floor failed");
  const FloorCounters after = cluster.counters();
  if (load.kind == FloorKind::kPut) {
    require(after.records_written - before.records_written == 3 * load.operations,
            "the floor did not store every copy");
  }
  if (load.connections * load.in_flight == 1) {
    sample.p50_us = result.p50_us;
    sample.p99_us = result.p99_us;
  }
  return sample;
}

}  // namespace dynakv::bench

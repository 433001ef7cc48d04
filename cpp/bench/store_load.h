// Loads a cluster of real nodes through the real Client, as floor_load.cc loads the floor.
//
// Why: the same keys in the same order, the same values and counts, the same number in flight, and
// replies checked in the same way, so that only the store differs.
//
// Invariants: 1. anything but a right reply to every operation ends the program; 2. a sample covers
// the time from the first request until every replica has stored or answered everything.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dynakv/node/client.h"
#include "dynakv/node/node.h"
#include "bench/floor.h"
#include "bench/measure.h"

namespace dynakv::bench {

/// Three nodes of one process in a directory of their own.
class StoreCluster {
 public:
  /// `directory` exists; the caller removes it. Nodes get `options` with names and directories.
  StoreCluster(const std::string& directory, NodeOptions options);
  ~StoreCluster();
  StoreCluster(const StoreCluster&) = delete;
  StoreCluster& operator=(const StoreCluster&) = delete;

  /// A client with memory for the contexts of so many keys.
  std::unique_ptr<Client> connect(std::size_t context_count_max) const;

  /// Sum over the nodes of one of NodeStatus::counters.
  std::uint64_t count(const std::string& counter) const;
  /// The same of several, in one round of questions.
  std::uint64_t count_all(const std::vector<std::string>& counters) const;

  std::size_t size() const { return nodes_.size(); }

 private:
  std::vector<std::unique_ptr<Node>> nodes_;
};

struct StoreLoad {
  /// Operations, keys, value_bytes, kind, distribution, seed, first_key; in_flight for each client.
  LoadOptions load;
  Bytes bucket = "default";
  /// 0: puts carry no context. Otherwise they carry what the flow has seen.
  FlowId flow{};
  /// Operations that the client is given at once; in_flight is a multiple of it.
  std::size_t batch = 1;
};

Sample run_store_load(const StoreCluster& cluster, const std::vector<Client*>& clients,
                      const StoreLoad& load);

/// One at a time, waited for by this thread; latencies are measured.
Sample run_store_serial(const StoreCluster& cluster, Client& client, const StoreLoad& load);

/// The same measurement of the floor; latencies when one is in flight.
Sample run_floor(const FloorCluster& cluster, const LoadOptions& load);

}  // namespace dynakv::bench

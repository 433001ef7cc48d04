// A cluster of a thousand nodes: it forms, serves, loses nodes while it serves, and recovers
// everything that it acknowledged. Costs that grow with the square of the number of nodes show up
// here.
#pragma once

#include <cstdint>
#include <string>

#include "dynakv/base/time.h"

namespace dynakv {

struct ManyNodesOptions {
  int node_count = 1000;
  int operation_count = 2000;
  int crash_count = 20;
  std::uint64_t seed = 1;
};

struct ManyNodesResult {
  /// Virtual time until every node was connected with every other.
  Duration formed_after;
  Duration virtual_time;
  std::uint64_t events = 0;
  std::uint64_t acked_writes = 0;
  std::uint64_t failed_operations = 0;
  /// Why the run failed; empty when it did not.
  std::string problem;
};

ManyNodesResult run_many_nodes(const ManyNodesOptions& options);

}  // namespace dynakv

// The rows of the benchmark by file. Each function runs those that the report wants.
#pragma once

#include "bench/report.h"

namespace dynakv::bench {

/// Objects, ring and codec, one call at a time.
void run_value_rows(Report& report);

/// NodeCore on memory, without sockets: one node, and three that pass messages in the process.
void run_core_rows(Report& report);

/// Three real nodes on RocksDB and sockets, beside the floor and beside each other.
void run_cluster_rows(Report& report);

}  // namespace dynakv::bench

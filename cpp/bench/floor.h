// The floor of the benchmark: DynaKV's quorum flow on bare RocksDB and bare sockets.
//
// What: a cluster of loops in one process, each with one RocksDB, that does the work of a quorum
// put and get and nothing else, and a client that loads it and counts.
//
// Why: a figure of the store means nothing alone. Measured in the same run, this is the bound
// that it is compared with: no causality, membership, checksums, deadlines, retries or repair.
//
// Invariants:
// 1. A step takes all ready input, makes one write batch, then writes once per connection.
// 2. No byte that a step produced leaves before the step's batch was written and, with
//    `fsync_per_step`, before it and all earlier ones were synced.
// 3. A put is answered after W replicas stored it, a get after R replicas answered.
// 4. Anything unexpected aborts the process with a message: a wrong floor is worse than none.
//
// Source: PERFORMANCE.md §1 and §2, DESIGN.md §3 (the step contract) and §6.
// Threads: start(), stop() and run_floor_load() are called from one thread.
#ifndef DYNAKV_BENCH_FLOOR_H_
#define DYNAKV_BENCH_FLOOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dynakv::bench {

class FloorNode;

struct FloorOptions {
  int nodes = 3;
  int n = 3;  // Replicas of a key, at most `nodes`.
  int r = 2;
  int w = 2;
  // A put reads the key's version before it writes, as a store with contexts must.
  bool read_modify_write = false;
  // Effects of a step wait for a sync of its batch; otherwise for the WAL write only.
  bool fsync_per_step = false;
  // Existing directory of the caller, who also removes it; node i uses `directory`/floor-i.
  std::string directory;
  // Versions of that many recent keys are kept in memory, so that a read-modify-write reads
  // RocksDB only for the others. 0 = none.
  std::size_t version_map_entries = 0;
  // The map holds the values too, and gets are served from it.
  bool map_holds_values = false;
  // A get asks R owners only. Otherwise all N, and the first R answers count.
  bool ask_only_r = false;
};

// Sums over all nodes since start(). They let a benchmark check that the work was done.
struct FloorCounters {
  std::uint64_t records_written = 0;  // N per put.
  std::uint64_t records_read = 0;     // Owners asked per get; not the reads of read-modify-write.
  std::uint64_t store_reads = 0;      // Reads that RocksDB served, of either kind.
  std::uint64_t steps = 0;
  std::uint64_t write_batches = 0;
  std::uint64_t syncs = 0;
  std::uint64_t sends = 0;              // System calls.
  std::uint64_t digest_mismatches = 0;  // Gets that raced with a put; nothing is repaired.
};

class FloorCluster {
 public:
  // REQUIRES 1 <= r, w <= n <= nodes, and a directory.
  explicit FloorCluster(FloorOptions options);
  ~FloorCluster();  // Stops it.
  FloorCluster(const FloorCluster&) = delete;
  FloorCluster& operator=(const FloorCluster&) = delete;

  // Opens the databases, listens on loopback, connects all nodes with each other, and starts one
  // thread per node (and one to sync, with `fsync_per_step`). REQUIRES not started before.
  void start();

  // Ends and joins all threads, closes sockets and databases. Does nothing the second time.
  // REQUIRES no load is running.
  void stop();

  // Loopback port of each node, in order; valid from start() on.
  const std::vector<std::uint16_t>& ports() const { return ports_; }

  // Waits until every replica has answered, also those beyond W and R that no client waits for;
  // they can be far behind. REQUIRES no load is running; aborts after 30 s.
  void drain() const;

  // Valid while started and after stop(). Exact after drain().
  FloorCounters counters() const;

  // Moves what the memtables hold into SST files, so that reads meet block cache and filters.
  void flush_memtables();

 private:
  FloorOptions options_;
  std::vector<std::unique_ptr<FloorNode>> nodes_;
  std::vector<std::uint16_t> ports_;
  FloorCounters last_counters_;
};

enum class FloorKind { kPut, kGet };

// kSequential touches every key once per `keys` operations: it fills a store for gets.
enum class FloorDistribution { kSequential, kUniform, kZipfian };

struct LoadOptions {
  int connections = 3;  // Spread over the nodes in turn.
  int in_flight = 64;   // Per connection.
  std::uint64_t operations = 0;
  std::uint64_t keys = 100'000;
  std::uint64_t first_key = 0;  // Number of the first of them.
  std::size_t value_bytes = 100;
  FloorKind kind = FloorKind::kPut;
  FloorDistribution distribution = FloorDistribution::kUniform;
  double zipfian_theta = 0.99;
  std::uint64_t seed = 1;
};

struct LoadResult {
  std::uint64_t operations = 0;  // Answered correctly.
  // Refused, not found, of the wrong size or of another key; or not answered at all.
  std::uint64_t failed = 0;
  double wall_seconds = 0;
  double operations_per_second = 0;
  double cpu_us_per_operation = 0;  // The whole process: nodes, helpers and this client.
  double mean_us = 0;               // Latencies, from before encoding to after decoding.
  double p50_us = 0;
  double p90_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
};

// Loads the nodes on `ports` from one thread, which is the caller's. Gets expect keys that puts
// with the same `keys` and `value_bytes` have stored. Gives up when nothing is answered for ten
// seconds, and counts the rest as failed.
LoadResult run_floor_load(const std::vector<std::uint16_t>& ports, const LoadOptions& options);

}  // namespace dynakv::bench

#endif  // DYNAKV_BENCH_FLOOR_H_

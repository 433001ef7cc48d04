// What one run of a benchmark measured, and how runs are compared.
//
// What: a sample (operations, wall time, CPU time of the whole process), medians with ranges, and
// the CPU time that other processes used meanwhile.
//
// Why: figures drift from machine to machine and from minute to minute; the ratio of two samples
// that were taken one after the other holds (PERFORMANCE.md §3).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dynakv::bench {

struct Sample {
  std::uint64_t operations = 0;
  double wall_seconds = 0;
  double cpu_us = 0;
  /// Latencies, where they were measured; microseconds.
  double p50_us = 0;
  double p99_us = 0;
  /// Cores that other processes used meanwhile; filled in by whoever runs the rounds.
  double foreign_cores = 0;

  double operations_per_second() const { return static_cast<double>(operations) / wall_seconds; }
  double cpu_us_per_operation() const { return cpu_us / static_cast<double>(operations); }
};

struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};

/// REQUIRES: not empty.
Spread spread_of(std::vector<double> values);

/// The value below which `per_mille` of `values` lie. Reorders them. REQUIRES: not empty.
double quantile(std::vector<float>& values, int per_mille);

/// Seconds of a clock that never steps back.
double wall_seconds_now();

/// User and system time of this process with all its threads, microseconds.
double cpu_us_of_process();

/// User and system time of all other processes that are or were, kernel threads excepted (they
/// work for whoever writes); seconds. Only differences mean something.
double cpu_seconds_of_others();

/// Times `work`, which does `operations` of them.
Sample measure(std::uint64_t operations, const std::function<void()>& work);

/// Keeps the optimiser from dropping what made `value`.
template <typename T>
inline void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

/// Ends the program with `what` on standard error unless `condition` holds: a benchmark whose work
/// was not done has no result.
void require(bool condition, const std::string& what);

}  // namespace dynakv::bench

// Rows of the benchmark: how one is run, and how all are printed.
//
// Invariants: 1. a row's rounds alternate: floor, store, floor, store, each with the same counts,
// after one round of both that is thrown away; 2. a round in which other processes used more than
// kForeignCoresMax is thrown away and done again, up to a bound that the row then tells of.
//
// Source: PERFORMANCE.md §3.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/measure.h"

namespace dynakv::bench {

inline constexpr double kForeignCoresMax = 0.1;

struct BenchOptions {
  bool quick = false;
  bool json = false;
  int rounds = 5;
  /// Part of the names of the rows to run; empty = all.
  std::string only;
  /// As the program was called.
  std::string command_line;

  /// A tenth with --quick.
  std::uint64_t count(std::uint64_t full) const { return quick ? full / 10 : full; }
};

/// What is compared with the floor.
enum class Compare : std::uint8_t {
  /// Operations per second, store / floor: more is better.
  rate,
  /// Median latency, store / floor: less is better.
  latency,
};

struct RowPlan {
  std::string name;
  std::string what;
  Compare compare = Compare::rate;
  /// What the ratio should reach.
  std::optional<double> goal;
  /// Nothing where there is no floor.
  std::string floor_name;
  /// Called with the round's number, 0 for the one that is thrown away.
  std::function<Sample(int)> floor;
  std::function<Sample(int)> store;
};

struct Row {
  RowPlan plan;
  std::vector<Sample> stores;
  std::vector<Sample> floors;
  /// Rounds that were kept although something else was busy.
  int noisy_rounds = 0;
  int rounds_done_again = 0;
};

class Report {
 public:
  explicit Report(BenchOptions options);

  const BenchOptions& options() const { return options_; }

  /// True when --only asks for a row of this name.
  bool wants(const std::string& name) const;
  bool wants_any(const std::vector<std::string>& names) const;

  /// Runs the rounds and prints the row, if it is wanted.
  void run(const RowPlan& plan);

  /// Prints what comes before all rows, and what comes behind them.
  void begin() const;
  void end() const;

 private:
  void print(const Row& row) const;

  BenchOptions options_;
  std::vector<std::string> json_rows_;
};

}  // namespace dynakv::bench

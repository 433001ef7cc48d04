// The results of many runs: how many failed and why, and which rare situations they met.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dynakv/sim/run.h"
#include "dynakv/sim/sim_sometimes.h"

namespace dynakv {

/// This many runs must have met every rare situation.
inline constexpr std::uint64_t kRunsToMeetAll = 1000;

class Report {
 public:
  void add(const RunResult& result);

  std::uint64_t runs() const { return runs_; }
  std::uint64_t failed() const { return failed_; }
  std::uint64_t events() const { return events_; }
  Duration virtual_time() const { return virtual_time_; }
  /// Of the first run that failed.
  RunKind kind() const { return kind_; }

  /// What happened, but not how fast; then the violations by invariant.
  std::string totals() const;

  /// The rare situations with the number and the share of runs that met them, rarest first.
  std::string points() const;
  /// Those that no run met.
  std::vector<std::string> unmet_points() const;

 private:
  std::uint64_t runs_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t acked_writes_ = 0;
  std::uint64_t answered_gets_ = 0;
  std::uint64_t failed_operations_ = 0;
  Duration virtual_time_;
  RunKind kind_ = RunKind::clean;
  std::map<std::string, std::uint64_t> violated_;
  /// Runs that met each point.
  PointCounts runs_with_{};
};

}  // namespace dynakv

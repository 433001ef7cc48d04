#include "dynakv/sim/report.h"

#include <algorithm>
#include <cstdio>

namespace dynakv {

void Report::add(const RunResult& result) {
  ++runs_;
  events_ += result.event_count;
  acked_writes_ += result.acked_writes;
  answered_gets_ += result.answered_gets;
  failed_operations_ += result.failed_operations;
  virtual_time_ = virtual_time_ + result.virtual_time;
  for (std::size_t i = 0; i < kPointCount; ++i) {
    runs_with_[i] += result.points[i] > 0 ? 1u : 0u;
  }
  if (result.kind == RunKind::clean) return;
  ++failed_;
  if (kind_ == RunKind::clean) kind_ = result.kind;
  for (const Violation& violation : result.violations) ++violated_[violation.invariant];
}

std::string Report::totals() const {
  std::string text = std::to_string(runs_) + " seeds, " + std::to_string(failed_) + " failed; " +
                     std::to_string(acked_writes_) + " writes acknowledged, " +
                     std::to_string(answered_gets_) + " gets answered, " +
                     std::to_string(failed_operations_) + " operations failed\n";
  for (const auto& [invariant, count] : violated_) {
    text += "  " + invariant + ": " + std::to_string(count) + " violations\n";
  }
  return text;
}

std::string Report::points() const {
  std::vector<std::size_t> order(kPointCount);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return runs_with_[a] < runs_with_[b]; });
  std::string text;
  for (const std::size_t i : order) {
    const double share =
        runs_ == 0 ? 0 : 100.0 * static_cast<double>(runs_with_[i]) / static_cast<double>(runs_);
    char line[200];
    std::snprintf(line, sizeof(line), "%8llu %6.1f %%  %-28s %s\n",
                  static_cast<unsigned long long>(runs_with_[i]), share, point_at(i).name.data(),
                  point_at(i).happened.data());
    text += line;
  }
  return text;
}

std::vector<std::string> Report::unmet_points() const {
  std::vector<std::string> unmet;
  for (std::size_t i = 0; i < kPointCount; ++i) {
    if (runs_with_[i] == 0) unmet.emplace_back(point_at(i).name);
  }
  return unmet;
}

}  // namespace dynakv

#include "dynakv/sim/shrink.h"

#include <algorithm>
#include <utility>

namespace dynakv {
namespace {

class Shrinker {
 public:
  Shrinker(const Plan& plan, const RunResult& failing, int run_count_max,
           std::function<bool()> goes_on)
      : best_{plan, failing, 0},
        invariant_(failing.violations.front().invariant),
        run_count_max_(run_count_max),
        goes_on_(std::move(goes_on)) {}

  ShrunkPlan run() {
    cut_tail();
    bool smaller = true;
    while (smaller && may_run()) {
      const bool fewer_faults = drop_items(&Plan::faults);
      const bool fewer_operations = drop_items(&Plan::operations);
      smaller = fewer_faults || fewer_operations;
    }
    drop_clients();
    return std::move(best_);
  }

 private:
  bool may_run() const { return best_.runs < run_count_max_ && (!goes_on_ || goes_on_()); }

  /// Keeps `plan` when it still fails in the same way.
  bool try_plan(Plan plan) {
    if (!may_run()) return false;
    ++best_.runs;
    RunResult result = run_plan(plan, goes_on_);
    const bool same = std::any_of(result.violations.begin(), result.violations.end(),
                                  [&](const Violation& v) { return v.invariant == invariant_; });
    if (!same) return false;
    best_.plan = std::move(plan);
    best_.result = std::move(result);
    return true;
  }

  /// What happens after the first violation cannot have caused it; the end of the run may be it.
  void cut_tail() {
    const Instant end = best_.result.violations.front().at;
    Plan plan = best_.plan;
    std::erase_if(plan.operations, [&](const auto& operation) { return operation.at > end; });
    std::erase_if(plan.faults, [&](const auto& fault) { return fault.at > end; });
    try_plan(std::move(plan));
  }

  /// Takes out runs of items, halves first, then quarters, down to single ones.
  template <typename Item>
  bool drop_items(std::vector<Item> Plan::*items) {
    bool any = false;
    for (std::size_t size = std::max<std::size_t>((best_.plan.*items).size() / 2, 1); size > 0;
         size /= 2) {
      for (std::size_t at = 0; at < (best_.plan.*items).size() && may_run();) {
        Plan plan = best_.plan;
        auto& list = plan.*items;
        const auto first = list.begin() + static_cast<std::ptrdiff_t>(at);
        const auto left = static_cast<std::size_t>(list.end() - first);
        list.erase(first, first + static_cast<std::ptrdiff_t>(std::min(size, left)));
        if (try_plan(std::move(plan))) {
          any = true;
        } else {
          at += size;
        }
      }
    }
    return any;
  }

  void drop_clients() {
    int needed = 1;
    for (const auto& operation : best_.plan.operations) {
      needed = std::max(needed, operation.client + 1);
    }
    Plan plan = best_.plan;
    plan.client_count = needed;
    try_plan(std::move(plan));
  }

  ShrunkPlan best_;
  std::string invariant_;
  int run_count_max_;
  std::function<bool()> goes_on_;
};

}  // namespace

ShrunkPlan shrink(const Plan& plan, const RunResult& failing, int run_count_max,
                  std::function<bool()> goes_on) {
  return Shrinker(plan, failing, run_count_max, std::move(goes_on)).run();
}

std::string to_table(const ShrunkPlan& shrunk) {
  std::string table = describe_setup(shrunk.plan) + "\n";
  auto fault = shrunk.plan.faults.begin();
  auto operation = shrunk.plan.operations.begin();
  while (fault != shrunk.plan.faults.end() || operation != shrunk.plan.operations.end()) {
    const bool fault_first = operation == shrunk.plan.operations.end() ||
                             (fault != shrunk.plan.faults.end() && fault->at <= operation->at);
    table += "  " + (fault_first ? describe(*fault++) : describe(*operation++)) + "\n";
  }
  for (const Violation& violation : shrunk.result.violations) {
    table += "  " + violation.invariant + " violated: " + violation.detail + "\n";
    break;
  }
  return table;
}

}  // namespace dynakv

#include "dynakv/sim/shrink.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "dynakv/sim/space_time.h"

namespace dynakv {
namespace {

/// Draws of all delays that are tried without a fault.
constexpr int kDrawsTried = 4;

/// `b` of the fault counts.
bool is_between_hosts(FaultKind kind) {
  return kind == FaultKind::one_way || kind == FaultKind::clog || kind == FaultKind::reset;
}

bool is_of_nodes_in_bits(FaultKind kind) {
  return kind == FaultKind::split || kind == FaultKind::bridge || kind == FaultKind::swizzle;
}

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
    do {
      while (drop_anything() && may_run()) continue;
    } while (drop_faults_at_other_times() && may_run());
    drop_clients();
    return std::move(best_);
  }

 private:
  bool drop_anything() {
    const bool fewer_faults = drop_items(&Plan::faults);
    const bool fewer_oddities = drop_items(&Plan::perturbations);
    const bool fewer_operations = drop_items(&Plan::operations);
    const bool fewer_nodes = drop_nodes();
    const bool fewer_keys = drop_keys();
    return fewer_faults || fewer_oddities || fewer_operations || fewer_nodes || fewer_keys;
  }

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

  /// A failure that depends on exact timing is lost with any fault that delays something, whether
  /// it needs that fault or not. Another draw of all delays may bring the failure back without the
  /// fault.
  bool drop_faults_at_other_times() {
    const std::size_t count = best_.plan.faults.size();
    for (std::size_t size = count; size > 0; size /= 2) {
      for (std::size_t at = 0; at < count; at += size) {
        for (int draw = 0; draw < kDrawsTried; ++draw) {
          Plan plan = best_.plan;
          const auto first = plan.faults.begin() + static_cast<std::ptrdiff_t>(at);
          plan.faults.erase(first, first + static_cast<std::ptrdiff_t>(std::min(size, count - at)));
          const auto runs = static_cast<std::uint64_t>(best_.runs);
          plan.simulation.seed = Random(best_.plan.seed).stream("other times", runs).next();
          if (try_plan(std::move(plan))) return true;
        }
      }
    }
    return false;
  }

  /// The smallest cluster that still has N nodes and fails. It is another cluster: most failures
  /// survive only a few of these changes.
  bool drop_nodes() {
    const int count = best_.plan.simulation.node_count;
    for (int fewer = std::max(1, best_.plan.simulation.defaults.n); fewer < count; ++fewer) {
      if (try_plan(with_nodes(best_.plan, fewer))) return true;
    }
    return false;
  }

  static Plan with_nodes(Plan plan, int count) {
    const int gone = plan.simulation.node_count - count;
    plan.simulation.node_count = count;
    const std::int64_t all = (std::int64_t{1} << count) - 1;
    std::erase_if(plan.faults, [&](PlannedFault& fault) {
      if (!is_between_hosts(fault.kind)) fault.b = 0;
      // Behind the nodes come the clients.
      const bool is_of_client = fault.b >= count + gone;
      if (fault.a >= count || (fault.b >= count && !is_of_client)) return true;
      if (is_of_client) fault.b -= gone;
      if (!is_of_nodes_in_bits(fault.kind)) return false;
      fault.amount &= all;
      return fault.amount == 0 || fault.amount == all;
    });
    return plan;
  }

  /// First all keys become one, then one after the other; those that are not used any more go.
  bool drop_keys() {
    const int before = best_.plan.key_count;
    std::set<int> used;
    for (const auto& operation : best_.plan.operations) used.insert(operation.key);
    if (used.size() > 1 || !used.contains(0)) {
      if (!try_plan(with_keys_joined(best_.plan, used, 0))) {
        for (const int key : used) try_plan(with_keys_joined(best_.plan, {key}, *used.begin()));
      }
    }
    Plan plan = best_.plan;
    int last = 0;
    for (const auto& operation : plan.operations) last = std::max(last, operation.key);
    plan.key_count = last + 1;
    if (plan.key_count < best_.plan.key_count) try_plan(std::move(plan));
    return best_.plan.key_count < before;
  }

  static Plan with_keys_joined(Plan plan, const std::set<int>& keys, int kept) {
    for (auto& operation : plan.operations) {
      if (keys.contains(operation.key)) operation.key = kept;
    }
    return plan;
  }

  void drop_clients() {
    std::map<int, int> numbers;
    for (const auto& operation : best_.plan.operations) numbers[operation.client] = 0;
    int next = 0;
    for (auto& [client, number] : numbers) number = next++;
    Plan plan = best_.plan;
    plan.client_count = std::max(1, next);
    const int nodes = plan.simulation.node_count;
    for (auto& operation : plan.operations) operation.client = numbers[operation.client];
    std::erase_if(plan.faults, [&](PlannedFault& fault) {
      if (fault.b < nodes) return false;
      const auto number = numbers.find(fault.b - nodes);
      const bool is_gone = number == numbers.end();
      fault.b = is_gone ? fault.a : nodes + number->second;
      return is_gone && is_between_hosts(fault.kind);
    });
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
  return describe_setup(shrunk.plan) + "\n" +
         space_time_table(shrunk.plan, shrunk.result.violations);
}

}  // namespace dynakv

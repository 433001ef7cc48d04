// Perturbed runs are odd, and nothing else: each site changes runs, and breaks no promise.
#include "dynakv/sim/perturbations.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "dynakv/sim/run.h"

namespace dynakv {
namespace {

constexpr std::uint64_t kSeeds = 60;

Plan small_plan(std::uint64_t seed) {
  PlanLimits limits;
  limits.operation_count = 300;
  limits.length = seconds(30);
  limits.fault_count_mean = 10;
  limits.perturbed_percent = 0;
  return draw_plan(seed, limits);
}

TEST(Perturbations, SitesAreManyAndHaveNames) {
  std::set<std::string_view> names;
  for (const PerturbationSite& site : perturbation_sites()) {
    EXPECT_TRUE(names.insert(site.name).second) << site.name;
  }
  EXPECT_GE(names.size(), 60u);
}

TEST(Perturbations, EachIsOnInAQuarterOfThePerturbedPlansAndHalfOfThePlansAreNone) {
  std::vector<int> on(perturbation_sites().size());
  int perturbed = 0;
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    PlanLimits limits;
    limits.operation_count = 1;
    const Plan plan = draw_plan(seed, limits);
    perturbed += plan.perturbations.empty() ? 0 : 1;
    for (const std::size_t site : plan.perturbations) ++on[site];
    SimulationOptions options = plan.simulation;
    perturb(plan.perturbations, options);
    ASSERT_TRUE(validate(options.protocol).has_value()) << seed;
    ASSERT_TRUE(validate(options.client).has_value()) << seed;
  }
  EXPECT_NEAR(perturbed, 1000, 100);
  for (std::size_t site = 0; site < on.size(); ++site) {
    EXPECT_NEAR(on[site], perturbed / 4, 75) << perturbation_sites()[site].name;
  }
}

TEST(Perturbations, EachChangesSomeRunAndBreaksNone) {
  std::set<std::uint64_t> plain;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed)
    plain.insert(run_plan(small_plan(seed)).trace_hash);
  for (std::size_t site = 0; site < perturbation_sites().size(); ++site) {
    SCOPED_TRACE(perturbation_sites()[site].name);
    bool has_changed = false;
    for (std::uint64_t seed = 1; seed <= kSeeds && !has_changed; ++seed) {
      Plan plan = small_plan(seed);
      plan.perturbations = {site};
      const RunResult result = run_plan(plan);
      for (const Violation& violation : result.violations) {
        ADD_FAILURE() << "seed " << seed << ": " << violation.invariant << ": " << violation.detail;
      }
      has_changed = !plain.contains(result.trace_hash);
    }
    EXPECT_TRUE(has_changed);
  }
}

}  // namespace
}  // namespace dynakv

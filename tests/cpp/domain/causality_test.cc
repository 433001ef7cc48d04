// Exact causality (I3, I4, I5, I8) on random schedules, and the proof that the oracle notices when
// a rule of the design is broken.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "dynakv/base/random.h"
#include "tests/cpp/support/causality_model.h"
#include "tests/cpp/support/check_guard.h"
#include "tests/cpp/support/seeds.h"

namespace dynakv::test {
namespace {

struct Schedule {
  Shape shape;
  std::vector<Step> steps;
};

/// Which acts a run has at all is drawn too (swarm): a run without gets or without wipes reaches
/// places that an even mix never does.
std::vector<Act> draw_acts(Random& random, bool sessions_only) {
  std::vector<Act> acts = {Act::get, Act::put_seen};
  for (const Act act : {Act::put_seen, Act::put_blind, Act::remove_seen, Act::replicate, Act::wipe,
                        Act::send, Act::deliver, Act::deliver, Act::new_session}) {
    if (sessions_only && (act == Act::put_blind || act == Act::new_session)) continue;
    if (random.chance(2, 3)) acts.push_back(act);
  }
  return acts;
}

Schedule draw_schedule(std::uint64_t seed, bool sessions_only) {
  Random random(seed);
  Schedule schedule;
  schedule.shape.replicas = 2 + random.below(4);
  schedule.shape.clients = 1 + random.below(4);
  schedule.shape.keys = 1 + random.below(3);
  schedule.shape.one_sibling_per_client = sessions_only;
  const std::vector<Act> acts = draw_acts(random, sessions_only);
  const std::size_t count = 10 + random.below(81);
  for (std::size_t i = 0; i < count; ++i) {
    Step step;
    step.act = acts[random.below(acts.size())];
    // A wipe ends most of what a run has built up, so it is made rarer than the rest.
    if (step.act == Act::wipe && random.chance(3, 4)) step.act = Act::get;
    step.client = static_cast<std::uint8_t>(random.below(schedule.shape.clients));
    step.replica = static_cast<std::uint8_t>(random.below(schedule.shape.replicas));
    const bool to_replica = step.act == Act::replicate;
    step.other = static_cast<std::uint8_t>(random.below(to_replica ? schedule.shape.replicas : 8));
    step.key = static_cast<std::uint8_t>(random.below(schedule.shape.keys));
    schedule.steps.push_back(step);
  }
  return schedule;
}

struct Outcome {
  std::string failure;
  std::size_t steps = 0;
  std::size_t siblings_seen_max = 0;
};

template <typename Rules>
Outcome run_schedule(const Schedule& schedule) {
  const CheckGuard guard;
  CausalityModel<Rules> model(schedule.shape);
  Outcome outcome;
  try {
    for (const Step& step : schedule.steps) {
      if (model.full()) break;
      ++outcome.steps;
      if (!model.run(step)) break;
      outcome.siblings_seen_max =
          std::max(outcome.siblings_seen_max, model.sibling_count(step.replica, step.key));
    }
    if (model.ok()) model.heal();
    outcome.failure = model.failure();
  } catch (const CheckFailed& failed) {
    outcome.failure = std::string("DYNAKV_CHECK: ") + failed.what();
  }
  return outcome;
}

/// Leaves out each step that the failure does not need.
template <typename Rules>
Schedule shrink(Schedule schedule) {
  for (std::size_t i = schedule.steps.size(); i > 0; --i) {
    Schedule shorter = schedule;
    shorter.steps.erase(shorter.steps.begin() + static_cast<std::ptrdiff_t>(i - 1));
    if (!run_schedule<Rules>(shorter).failure.empty()) schedule = std::move(shorter);
  }
  return schedule;
}

template <typename Rules>
std::string describe(const Schedule& schedule, std::uint64_t seed) {
  const Schedule shortest = shrink<Rules>(shrink<Rules>(schedule));
  std::string text = run_schedule<Rules>(shortest).failure + ", after shrinking:\n";
  for (const Step& step : shortest.steps) text += "  " + to_string(step) + "\n";
  return text + replay_command(seed, "dynakv_domain_tests");
}

constexpr std::uint64_t kSeeds[] = {1, 2, 3, 4, 679, 1643};
constexpr std::uint64_t kRunsPerSeed = 4'000;

struct Total {
  std::uint64_t steps = 0;
  std::size_t siblings_max = 0;
};

Total run_many(bool sessions_only) {
  Total total;
  const auto run_one = [&](std::uint64_t seed) {
    const Schedule schedule = draw_schedule(seed, sessions_only);
    const Outcome outcome = run_schedule<RealRules>(schedule);
    total.steps += outcome.steps;
    total.siblings_max = std::max(total.siblings_max, outcome.siblings_seen_max);
    if (outcome.failure.empty()) return true;
    ADD_FAILURE() << describe<RealRules>(schedule, seed);
    return false;
  };
  if (const auto seed = seed_from_environment()) {
    run_one(*seed);
    return total;
  }
  for (const std::uint64_t seed : kSeeds) {
    Random seeds(seed);
    for (std::uint64_t i = 0; i < kRunsPerSeed; ++i) {
      if (!run_one(seeds.next())) return total;
    }
  }
  return total;
}

TEST(Causality, RandomSchedulesAreExactI3I4I5) {
  const Total total = run_many(false);
  RecordProperty("steps", std::to_string(total.steps));
  if (!seed_from_environment() && !HasFailure()) {
    EXPECT_GE(total.steps, 800'000u);
    EXPECT_GE(total.siblings_max, 5u) << "the schedules have become too tame";
  }
}

TEST(Causality, SessionsBoundSiblingsByClientsI8) {
  const Total total = run_many(true);
  RecordProperty("steps", std::to_string(total.steps));
  if (!seed_from_environment() && !HasFailure()) {
    EXPECT_GE(total.steps, 800'000u);
    EXPECT_GE(total.siblings_max, 4u) << "the schedules have become too tame";
  }
}

// The canaries: each takes one rule away, and the same oracle must notice within a few runs. Each
// is a mistake that somebody has made (INVARIANTS §2) or would make as an improvement.

struct BrokenRules : RealRules {
  // A planted bug must become visible in what replicas show.
  static constexpr bool kJudgesContexts = false;
};

struct ReplyCarriesObjectContext : BrokenRules {
  static Context reply(const Context&, std::optional<Dot>, const Object&, const Object& after) {
    return after.context();
  }
};

/// The same after one thought: at least the request's own part is right.
struct ReplyAdvancesVector : BrokenRules {
  static Context reply(const Context& seen, std::optional<Dot> dot, const Object&, const Object&) {
    Context context = seen;
    if (dot) context.advance(*dot);
    return context;
  }
};

struct ReplyLosesOwnDot : BrokenRules {
  static Context reply(const Context& seen, std::optional<Dot>, const Object&, const Object&) {
    return seen;
  }
};

/// "Superseded isolated dots need not be carried on": then a delayed copy of a superseded value
/// stands beside the writer's later ones.
struct ReplyDropsSupersededDots : BrokenRules {
  static Context reply(const Context& seen, std::optional<Dot> dot, const Object& before,
                       const Object& after) {
    const auto was_found = [&](const Dot& each) {
      const auto& found = before.siblings();
      return std::any_of(found.begin(), found.end(),
                         [&](const Sibling& sibling) { return sibling.dot == each; });
    };
    const Context full = reply_context(seen, dot, before, after);
    if (full == after.context()) return full;
    Context context;
    for (const Dot& entry : full.vector().entries()) context.advance(entry);
    for (const Dot& each : full.isolated()) {
      if (!was_found(each)) context.add_isolated(each);
    }
    return context;
  }
};

struct OverwriteInsteadOfJoin : BrokenRules {
  static void apply(Object& mine, const Object& theirs) {
    if (!theirs.is_absent()) mine = theirs;
  }
};

/// Looks harmless: take theirs when it descends mine, else join.
struct OverwriteWhenNotBehind : BrokenRules {
  static void apply(Object& mine, const Object& theirs) {
    if (!mine.context().dominates(theirs.context())) {
      mine = theirs;
    }
  }
};

struct DeleteForgetsItsContext : BrokenRules {
  static void remove(Object& object, const Context& seen) {
    std::vector<Sibling> kept;
    for (const Sibling& sibling : object.siblings()) {
      if (!seen.covers(sibling.dot)) kept.push_back(sibling);
    }
    object = *Object::from_parts(object.kind(), object.context(), std::move(kept));
  }
};

struct ActorSurvivesWipe : BrokenRules {
  static constexpr bool kNewActorAfterWipe = false;
};

struct CounterPerKey : BrokenRules {
  static constexpr bool kCounterPerKey = true;
};

template <typename Rules>
void expect_caught(const char* name) {
  constexpr std::uint64_t kRunsMax = 1'000;
  Random seeds(7);
  for (std::uint64_t run = 1; run <= kRunsMax; ++run) {
    const Schedule schedule = draw_schedule(seeds.next(), false);
    if (run_schedule<Rules>(schedule).failure.empty()) continue;
    const Schedule shortest = shrink<Rules>(shrink<Rules>(schedule));
    EXPECT_LE(shortest.steps.size(), 10u) << name;
    std::printf("  %-26s run %3llu, %zu steps: %s\n", name, static_cast<unsigned long long>(run),
                shortest.steps.size(), run_schedule<Rules>(shortest).failure.c_str());
    return;
  }
  ADD_FAILURE() << "the planted bug '" << name << "' was not caught in " << kRunsMax << " runs";
}

TEST(CausalityCanary, EachBrokenRuleIsCaught) {
  expect_caught<ReplyCarriesObjectContext>("ReplyCarriesObjectContext");
  expect_caught<ReplyAdvancesVector>("ReplyAdvancesVector");
  expect_caught<ReplyLosesOwnDot>("ReplyLosesOwnDot");
  expect_caught<ReplyDropsSupersededDots>("ReplyDropsSupersededDots");
  expect_caught<OverwriteInsteadOfJoin>("OverwriteInsteadOfJoin");
  expect_caught<OverwriteWhenNotBehind>("OverwriteWhenNotBehind");
  expect_caught<DeleteForgetsItsContext>("DeleteForgetsItsContext");
  expect_caught<ActorSurvivesWipe>("ActorSurvivesWipe");
  expect_caught<CounterPerKey>("CounterPerKey");
}

}  // namespace
}  // namespace dynakv::test

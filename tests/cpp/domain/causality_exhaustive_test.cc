// All schedules of small scopes against the oracle of causality_model.h (INVARIANTS §3.2): no
// sampling, so what holds here holds for every history of that size.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/cpp/support/causality_model.h"
#include "tests/cpp/support/check_guard.h"

namespace dynakv::test {
namespace {

template <typename Rules>
class Explorer {
 public:
  Explorer(const Shape& shape, std::vector<Act> acts) : shape_(shape), acts_(std::move(acts)) {}

  /// True when no schedule of `depth` steps or fewer fails; else trace() is one that does.
  bool explore(std::size_t depth) {
    visited_.clear();
    path_.clear();
    const CheckGuard guard;
    return visit(Model(shape_), depth, 0, 0);
  }

  std::size_t state_count() const { return visited_.size(); }
  std::size_t step_count() const { return step_count_; }
  std::size_t path_length() const { return path_.size(); }
  std::string trace() const {
    std::string text = failure_ + ":\n";
    for (const Step& step : path_) text += "  " + to_string(step) + "\n";
    return text;
  }

 private:
  using Model = CausalityModel<Rules, 3, 2, 2>;

  /// Replicas and clients that have done nothing yet are alike, so only the first of them acts:
  /// `replicas` and `clients` count those that have.
  bool visit(const Model& model, std::size_t depth, std::size_t replicas, std::size_t clients) {
    if (depth == 0) return true;
    std::uint8_t& explored = visited_[model.digest() * 16 + replicas * 4 + clients];
    if (explored >= depth) return true;
    explored = static_cast<std::uint8_t>(depth);
    for (const Act act : acts_) {
      const bool by_client = act != Act::replicate && act != Act::wipe;
      const std::size_t others = by_client               ? std::min(clients + 1, shape_.clients)
                                 : act == Act::replicate ? shape_.replicas
                                                         : 1;
      // A replica that has done nothing has nothing to send or to lose.
      const std::size_t actives = by_client ? std::min(replicas + 1, shape_.replicas) : replicas;
      for (std::size_t replica = 0; replica < actives; ++replica) {
        for (std::size_t other = 0; other < others; ++other) {
          if (act == Act::replicate && (other == replica || other > replicas)) continue;
          if (!try_step(model, act, replica, other, depth, replicas, clients)) return false;
        }
      }
    }
    return true;
  }

  bool try_step(const Model& model, Act act, std::size_t replica, std::size_t other,
                std::size_t depth, std::size_t replicas, std::size_t clients) {
    const bool by_client = act != Act::replicate && act != Act::wipe;
    const std::size_t keys = act == Act::wipe ? 1 : shape_.keys;
    for (std::size_t key = 0; key < keys; ++key) {
      Step step;
      step.act = act;
      step.replica = static_cast<std::uint8_t>(replica);
      (by_client ? step.client : step.other) = static_cast<std::uint8_t>(other);
      step.key = static_cast<std::uint8_t>(key);
      path_.push_back(step);
      ++step_count_;
      Model next = model;
      if (!run(next, step)) return false;
      const std::size_t touched = std::max(replica, by_client ? 0 : other) + 1;
      if (!visit(next, depth - 1, std::max(replicas, touched),
                 by_client ? std::max(clients, other + 1) : clients)) {
        return false;
      }
      path_.pop_back();
    }
    return true;
  }

  bool run(Model& model, const Step& step) {
    try {
      if (model.run(step)) return true;
      failure_ = model.failure();
    } catch (const CheckFailed& failed) {
      failure_ = std::string("DYNAKV_CHECK: ") + failed.what();
    }
    return false;
  }

  Shape shape_;
  std::vector<Act> acts_;
  std::unordered_map<std::uint64_t, std::uint8_t> visited_;
  std::vector<Step> path_;
  std::string failure_;
  std::size_t step_count_ = 0;
};

const std::vector<Act> kAllActs = {Act::get,         Act::put_seen,  Act::put_blind,
                                   Act::remove_seen, Act::replicate, Act::wipe};

/// DYNAKV_EXTRA_STEPS=1 looks one step further and takes ten to twenty times as long.
std::size_t extra_steps() {
  const char* text = std::getenv("DYNAKV_EXTRA_STEPS");
  return text == nullptr ? 0 : std::strtoul(text, nullptr, 10);
}

void expect_all_schedules_hold(const Shape& shape, std::size_t depth) {
  depth += extra_steps();
  Explorer<RealRules> explorer(shape, kAllActs);
  EXPECT_TRUE(explorer.explore(depth)) << explorer.trace();
  std::printf("  %zu replicas, %zu clients, %zu keys, %zu steps: %zu states, %zu transitions\n",
              shape.replicas, shape.clients, shape.keys, depth, explorer.state_count(),
              explorer.step_count());
}

TEST(CausalityExhaustive, ThreeReplicasTwoClientsOneKeyI3I4I5) {
  expect_all_schedules_hold({3, 2, 1, false}, 6);
}

TEST(CausalityExhaustive, TwoReplicasTwoClientsOneKeyI3I4I5) {
  expect_all_schedules_hold({2, 2, 1, false}, 7);
}

TEST(CausalityExhaustive, TwoReplicasTwoClientsTwoKeysOfOneCounterI3I4I5) {
  expect_all_schedules_hold({2, 2, 2, false}, 5);
}

/// The shortest schedule that shows a planted bug is found, not only some schedule.
template <typename Rules>
std::size_t shortest_failure(std::size_t depth_max) {
  Explorer<Rules> explorer({3, 2, 1, false}, kAllActs);
  for (std::size_t depth = 1; depth <= depth_max; ++depth) {
    if (!explorer.explore(depth)) return explorer.path_length();
  }
  return 0;
}

struct ReplyCarriesObjectContext : RealRules {
  static constexpr bool kJudgesContexts = false;
  static Context reply(const Context&, std::optional<Dot>, const Object&, const Object& after) {
    return after.context();
  }
};

struct OverwriteInsteadOfJoin : RealRules {
  static constexpr bool kJudgesContexts = false;
  static void apply(Object& mine, const Object& theirs) { mine = theirs; }
};

struct ActorSurvivesWipe : RealRules {
  static constexpr bool kJudgesContexts = false;
  static constexpr bool kNewActorAfterWipe = false;
};

TEST(CausalityExhaustive, CanariesHaveTheirKnownShortestFailure) {
  // Two blind puts at one coordinator, then the second writer again (DESIGN §4).
  EXPECT_EQ(shortest_failure<ReplyCarriesObjectContext>(4), 3u);
  // A put, then anything older on top of it.
  EXPECT_EQ(shortest_failure<OverwriteInsteadOfJoin>(4), 3u);
  // A put, a wipe, the same dot again.
  EXPECT_EQ(shortest_failure<ActorSurvivesWipe>(4), 3u);
}

}  // namespace
}  // namespace dynakv::test

// Planted bugs of membership, caught by the law that merges give the same in any order (I16).
#include <gtest/gtest.h>

#include <string>

#include "dynakv/base/random.h"
#include "dynakv/domain/canary.h"
#include "dynakv/domain/membership.h"
#include "dynakv/protocol/canary.h"

namespace dynakv {
namespace {

constexpr std::uint64_t kSeedBudget = 100;

/// What a member says in two lives, and perhaps its removal.
std::vector<MemberState> two_lives(Random& random) {
  std::vector<MemberState> said;
  for (std::uint64_t life = 1; life <= 2; ++life) {
    for (std::uint64_t version = 1; version <= 1 + random.below(3); ++version) {
      MemberState state;
      state.at = {.id = {0, 1}, .incarnation = life, .version = version, .changed = version};
      state.name = "n";
      said.push_back(state);
    }
  }
  if (random.chance(1, 2)) {
    said.push_back({{.id = {0, 1}, .incarnation = kLeftIncarnation}, {}, {}});
  }
  return said;
}

bool is_caught_by(std::uint64_t seed) {
  Random random(seed);
  std::vector<MemberState> said = two_lives(random);
  Membership first;
  Membership second;
  first.merge(said);
  random.shuffle(said);
  second.merge(said);
  return first.states() != second.states();
}

class MembershipCanary : public ::testing::TestWithParam<DomainCanary> {
 protected:
  void TearDown() override { planted_canary = nullptr; }
};

TEST_P(MembershipCanary, IsCaught) {
  planted_canary = &row_of(GetParam());
  for (std::uint64_t seed = 1; seed <= kSeedBudget; ++seed) {
    if (is_caught_by(seed)) return;
  }
  FAIL() << "not caught within " << kSeedBudget << " seeds";
}

TEST_P(MembershipCanary, TheCodeAsItIsPassesTheSameSeeds) {
  for (std::uint64_t seed = 1; seed <= kSeedBudget; ++seed) {
    EXPECT_FALSE(is_caught_by(seed)) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, MembershipCanary,
                         ::testing::Values(DomainCanary::removed_member_returns,
                                           DomainCanary::late_incarnation_wins));

}  // namespace
}  // namespace dynakv

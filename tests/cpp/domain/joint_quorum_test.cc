// A quorum in each of several groups at once, as when layouts change (DESIGN §5 rule 7).
#include "dynakv/domain/joint_quorum.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "dynakv/base/random.h"
#include "tests/cpp/support/check_guard.h"
#include "tests/cpp/support/seeds.h"

namespace dynakv {
namespace {

constexpr NodeId kA{0, 1};
constexpr NodeId kB{0, 2};
constexpr NodeId kC{0, 3};
constexpr NodeId kD{0, 4};

using Nodes = std::vector<NodeId>;
using Members = std::vector<QuorumGroups::Member>;

constexpr GroupSet kFirst = 1;
constexpr GroupSet kSecond = 2;
constexpr GroupSet kBoth = 3;

TEST(QuorumGroups, ANodeStandsOnceWithAllItsGroups) {
  QuorumGroups groups(Nodes{kA, kB, kC});
  EXPECT_EQ(groups.members(), (Members{{kA, kFirst}, {kB, kFirst}, {kC, kFirst}}));
  groups.add(Nodes{kD, kB});
  EXPECT_EQ(groups.count(), 2u);
  EXPECT_EQ(groups.members(), (Members{{kA, kFirst}, {kB, kBoth}, {kC, kFirst}, {kD, kSecond}}));
}

TEST(QuorumGroups, NoNodeStandsTwiceInOneGroup) {
  const test::CheckGuard guard;
  EXPECT_THROW(QuorumGroups(Nodes{kA, kA}), test::CheckFailed);
  QuorumGroups groups(Nodes{kA});
  for (std::size_t more = 1; more < kQuorumGroupsMax; ++more) groups.add(Nodes{kA});
  EXPECT_THROW(groups.add(Nodes{kA}), test::CheckFailed);
}

TEST(JointCount, OneGroupIsAnOrdinaryQuorum) {
  JointCount count(2, 1);
  EXPECT_EQ(count.state(), QuorumState::failed);
  count.add_open(kFirst);
  count.add_open(kFirst);
  EXPECT_EQ(count.state(), QuorumState::waiting);
  count.add_yes(kFirst);
  EXPECT_EQ(count.state(), QuorumState::waiting);
  count.add_yes(kFirst);
  EXPECT_EQ(count.state(), QuorumState::met);
  EXPECT_EQ(count.yes_count(), 2);
}

TEST(JointCount, TheQuorumOfOneGroupIsNoQuorumOfTheOther) {
  JointCount count(2, 2);
  count.add_yes(kFirst);
  count.add_yes(kFirst);
  EXPECT_EQ(count.state(), QuorumState::failed);
  EXPECT_EQ(count.yes_count(), 0);
  count.add_open(kSecond);
  count.add_open(kSecond);
  EXPECT_EQ(count.state(), QuorumState::waiting);
  count.add_yes(kSecond);
  count.add_yes(kSecond);
  EXPECT_EQ(count.state(), QuorumState::met);
}

TEST(JointCount, ANodeOfBothGroupsCountsInEach) {
  JointCount count(1, 2);
  count.add_yes(kBoth);
  EXPECT_EQ(count.state(), QuorumState::met);
  EXPECT_EQ(count.yes_count(), 1);
}

TEST(JointCount, AGroupThatCannotBeMetFailsTheWhole) {
  JointCount count(2, 2);
  for (int i = 0; i < 3; ++i) count.add_open(kFirst);
  count.add_open(kSecond);
  EXPECT_EQ(count.state(), QuorumState::failed);
}

// Against the definition: each group counted by itself.
TEST(JointCount, AgreesWithGroupsCountedOneByOne) {
  const std::uint64_t seed = test::seed_from_environment().value_or(31);
  SCOPED_TRACE(test::replay_command(seed, "dynakv_domain_tests"));
  Random random(seed);
  for (int round = 0; round < 2000; ++round) {
    const std::size_t groups = 1 + random.below(kQuorumGroupsMax);
    const int required = 1 + static_cast<int>(random.below(3));
    JointCount count(required, groups);
    std::vector<int> yes(groups);
    std::vector<int> open(groups);
    for (std::uint64_t node = random.below(12); node > 0; --node) {
      const auto member_of = static_cast<GroupSet>(random.below(256));
      const bool says_yes = random.chance(1, 2);
      says_yes ? count.add_yes(member_of) : count.add_open(member_of);
      for (std::size_t group = 0; group < groups; ++group) {
        const int counts = (member_of >> group) & 1;
        (says_yes ? yes : open)[group] += counts;
      }
    }
    QuorumState expected = QuorumState::met;
    for (std::size_t group = 0; group < groups; ++group) {
      if (yes[group] >= required || expected == QuorumState::failed) continue;
      expected = yes[group] + open[group] < required ? QuorumState::failed : QuorumState::waiting;
    }
    ASSERT_EQ(count.state(), expected) << "round " << round;
    ASSERT_EQ(count.yes_count(), *std::min_element(yes.begin(), yes.end())) << "round " << round;
  }
}

}  // namespace
}  // namespace dynakv

// Who holds one write: owners, and the fallbacks that stand in for them (Dynamo §4.6).
#include "dynakv/protocol/replication.h"

#include <gtest/gtest.h>

#include "tests/cpp/support/check_guard.h"

namespace dynakv::testing {
namespace {

constexpr NodeId kA{0, 1};
constexpr NodeId kB{0, 2};
constexpr NodeId kC{0, 3};
constexpr NodeId kD{0, 4};
constexpr NodeId kE{0, 5};
constexpr NodeId kStranger{0, 9};

using Nodes = std::vector<NodeId>;

Replication sloppy(int w) { return {w, true, QuorumGroups(Nodes{kA, kB, kC})}; }
Replication strict(int w) { return {w, false, QuorumGroups(Nodes{kA, kB, kC})}; }

TEST(Replication, AWriteWaitsForWOwners) {
  Replication copies = strict(2);
  EXPECT_EQ(copies.state(), QuorumState::waiting);
  EXPECT_EQ(copies.waiting_owners(), (Nodes{kA, kB, kC}));
  EXPECT_TRUE(copies.add_held(kA));
  EXPECT_EQ(copies.state(), QuorumState::waiting);
  EXPECT_TRUE(copies.add_held(kC));
  EXPECT_EQ(copies.state(), QuorumState::met);
  EXPECT_TRUE(copies.is_strict());
  EXPECT_EQ(copies.acked(), (Nodes{kA, kC}));
  EXPECT_EQ(copies.waiting_owners(), Nodes{kB});
}

TEST(Replication, I9ANodeCountsOnceHoweverOftenItAnswers) {
  Replication copies = sloppy(2);
  EXPECT_TRUE(copies.add_held(kA));
  EXPECT_FALSE(copies.add_held(kA));
  EXPECT_EQ(copies.held_count(), 1);
  EXPECT_EQ(copies.state(), QuorumState::waiting);
}

TEST(Replication, I9AnAnswerOfANodeThatWasNotAskedDoesNotCount) {
  Replication copies = sloppy(1);
  EXPECT_FALSE(copies.add_held(kStranger));
  EXPECT_FALSE(copies.add_failed(kStranger));
  copies.add_silent(kStranger);
  EXPECT_EQ(copies.held_count(), 0);
  EXPECT_FALSE(copies.is_asked(kStranger));
}

TEST(Replication, B33ANodeIsAskedForOneCopyOnly) {
  const test::CheckGuard guard;
  Replication copies = sloppy(2);
  copies.add_failed(kC);
  EXPECT_THROW(copies.add_stand_in(kB, kC), test::CheckFailed);
  copies.add_stand_in(kD, kC);
  EXPECT_TRUE(copies.is_asked(kD));
  EXPECT_THROW(copies.add_stand_in(kD, kB), test::CheckFailed);
}

// A failure after an acknowledgement, or the other way round, is a late word about nothing.
TEST(Replication, TheFirstAnswerOfANodeStands) {
  Replication copies = strict(3);
  copies.add_held(kA);
  EXPECT_FALSE(copies.add_failed(kA));
  EXPECT_TRUE(copies.add_failed(kB));
  EXPECT_FALSE(copies.add_failed(kB));
  EXPECT_FALSE(copies.add_held(kB));
  EXPECT_EQ(copies.acked(), Nodes{kA});
}

TEST(Replication, AStrictWriteFailsAsSoonAsTooFewOwnersAreLeft) {
  Replication copies = strict(2);
  copies.add_held(kA);
  copies.add_failed(kB);
  EXPECT_EQ(copies.state(), QuorumState::waiting);
  copies.add_failed(kC);
  EXPECT_EQ(copies.state(), QuorumState::failed);
}

TEST(Replication, AStrictWriteDoesNotCountHints) {
  Replication copies = strict(2);
  copies.add_held(kA);
  copies.add_failed(kB);
  copies.add_stand_in(kD, kB);
  EXPECT_TRUE(copies.add_held(kD));
  EXPECT_EQ(copies.held_count(), 1);
  EXPECT_EQ(copies.state(), QuorumState::waiting);
  copies.add_failed(kC);
  EXPECT_EQ(copies.state(), QuorumState::failed);
  // The hint is kept all the same: it brings the owner up to date.
  EXPECT_EQ(copies.hinted(), (std::vector<StandIn>{{kD, kB}}));
}

TEST(Replication, ASloppyWriteCountsHintsAndSaysSo) {
  Replication copies = sloppy(2);
  copies.add_held(kA);
  copies.add_failed(kB);
  copies.add_stand_in(kD, kB);
  EXPECT_TRUE(copies.add_held(kD));
  EXPECT_EQ(copies.state(), QuorumState::met);
  EXPECT_FALSE(copies.is_strict());
  EXPECT_EQ(copies.hinted(), (std::vector<StandIn>{{kD, kB}}));
}

TEST(Replication, ASloppyWriteFailsOnlyWhenNoFallbackIsLeft) {
  Replication copies = sloppy(2);
  copies.add_held(kA);
  copies.add_failed(kB);
  copies.add_failed(kC);
  EXPECT_EQ(copies.state(), QuorumState::waiting);
  copies.set_exhausted();
  EXPECT_EQ(copies.state(), QuorumState::failed);
}

TEST(Replication, AnExhaustedSloppyWriteStillWaitsForAStandIn) {
  Replication copies = sloppy(2);
  copies.add_held(kA);
  copies.add_failed(kB);
  copies.add_failed(kC);
  copies.add_stand_in(kD, kB);
  copies.set_exhausted();
  EXPECT_EQ(copies.state(), QuorumState::waiting);
  copies.add_failed(kD);
  EXPECT_EQ(copies.state(), QuorumState::failed);
}

TEST(Replication, ASilentOwnerIsReplacedAndItsLateAnswerStillCounts) {
  Replication copies = strict(2);
  copies.add_held(kA);
  copies.add_silent(kB);
  copies.add_silent(kC);
  EXPECT_EQ(copies.uncovered_owners(), (Nodes{kB, kC}));
  EXPECT_TRUE(copies.waiting_owners().empty());
  EXPECT_EQ(copies.state(), QuorumState::waiting);
  EXPECT_TRUE(copies.add_held(kB));
  EXPECT_EQ(copies.state(), QuorumState::met);
  EXPECT_EQ(copies.uncovered_owners(), Nodes{kC});
}

TEST(Replication, WhoAnsweredIsNotSilent) {
  Replication copies = strict(2);
  copies.add_held(kA);
  copies.add_silent(kA);
  EXPECT_TRUE(copies.uncovered_owners().empty());
  copies.add_failed(kB);
  copies.add_silent(kB);
  EXPECT_FALSE(copies.add_held(kB));
}

TEST(Replication, AnOwnerWhoseStandInFailsNeedsAnotherOne) {
  Replication copies = sloppy(2);
  copies.add_held(kA);
  copies.add_failed(kB);
  EXPECT_EQ(copies.uncovered_owners(), Nodes{kB});
  copies.add_stand_in(kD, kB);
  EXPECT_TRUE(copies.uncovered_owners().empty());
  copies.add_failed(kD);
  EXPECT_EQ(copies.uncovered_owners(), Nodes{kB});
  copies.add_stand_in(kE, kB);
  EXPECT_TRUE(copies.uncovered_owners().empty());
}

// B45: the duty to reach the last owner does not end with the reply.
TEST(Replication, B45AWriteIsSettledWhenEachOwnerHasItOrSomebodyKeepsItForThem) {
  Replication copies = sloppy(2);
  copies.add_held(kA);
  copies.add_held(kB);
  EXPECT_EQ(copies.state(), QuorumState::met);
  EXPECT_FALSE(copies.is_settled());
  EXPECT_EQ(copies.unsettled_owners(), Nodes{kC});
  copies.add_silent(kC);
  copies.add_stand_in(kD, kC);
  EXPECT_FALSE(copies.is_settled()) << "the stand-in has not said that it holds the hint";
  copies.add_held(kD);
  EXPECT_TRUE(copies.is_settled());
  EXPECT_TRUE(copies.unsettled_owners().empty());
}

TEST(Replication, TheCoordinatorsOwnHintSettlesAnOwnerAndCountsNoSecondTime) {
  Replication copies = sloppy(2);
  copies.add_held(kA);
  copies.add_failed(kB);
  copies.cover(kB);
  EXPECT_EQ(copies.held_count(), 1);
  EXPECT_EQ(copies.unsettled_owners(), Nodes{kC});
  copies.add_held(kC);
  EXPECT_TRUE(copies.is_settled());
  EXPECT_TRUE(copies.uncovered_owners().empty());
}

// Both the late owner and its stand-in are distinct physical nodes: each counts, once.
TEST(Replication, B33ALateOwnerAndItsStandInAreTwoNodes) {
  Replication copies = sloppy(3);
  copies.add_held(kA);
  copies.add_silent(kB);
  copies.add_stand_in(kD, kB);
  copies.add_held(kD);
  EXPECT_EQ(copies.held_count(), 2);
  copies.add_held(kB);
  EXPECT_EQ(copies.held_count(), 3);
  EXPECT_EQ(copies.state(), QuorumState::met);
  EXPECT_FALSE(copies.is_strict());
}

// While layouts change, W of each layout's owners must hold a write (DESIGN §5 rule 7).
QuorumGroups two_layouts() {
  QuorumGroups groups(Nodes{kA, kB, kC});
  groups.add(Nodes{kC, kD, kE});
  return groups;
}

TEST(Replication, AWriteWaitsForWOwnersOfEachGroup) {
  Replication copies(2, false, two_layouts());
  EXPECT_EQ(copies.waiting_owners(), (Nodes{kA, kB, kC, kD, kE}));
  copies.add_held(kA);
  copies.add_held(kB);
  EXPECT_EQ(copies.state(), QuorumState::waiting);
  EXPECT_EQ(copies.held_count(), 0);
  copies.add_held(kC);
  EXPECT_EQ(copies.held_count(), 1);
  copies.add_held(kD);
  EXPECT_EQ(copies.state(), QuorumState::met);
  EXPECT_EQ(copies.held_count(), 2);
  EXPECT_TRUE(copies.is_strict());
}

TEST(Replication, AWriteFailsWhenOneGroupCannotBeMet) {
  Replication copies(2, false, two_layouts());
  copies.add_held(kA);
  copies.add_held(kB);
  copies.add_failed(kD);
  EXPECT_EQ(copies.state(), QuorumState::waiting);
  copies.add_failed(kE);
  EXPECT_EQ(copies.state(), QuorumState::failed);
}

TEST(Replication, AStandInCountsInTheGroupsOfItsOwner) {
  constexpr NodeId kFallback{0, 6};
  Replication copies(1, true, two_layouts());
  copies.add_failed(kC);
  copies.add_stand_in(kFallback, kC);
  copies.add_held(kFallback);
  EXPECT_EQ(copies.state(), QuorumState::met);
  EXPECT_FALSE(copies.is_strict());
  Replication narrow(1, true, two_layouts());
  narrow.add_failed(kA);
  narrow.add_stand_in(kFallback, kA);
  narrow.add_held(kFallback);
  EXPECT_EQ(narrow.state(), QuorumState::waiting);
}

}  // namespace
}  // namespace dynakv::testing

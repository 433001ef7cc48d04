// What a witness of rollbacks remembers (B6).
#include "dynakv/protocol/peer_runs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "dynakv/adapters/memory_store.h"
#include "dynakv/protocol/store_keys.h"

namespace dynakv::testing {
namespace {

constexpr NodeId kPeer{1, 2};

Progress at(std::uint64_t incarnation, std::uint64_t run, std::uint64_t step) {
  return {incarnation, run, step};
}

class PeerRunsTest : public ::testing::Test {
 protected:
  void restart() {
    runs_.save();
    ASSERT_TRUE(store_.write_step().has_value());
    ASSERT_TRUE(again_.load().has_value());
  }

  MemoryStore store_;
  PeerRuns runs_{store_};
  PeerRuns again_{store_};
};

TEST_F(PeerRunsTest, EachRunIsRememberedWithItsLastStep) {
  runs_.note(kPeer, at(1, 9, 5));
  runs_.note(kPeer, at(2, 4, 7));
  runs_.note(kPeer, at(1, 9, 6));
  runs_.note(kPeer, at(2, 4, 6));
  // Put back to a backup: a life of the same number, in another run.
  runs_.hear(kPeer, at(2, 3, 5));
  EXPECT_EQ(runs_.of(kPeer), (std::vector{at(1, 9, 6), at(2, 3, 5), at(2, 4, 7)}));
  EXPECT_TRUE(runs_.of({3, 4}).empty());
}

TEST_F(PeerRunsTest, APeerBeforeItsFirstStepHasNoRun) {
  runs_.note(kPeer, {});
  EXPECT_TRUE(runs_.of(kPeer).empty());
  EXPECT_FALSE(runs_.has_unsaved());
}

TEST_F(PeerRunsTest, TheOldestRunMakesRoom) {
  for (std::uint64_t life = 2; life < 2 + kPeerRunCountMax; ++life) {
    runs_.note(kPeer, at(life, 1, life));
  }
  runs_.note(kPeer, at(1, 1, 1));
  EXPECT_EQ(runs_.of(kPeer).front(), at(2, 1, 2));
  runs_.note(kPeer, at(3, 7, 50));
  const auto seen = runs_.of(kPeer);
  ASSERT_EQ(seen.size(), kPeerRunCountMax);
  EXPECT_EQ(seen[0], at(3, 1, 3));
  EXPECT_EQ(seen[1], at(3, 7, 50));
  EXPECT_EQ(seen.back(), at(1 + kPeerRunCountMax, 1, 1 + kPeerRunCountMax));
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST_F(PeerRunsTest, WhatWasOnlyHeardIsNotStored) {
  runs_.hear(kPeer, at(1, 1, 5));
  EXPECT_FALSE(runs_.has_unsaved());
  restart();
  EXPECT_TRUE(again_.of(kPeer).empty());
}

TEST_F(PeerRunsTest, ACleanStopStoresWhatWasHeard) {
  runs_.hear(kPeer, at(1, 1, 5));
  runs_.note({3, 4}, at(1, 1, 5));
  runs_.note_all();
  restart();
  EXPECT_EQ(again_.of(kPeer), std::vector{at(1, 1, 5)});
  again_.note_all();
  EXPECT_FALSE(again_.has_unsaved());
}

// Data that depends on a step must not outlive the memory of that step, though it was heard of.
TEST_F(PeerRunsTest, B6DataThatDependsOnAStepThatWasHeardOfStoresIt) {
  runs_.hear(kPeer, at(1, 1, 6));
  runs_.note(kPeer, at(1, 1, 5));
  EXPECT_TRUE(runs_.has_unsaved());
  restart();
  EXPECT_EQ(again_.of(kPeer), std::vector{at(1, 1, 6)});
  runs_.note(kPeer, at(1, 1, 6));
  EXPECT_FALSE(runs_.has_unsaved()) << "it is stored already";
}

TEST_F(PeerRunsTest, EveryRunIsStored) {
  for (std::uint64_t life = 1; life <= kPeerRunCountMax; ++life) {
    runs_.note(kPeer, at(life, 7, 10 * life));
  }
  restart();
  EXPECT_EQ(again_.of(kPeer), runs_.of(kPeer));
}

TEST_F(PeerRunsTest, AMalformedRecordIsCorruption) {
  for (const std::size_t bytes : {0u, 23u, 25u, 24u * 9}) {
    store_.put(Space::node_state, peer_key(kPeer), Bytes(bytes, 'x'));
    ASSERT_TRUE(store_.write_step().has_value());
    PeerRuns runs(store_);
    const Status loaded = runs.load();
    ASSERT_FALSE(loaded.has_value()) << bytes;
    EXPECT_EQ(loaded.error().code, ErrorCode::corruption);
  }
}

}  // namespace
}  // namespace dynakv::testing

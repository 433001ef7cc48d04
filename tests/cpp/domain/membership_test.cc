// Membership as a value: merges in any order, old lives, removed ids, names, digests and deltas.
#include "dynakv/domain/membership.h"

#include <gtest/gtest.h>

#include <string>

#include "dynakv/base/random.h"
#include "tests/cpp/support/seeds.h"

namespace dynakv {
namespace {

MemberState state_of(std::uint64_t id, std::uint64_t incarnation, std::uint64_t version,
                     const Bytes& name, const Bytes& address = "a:1") {
  MemberState state;
  state.at = {.id = {0, id}, .incarnation = incarnation, .version = version, .changed = version};
  state.name = name;
  state.address = address;
  return state;
}

/// Everything that a few members said in a few lives, as a run could have it.
std::vector<MemberState> history(Random& random) {
  std::vector<MemberState> said;
  const std::uint64_t members = 1 + random.below(5);
  for (std::uint64_t id = 1; id <= members; ++id) {
    const Bytes name = "n" + std::to_string(random.below(4));
    const std::uint64_t lives = 1 + random.below(3);
    for (std::uint64_t life = 1; life <= lives; ++life) {
      MemberState state = state_of(id, life, 0, name);
      for (std::uint64_t version = 1 + random.below(3); version > 0; --version) {
        ++state.at.version;
        if (random.chance(1, 2)) {
          state.at.changed = state.at.version;
          state.ready = random.chance(1, 2);
          state.address = "a:" + std::to_string(random.below(3));
        }
        said.push_back(state);
      }
    }
    // A clone of the directory speaks with the same versions.
    if (random.chance(1, 4)) said.push_back(state_of(id, lives, 1, name, "clone:1"));
    if (random.chance(1, 4)) {
      MemberState left;
      left.at = {.id = {0, id}, .incarnation = kLeftIncarnation};
      said.push_back(left);
    }
  }
  return said;
}

TEST(Membership, I16MergesInAnyOrderAndNumberGiveTheSame) {
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    Random random(test::seed_from_environment().value_or(seed));
    std::vector<MemberState> said = history(random);
    Membership first;
    first.merge(said);
    random.shuffle(said);
    const std::size_t repeated = random.below(said.size() + 1);
    for (std::size_t i = 0; i < repeated; ++i) said.push_back(said[i]);
    Membership second;
    for (const MemberState& state : said) second.merge({state});
    ASSERT_EQ(first.states(), second.states())
        << test::replay_command(seed, "build/dev/bin/dynakv_domain_tests");
    ASSERT_EQ(first.refused_count(), second.refused_count()) << "seed " << seed;
    for (int name = 0; name < 4; ++name) {
      const Bytes text = "n" + std::to_string(name);
      ASSERT_EQ(first.owner_of(text), second.owner_of(text)) << "seed " << seed;
    }
  }
}

TEST(Membership, AnExchangeOfDigestsAndDeltasMakesBothSidesEqual) {
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    Random random(test::seed_from_environment().value_or(seed));
    Membership a;
    Membership b;
    for (const MemberState& state : history(random)) {
      // A state of equal age but other content is what a clone makes; no digest shows that.
      if (state.address == "clone:1") continue;
      if (random.chance(2, 3)) a.merge({state});
      if (random.chance(2, 3)) b.merge({state});
    }
    Membership both = a;
    for (const auto& [id, state] : b.states()) both.merge({state});

    const auto digest = a.digest();
    const MembershipDelta for_a = b.delta_for(digest);
    const MembershipDelta for_b = a.answer_to(b.wanted_from(digest));
    a.merge(for_a);
    b.merge(for_b);
    const std::string replay = test::replay_command(seed, "build/dev/bin/dynakv_domain_tests");
    ASSERT_EQ(a.states(), both.states()) << replay;
    ASSERT_EQ(b.states(), both.states()) << replay;
    EXPECT_TRUE(a.delta_for(b.digest()).states.empty());
    EXPECT_TRUE(a.delta_for(b.digest()).heartbeats.empty());
    EXPECT_TRUE(a.wanted_from(b.digest()).empty());
  }
}

TEST(Membership, OnlyAHeartbeatTravelsWhenNothingElseChanged) {
  Membership a;
  a.merge({state_of(1, 1, 4, "n1")});
  Membership b = a;
  MemberState later = state_of(1, 1, 9, "n1");
  later.at.changed = 4;
  a.merge({later});
  const MembershipDelta delta = a.delta_for(b.digest());
  EXPECT_TRUE(delta.states.empty());
  ASSERT_EQ(delta.heartbeats.size(), 1u);
  const auto news = b.merge(delta);
  EXPECT_EQ(news.beating.size(), 1u);
  EXPECT_TRUE(news.changed.empty());
  EXPECT_EQ(b.find({0, 1})->at.version, 9u);
  // Who has not seen the change needs the state, whatever the heartbeat says.
  Membership c;
  c.merge({state_of(1, 1, 3, "n1", "old:1")});
  EXPECT_TRUE(c.merge(delta).beating.empty());
  EXPECT_EQ(a.delta_for(c.digest()).states.size(), 1u);
}

TEST(Membership, B37ARemovedIdNeverReturns) {
  Membership membership;
  membership.merge({state_of(1, 3, 9, "n1")});
  EXPECT_EQ(membership.mark_left({0, 1}).changed.size(), 1u);
  membership.merge({state_of(1, 4, 1, "n1"), state_of(1, kIncarnationMax, 1, "n1")});
  EXPECT_TRUE(membership.find({0, 1})->has_left());
  EXPECT_TRUE(membership.owner_of("n1").is_nil());
  // Nor for one that hears of the removal first, and of the member later.
  Membership other;
  other.merge(membership.delta_for(other.digest()));
  other.merge({state_of(1, 3, 9, "n1")});
  EXPECT_TRUE(other.find({0, 1})->has_left());
  // The name is free for another id.
  membership.merge({state_of(2, 1, 1, "n1")});
  EXPECT_EQ(membership.owner_of("n1"), (NodeId{0, 2}));
}

TEST(Membership, B38ALateMessageOfAnOldLifeChangesNothing) {
  Membership membership;
  membership.merge({state_of(1, 2, 1, "n1", "new:1")});
  const auto news = membership.merge({state_of(1, 1, 500, "n1", "old:1")});
  EXPECT_TRUE(news.beating.empty());
  EXPECT_EQ(membership.find({0, 1})->address, "new:1");
  membership.merge(MembershipDelta{{}, {{.id = {0, 1}, .incarnation = 1, .version = 900}}});
  EXPECT_EQ(membership.find({0, 1})->at.version, 1u);
}

TEST(Membership, B39AnIncarnationThatNoCountReachesIsDropped) {
  Membership membership;
  membership.merge({state_of(1, 2, 1, "n1")});
  membership.merge({state_of(1, kIncarnationMax + 1, 1, "n1", "poison:1")});
  membership.merge({state_of(1, 3, 1, "n1", "new:1")});
  EXPECT_EQ(membership.find({0, 1})->address, "new:1");
  EXPECT_EQ(membership.dropped_count(), 1u);
}

TEST(Membership, ANameBelongsToTheLayoutsMemberElseToTheSmallestId) {
  for (const bool other_way : {false, true}) {
    Membership membership;
    std::vector<MemberState> states{state_of(7, 1, 1, "n1"), state_of(5, 1, 1, "n1")};
    if (other_way) std::swap(states[0], states[1]);
    membership.merge(states);
    EXPECT_FALSE(membership.is_refused({0, 5}));
    EXPECT_TRUE(membership.is_refused({0, 7}));
    Layout layout;
    layout.members.push_back({.id = {0, 7}, .name = "n1", .address = {}});
    membership.set_layout(layout);
    EXPECT_TRUE(membership.is_refused({0, 5}));
    EXPECT_FALSE(membership.is_refused({0, 7}));
    EXPECT_EQ(membership.refused_count(), 1u);
  }
}

TEST(Membership, ANameIsFreeWhenItsIdTakesAnotherOneOrLeaves) {
  Membership membership;
  membership.merge({state_of(1, 1, 1, "n1")});
  membership.merge({state_of(1, 2, 1, "n2")});
  EXPECT_TRUE(membership.owner_of("n1").is_nil());
  EXPECT_EQ(membership.owner_of("n2"), (NodeId{0, 1}));
  // A state that left and still says its name, as another release may send it.
  membership.merge({state_of(1, kLeftIncarnation, 0, "n2")});
  EXPECT_TRUE(membership.owner_of("n2").is_nil());
}

TEST(Membership, TheNumberOfIdsIsBounded) {
  Membership membership;
  for (std::uint64_t id = 1; id <= kMemberCountMax + 5; ++id) {
    membership.merge({state_of(id, 1, 1, "n" + std::to_string(id))});
  }
  EXPECT_EQ(membership.states().size(), kMemberCountMax);
  EXPECT_EQ(membership.dropped_count(), 5u);
  membership.merge({state_of(1, 2, 1, "n1", "known ids go on:1")});
  EXPECT_EQ(membership.find({0, 1})->at.incarnation, 2u);
}

TEST(Membership, DigestsInAnyOrderAreTaken) {
  Membership membership;
  membership.merge({state_of(1, 1, 1, "a"), state_of(2, 1, 1, "b"), state_of(3, 1, 1, "c")});
  std::vector<MemberVersion> digest = membership.digest();
  std::swap(digest.front(), digest.back());
  digest.push_back(digest.front());
  // Needless states at the worst; never less than what is lacked.
  EXPECT_LE(membership.delta_for(digest).states.size(), 3u);
  EXPECT_LE(membership.wanted_from(digest).size(), digest.size());
}

TEST(Membership, ItsRecordsReadBackAndDamageIsSeen) {
  MemberState state = state_of(9, 3, 8, "name", "host:1");
  state.ready = true;
  state.layout = static_cast<LayoutVersion>(4);
  const Bytes record = encode_member_state(state);
  EXPECT_EQ(decode_member_state(record).value(), state);
  for (std::size_t size = 0; size < record.size(); ++size) {
    EXPECT_FALSE(decode_member_state(BytesView(record).substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(decode_member_state(record + "x").has_value());
}

}  // namespace
}  // namespace dynakv

#include "dynakv/domain/quorum.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "dynakv/base/random.h"
#include "tests/cpp/support/check_guard.h"

namespace dynakv::test {
namespace {

NodeId node(std::uint64_t n) { return {n, ~n}; }

TEST(QuorumSize, Resolves) {
  for (int n = 1; n <= 7; ++n) {
    EXPECT_EQ(*QuorumSize::majority().resolve(n), n / 2 + 1);
    EXPECT_EQ(*QuorumSize::all().resolve(n), n);
    for (std::int16_t count = 1; count <= n; ++count) {
      EXPECT_EQ(*QuorumSize::count(count).resolve(n), count);
    }
  }
}

TEST(QuorumSize, RefusesWhatDoesNotFitAndSaysWhatDoes) {
  for (const std::int16_t number : {4, 100, -3, -32768}) {
    const Result<int> size = QuorumSize::from_number(number).resolve(3);
    ASSERT_FALSE(size);
    EXPECT_EQ(size.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(size.error().message.find("use 1 to 3"), std::string::npos) << size.error().message;
  }
  const CheckGuard guard;
  EXPECT_THROW((void)QuorumSize::bucket_default().resolve(3), CheckFailed);
}

TEST(QuorumSize, TextIsWhatUsersWrite) {
  EXPECT_EQ(QuorumSize::majority().text(), "quorum");
  EXPECT_EQ(QuorumSize::all().text(), "all");
  EXPECT_EQ(QuorumSize::count(2).text(), "2");
  EXPECT_EQ(QuorumSize::bucket_default().text(), "default");
}

TEST(QuorumTally, CountsEachNodeOnceI9B33) {
  QuorumTally tally(2, {node(1), node(2), node(3)});
  EXPECT_TRUE(tally.add_success(node(1)));
  EXPECT_FALSE(tally.add_success(node(1))) << "a duplicate";
  EXPECT_FALSE(tally.add_failure(node(1))) << "a node does not change its mind";
  EXPECT_FALSE(tally.add_success(node(9))) << "a stranger";
  EXPECT_EQ(tally.state(), QuorumState::waiting);
  EXPECT_TRUE(tally.add_failure(node(2)));
  EXPECT_FALSE(tally.add_success(node(2))) << "success after failure";
  EXPECT_EQ(tally.state(), QuorumState::waiting);
  EXPECT_TRUE(tally.add_success(node(3)));
  EXPECT_EQ(tally.state(), QuorumState::met);
  EXPECT_EQ(tally.succeeded(), (std::vector<NodeId>{node(1), node(3)}));
  EXPECT_TRUE(tally.all_answered());
}

TEST(QuorumTally, FailsAsSoonAsTooFewAreLeft) {
  QuorumTally tally(2, {node(1), node(2), node(3)});
  tally.add_failure(node(3));
  EXPECT_EQ(tally.state(), QuorumState::waiting);
  tally.add_failure(node(1));
  EXPECT_EQ(tally.state(), QuorumState::failed);
  EXPECT_TRUE(tally.is_pending(node(2)));
  tally.add_success(node(2));
  EXPECT_EQ(tally.state(), QuorumState::failed) << "one late answer is no quorum";
}

TEST(QuorumTally, RefusesAnImpossibleQuorumAndOneNodeTwiceB32) {
  const CheckGuard guard;
  EXPECT_THROW(QuorumTally(3, {node(1), node(2)}), CheckFailed);
  EXPECT_THROW(QuorumTally(0, {node(1)}), CheckFailed);
  EXPECT_THROW(QuorumTally(2, {node(1), node(2), node(1)}), CheckFailed);
}

TEST(QuorumTally, AdversarialAnswersAgreeWithTheTwinI9) {
  Random random(1);
  for (int run = 0; run < 100'000; ++run) {
    const std::uint64_t asked_count = 1 + random.below(7);
    std::vector<NodeId> asked;
    for (std::uint64_t i = 0; i < asked_count; ++i) asked.push_back(node(i));
    random.shuffle(asked);
    const int required = static_cast<int>(1 + random.below(asked_count));
    QuorumTally tally(required, asked);
    std::map<NodeId, bool> first_answers;
    QuorumState last = QuorumState::waiting;
    for (std::uint64_t i = random.below(16); i > 0; --i) {
      const NodeId from = node(random.below(asked_count + 2));
      const bool success = random.chance(1, 2);
      const bool stranger = std::find(asked.begin(), asked.end(), from) == asked.end();
      const bool counts = !stranger && first_answers.emplace(from, success).second;
      ASSERT_EQ(success ? tally.add_success(from) : tally.add_failure(from), counts);
      int successes = 0;
      for (const auto& [name, good] : first_answers) successes += good ? 1 : 0;
      const int open = static_cast<int>(asked_count - first_answers.size());
      const QuorumState truth = successes >= required         ? QuorumState::met
                                : successes + open < required ? QuorumState::failed
                                                              : QuorumState::waiting;
      ASSERT_EQ(tally.state(), truth);
      ASSERT_TRUE(last == QuorumState::waiting || last == truth) << "a verdict never changes";
      last = truth;
      ASSERT_EQ(tally.success_count(), successes);
      ASSERT_EQ(tally.all_answered(), open == 0);
    }
  }
}

}  // namespace
}  // namespace dynakv::test

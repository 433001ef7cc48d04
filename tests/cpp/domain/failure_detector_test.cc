// The failure detector over distributions of delays, with virtual time.
#include "dynakv/domain/failure_detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "dynakv/base/random.h"

namespace dynakv {
namespace {

const NodeId kPeer{0, 1};
constexpr Instant kStart{1'000'000'000};

/// The time from one heartbeat's arrival to the next one's.
using Interval = std::function<Duration(Random&)>;

Duration uniform(Random& random, Duration first, Duration last) {
  return {random.between(first.nanoseconds, last.nanoseconds)};
}

struct Distribution {
  std::string name;
  Interval interval;
};

std::vector<Distribution> distributions() {
  return {
      {"steady", [](Random& r) { return uniform(r, milliseconds(875), milliseconds(1010)); }},
      {"through others",
       [](Random& r) { return uniform(r, milliseconds(50), milliseconds(1900)); }},
      // A machine at its limit: most heartbeats in time, one of ten up to 0.9 s late.
      {"heavy tail",
       [](Random& r) {
         const Duration late =
             r.chance(1, 10) ? uniform(r, milliseconds(200), milliseconds(900)) : Duration{};
         return uniform(r, milliseconds(875), milliseconds(1050)) + late;
       }},
      {"every fifth lost", [](Random& r) { return milliseconds(r.chance(1, 5) ? 1950 : 975); }},
  };
}

/// When silence from `now` on makes it a suspect.
Instant suspected_at(const FailureDetector& detector, Instant now) {
  const Instant asked = detector.review(now, now + seconds(100)).next;
  return detector.review(asked, now + seconds(100)).next;
}

TEST(FailureDetector, ADeadPeerIsSuspectedWithinFiveSecondsAlways) {
  for (const Distribution& distribution : distributions()) {
    int in_time = 0;
    constexpr int kDeaths = 2000;
    for (int death = 0; death < kDeaths; ++death) {
      Random random(static_cast<std::uint64_t>(death));
      FailureDetector detector{{}};
      detector.watch(kPeer, kStart);
      Instant now = kStart;
      for (std::uint64_t beats = random.below(60); beats > 0; --beats) {
        now = now + distribution.interval(random);
        detector.heartbeats({kPeer}, now);
      }
      const Instant at = suspected_at(detector, now);
      ASSERT_GT(at, now);
      EXPECT_FALSE(detector.is_suspect(kPeer, at - Duration{1}));
      EXPECT_TRUE(detector.is_suspect(kPeer, at));
      if (at - now <= seconds(5)) ++in_time;
    }
    EXPECT_GE(in_time, kDeaths * 99 / 100) << distribution.name;
  }
}

TEST(FailureDetector, NoLivePeerIsSuspectedInAnHour) {
  for (const Distribution& distribution : distributions()) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Random random(seed);
      FailureDetector detector{{}};
      detector.watch(kPeer, kStart);
      Instant now = kStart;
      while (now < kStart + seconds(3600)) {
        now = now + distribution.interval(random);
        ASSERT_FALSE(detector.is_suspect(kPeer, now))
            << distribution.name << ", seed " << seed << ", after "
            << (now - kStart).milliseconds();
        detector.heartbeats({kPeer}, now);
      }
    }
  }
}

TEST(FailureDetector, TheThresholdFollowsWhatIsUsual) {
  const auto threshold = [](Duration interval) {
    FailureDetector detector{{}};
    Instant now = kStart;
    detector.watch(kPeer, now);
    for (int i = 0; i < 40; ++i) {
      now = now + interval;
      detector.heartbeats({kPeer}, now);
    }
    return suspected_at(detector, now) - now;
  };
  const FailureDetectorOptions options;
  EXPECT_EQ(threshold(milliseconds(100)), options.silence_min);
  EXPECT_LT(threshold(milliseconds(900)), threshold(milliseconds(1100)));
  EXPECT_EQ(threshold(milliseconds(2000)), options.silence_max);
}

TEST(FailureDetector, AnOutageDoesNotMakeTheNextOneHarderToSee) {
  FailureDetector detector{{}};
  Instant now = kStart;
  detector.watch(kPeer, now);
  for (int i = 0; i < 20; ++i) detector.heartbeats({kPeer}, now = now + seconds(1));
  const Duration before = suspected_at(detector, now) - now;
  detector.heartbeats({kPeer}, now = now + seconds(600));
  EXPECT_EQ(suspected_at(detector, now) - now, before);
}

TEST(FailureDetector, WhoIsAboutToBeSuspectedIsToBeAskedBefore) {
  FailureDetector detector{{}};
  detector.watch(kPeer, kStart);
  const auto early = detector.review(kStart, kStart + seconds(9));
  EXPECT_TRUE(early.quiet.empty());
  const auto review = detector.review(early.next, kStart + seconds(9));
  EXPECT_EQ(review.quiet, std::vector<NodeId>{kPeer});
  EXPECT_TRUE(review.suspects.empty());
  EXPECT_EQ(review.next - early.next, FailureDetectorOptions{}.ask_before);
  detector.asked(kPeer, early.next);
  EXPECT_TRUE(detector.review(early.next, kStart).quiet.empty()) << "it owes an answer now";
  EXPECT_EQ(detector.review(review.next, kStart).suspects, std::vector<NodeId>{kPeer});
}

TEST(FailureDetector, AnyWordFromThePeerIsLife) {
  FailureDetector detector{{}};
  detector.watch(kPeer, kStart);
  EXPECT_TRUE(detector.is_suspect(kPeer, kStart + seconds(4)));
  detector.heard(kPeer, kStart + seconds(5));
  EXPECT_FALSE(detector.is_suspect(kPeer, kStart + seconds(6)));
  EXPECT_EQ(detector.last_sign(kPeer), kStart + seconds(5));
}

TEST(FailureDetector, WhoIsHeardOfOnlyThroughOthersAndNeverAnswersIsSuspected) {
  FailureDetector detector{{}};
  detector.watch(kPeer, kStart);
  Instant now = kStart;
  for (int i = 0; i < 10; ++i) {
    now = now + milliseconds(500);
    detector.heartbeats({kPeer}, now);
  }
  EXPECT_FALSE(detector.is_suspect(kPeer, now));
  detector.asked(kPeer, now);
  EXPECT_EQ(detector.review(now, now).owing, std::vector<NodeId>{kPeer});
  for (int i = 0; i < 6; ++i) {
    EXPECT_FALSE(detector.is_suspect(kPeer, now));
    now = now + milliseconds(500);
    detector.heartbeats({kPeer}, now);
    detector.asked(kPeer, now);
  }
  EXPECT_TRUE(detector.is_suspect(kPeer, now));
  detector.heard(kPeer, now);
  EXPECT_FALSE(detector.is_suspect(kPeer, now));
  EXPECT_TRUE(detector.review(now, now).owing.empty());
}

TEST(FailureDetector, ANodeThatDidNotRunItselfAccusesNobody) {
  FailureDetector detector{{}};
  detector.watch(kPeer, kStart);
  detector.asked(kPeer, kStart);
  const Instant resumed = kStart + seconds(30);
  EXPECT_TRUE(detector.is_suspect(kPeer, resumed));
  detector.excuse(seconds(30), resumed);
  EXPECT_FALSE(detector.is_suspect(kPeer, resumed));
  EXPECT_TRUE(detector.is_suspect(kPeer, resumed + seconds(4)));
}

TEST(FailureDetector, UnwatchedPeersAreIgnored) {
  FailureDetector detector{{}};
  detector.heartbeats({kPeer}, kStart);
  detector.heard(kPeer, kStart);
  detector.asked(kPeer, kStart);
  EXPECT_FALSE(detector.is_suspect(kPeer, kStart + seconds(100)));
  EXPECT_FALSE(detector.last_sign(kPeer).has_value());
  EXPECT_EQ(detector.review(kStart, kStart + seconds(9)).next, Instant::far_future());
}

}  // namespace
}  // namespace dynakv

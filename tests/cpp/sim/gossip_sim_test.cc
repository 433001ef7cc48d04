// Gossip and failure detection on virtual time: how fast, how often wrong, and at which cost.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "dynakv/adapters/wire_codec.h"
#include "dynakv/sim/simulation.h"

namespace dynakv {
namespace {

SimulationOptions nodes_of(int count, std::uint64_t seed) {
  SimulationOptions options;
  options.node_count = count;
  options.seed = seed;
  return options;
}

bool suspects(const Simulation& simulation, int at, int whom) {
  return simulation.node(at).core().is_suspect(simulation.node(whom).id());
}

std::uint64_t suspicions(const Simulation& simulation) {
  std::uint64_t count = 0;
  for (int i = 0; i < simulation.node_count(); ++i) {
    if (simulation.node(i).is_running()) {
      count += simulation.node(i).core().counters().at("suspicions");
    }
  }
  return count;
}

/// Runs until the other nodes suspect `whom`; the time of each, or the limit.
std::vector<Duration> times_to_suspect(Simulation& simulation, int whom, Duration limit) {
  const Instant start = simulation.now();
  std::vector<Duration> times(static_cast<std::size_t>(simulation.node_count()), limit);
  while (simulation.now() < start + limit) {
    simulation.run_for(milliseconds(10));
    bool all = true;
    for (int i = 0; i < simulation.node_count(); ++i) {
      Duration& time = times[static_cast<std::size_t>(i)];
      if (i == whom || time < limit) continue;
      if (suspects(simulation, i, whom)) {
        time = simulation.now() - start;
      } else {
        all = false;
      }
    }
    if (all) break;
  }
  times.erase(times.begin() + whom);
  return times;
}

void start_and_settle(Simulation& simulation, Duration span = seconds(8)) {
  ASSERT_TRUE(simulation.run_until([&] { return simulation.all_ready(); }, seconds(10)));
  simulation.run_for(span);
}

/// `crash` makes node 1 fall silent.
void print_and_check(const char* what, int node_count, int rounds,
                     const std::function<void(Simulation&)>& crash) {
  std::vector<Duration> times;
  for (int round = 0; round < rounds; ++round) {
    Simulation simulation(nodes_of(node_count, static_cast<std::uint64_t>(round)));
    start_and_settle(simulation, seconds(8) + milliseconds(37 * (round % 27)));
    EXPECT_EQ(suspicions(simulation), 0u) << "seed " << round;
    crash(simulation);
    for (const Duration time : times_to_suspect(simulation, 1, seconds(20))) times.push_back(time);
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](std::size_t percent) {
    return static_cast<long long>(times[(times.size() - 1) * percent / 100].milliseconds());
  };
  std::printf(
      "  %s, %d nodes: %d times, seen by each other node after p50 %lld ms, p99 %lld ms, "
      "max %lld ms\n",
      what, node_count, rounds, at(50), at(99), at(100));
  EXPECT_LE(at(99), 5000) << what;
  EXPECT_LT(at(100), 20'000) << what << ": not noticed";
}

TEST(GossipSim, ADeadNodeIsSuspectedWithinFiveSeconds) {
  print_and_check("loss of power", 5, 150, [](Simulation& s) { s.crash(1, true); });
  print_and_check("kill", 5, 100, [](Simulation& s) { s.crash(1); });
  print_and_check("pause", 3, 60, [](Simulation& s) { s.pause(1); });
  print_and_check("loss of power", 40, 10, [](Simulation& s) { s.crash(1, true); });
}

TEST(GossipSim, NobodyAliveIsSuspectedInAnHourOfSlowSteps) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Simulation simulation(nodes_of(5, seed));
    // At 80 % CPU a step waits for four others; this is a hundred times an idle machine's.
    for (int i = 0; i < 5; ++i) simulation.set_slowness(i, 100);
    start_and_settle(simulation);
    simulation.run_for(seconds(3600));
    EXPECT_EQ(suspicions(simulation), 0u) << "seed " << seed;
    EXPECT_GE(simulation.node(0).core().counters().at("gossip_rounds"), 3600u);
  }
}

/// Every `pause`, each client puts and reads a key, until `until`.
void keep_busy(Simulation& simulation, Duration pause, Instant until) {
  if (simulation.now() >= until) return;
  const auto turn = static_cast<std::uint64_t>(simulation.now().nanoseconds);
  for (int client = 0; client < 3; ++client) {
    const Bytes key = "k" + std::to_string((turn / 1'000'000 + static_cast<unsigned>(client)) % 97);
    WriteOperation put;
    put.bucket = Bytes(kDefaultBucket);
    put.key = key;
    put.value = "v";
    put.precondition = Precondition::overwrite;
    simulation.start(client, std::move(put));
    simulation.start(client, GetOperation{Bytes(kDefaultBucket), key, {}});
  }
  simulation.at(simulation.now() + pause,
                [&simulation, pause, until] { keep_busy(simulation, pause, until); });
}

TEST(GossipSim, NobodyAliveIsSuspectedInAnHourUnderLoad) {
  Simulation simulation(nodes_of(5, 7));
  std::uint64_t answered = 0;
  simulation.on_reply = [&](int, const Reply& reply) {
    answered += std::holds_alternative<ErrorReply>(reply.outcome) ? 0 : 1;
  };
  for (int i = 0; i < 3; ++i) simulation.add_client();
  for (int i = 0; i < 5; ++i) simulation.set_slowness(i, 100);
  start_and_settle(simulation);
  keep_busy(simulation, milliseconds(500), simulation.now() + seconds(3600));
  simulation.run_for(seconds(3610));
  EXPECT_EQ(suspicions(simulation), 0u);
  EXPECT_GE(answered, 40'000u);
}

TEST(GossipSim, ALossyNetworkMakesNoStorm) {
  SimulationOptions options = nodes_of(5, 4);
  options.network.loss_permille = 50;
  Simulation simulation(options);
  start_and_settle(simulation);
  simulation.run_for(seconds(1200));
  EXPECT_EQ(suspicions(simulation), 0u);
}

TEST(GossipSim, TheReturnOfANodeIsNoticed) {
  Simulation simulation(nodes_of(5, 3));
  start_and_settle(simulation);
  simulation.crash(1, true);
  simulation.run_for(seconds(10));
  for (const int i : {0, 2, 3, 4}) EXPECT_TRUE(suspects(simulation, i, 1));
  ASSERT_TRUE(simulation.restart(1).has_value());
  ASSERT_TRUE(simulation.run_until([&] { return simulation.all_ready(); }, seconds(10)));
  simulation.run_for(seconds(2));
  for (const int i : {0, 2, 3, 4}) {
    EXPECT_FALSE(suspects(simulation, i, 1)) << i;
    EXPECT_FALSE(suspects(simulation, 1, i)) << i;
    const MemberState* state = simulation.node(i).core().membership().find(simulation.node(1).id());
    ASSERT_NE(state, nullptr);
    EXPECT_EQ(state->at.incarnation, 2u) << i;
  }
}

TEST(GossipSim, APausedNodeIsSuspectedAndWhenItGoesOnAccusesNobody) {
  Simulation simulation(nodes_of(4, 5));
  start_and_settle(simulation);
  simulation.pause(2);
  simulation.run_for(seconds(20));
  for (const int i : {0, 1, 3}) EXPECT_TRUE(suspects(simulation, i, 2)) << i;
  simulation.resume(2);
  simulation.run_for(seconds(3));
  for (const int i : {0, 1, 3}) {
    EXPECT_FALSE(suspects(simulation, i, 2)) << i;
    EXPECT_FALSE(suspects(simulation, 2, i)) << i;
  }
  EXPECT_EQ(simulation.node(2).core().counters().at("suspicions"), 0u);
}

TEST(GossipSim, InAPartitionOfOneDirectionAtLeastOneSideNotices) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimulationOptions options = nodes_of(5, seed);
    // The connections stay, as they do for minutes when nothing is sent: only gossip can tell.
    options.silence_noticed_mean = seconds(100'000);
    Simulation simulation(options);
    start_and_settle(simulation);
    simulation.partition({0}, {1}, true);
    EXPECT_TRUE(simulation.run_until(
        [&] { return suspects(simulation, 0, 1) || suspects(simulation, 1, 0); }, seconds(6)))
        << "seed " << seed;
    simulation.run_for(seconds(30));
    EXPECT_TRUE(suspects(simulation, 0, 1) || suspects(simulation, 1, 0)) << "seed " << seed;
    EXPECT_FALSE(suspects(simulation, 2, 0)) << "seed " << seed;
    EXPECT_FALSE(suspects(simulation, 2, 1)) << "seed " << seed;
  }
}

/// What a run with a crash and a return of node 2 tells of beliefs, in words.
std::vector<std::string> told_beliefs(Simulation& simulation) {
  start_and_settle(simulation);
  simulation.crash(2, true);
  simulation.run_for(simulation.options().protocol.gossip.dead_after + seconds(6));
  EXPECT_TRUE(simulation.restart(2).has_value());
  simulation.run_for(seconds(8));
  std::vector<std::string> told;
  for (const SimEvent& event : simulation.trace_log()) {
    if (event.kind != "suspect" && event.kind != "dead" && event.kind != "alive") continue;
    EXPECT_EQ(event.peer, 2);
    told.push_back(std::to_string(event.host) + " " + event.kind);
  }
  std::sort(told.begin(), told.end());
  return told;
}

TEST(GossipSim, TheTraceTellsWhatEachNodeBelieves) {
  SimulationOptions options = nodes_of(4, 3);
  Simulation silent(options);
  options.tracing = true;
  Simulation simulation(options);
  const std::vector<std::string> expected = {"0 alive", "0 dead", "0 suspect",
                                             "1 alive", "1 dead", "1 suspect",
                                             "3 alive", "3 dead", "3 suspect"};
  EXPECT_EQ(told_beliefs(simulation), expected);
  EXPECT_TRUE(told_beliefs(silent).empty());
  // Beliefs are told of a run, and are no part of it.
  EXPECT_EQ(silent.trace_hash(), simulation.trace_hash());
}

/// Everything but heartbeats.
FlatMap<NodeId, MemberState> content_of(const Simulation& simulation, int i) {
  FlatMap<NodeId, MemberState> states = simulation.node(i).core().membership().states();
  for (auto [id, state] : states) state.at.version = state.at.changed;
  return states;
}

TEST(GossipSim, I16AfterHealingMembershipIsEqualEverywhere) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Simulation simulation(nodes_of(6, seed));
    start_and_settle(simulation);
    simulation.partition({0, 1}, {2, 3, 4, 5});
    simulation.run_for(seconds(5));
    simulation.crash(0);
    simulation.crash(4, true);
    simulation.run_for(seconds(3));
    ASSERT_TRUE(simulation.restart(0).has_value());
    ASSERT_TRUE(simulation.restart(4).has_value());
    simulation.run_for(seconds(10));
    simulation.heal();
    ASSERT_TRUE(simulation.run_until([&] { return simulation.all_ready(); }, seconds(20)));
    simulation.run_for(seconds(5));
    for (int i = 0; i < 6; ++i) {
      EXPECT_EQ(content_of(simulation, i), content_of(simulation, 0)) << "seed " << seed;
      EXPECT_EQ(content_of(simulation, i).size(), 6u);
      for (int j = 0; j < 6; ++j) {
        EXPECT_FALSE(i != j && suspects(simulation, i, j)) << "seed " << seed;
        const auto states = content_of(simulation, i);
        const MemberState* state = states.find(simulation.node(j).id());
        ASSERT_NE(state, nullptr);
        EXPECT_EQ(state->at.incarnation, simulation.node(j).core().incarnation());
      }
    }
  }
}

TEST(GossipSim, I19AnIdleClusterSaysLittleAndStoresNothing) {
  for (const int count : {5, 30}) {
    Simulation simulation(nodes_of(count, 6));
    start_and_settle(simulation, seconds(20));
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
    std::size_t largest = 0;
    simulation.on_send = [&](int, int, const Message& message) {
      Bytes frame;
      ASSERT_TRUE(std::holds_alternative<GossipDigest>(message.body) ||
                  std::holds_alternative<GossipDelta>(message.body));
      ASSERT_TRUE(encode_message(message, frame));
      bytes += frame.size();
      largest = std::max(largest, frame.size());
      ++messages;
    };
    const Progress before = simulation.node(0).core().progress();
    simulation.run_for(seconds(60));
    EXPECT_EQ(simulation.node(0).core().progress(), before);
    const auto nodes = static_cast<std::uint64_t>(count);
    std::printf("  idle, %d nodes: %llu bytes in %llu messages per node and second, largest %zu\n",
                count, static_cast<unsigned long long>(bytes / 60 / nodes),
                static_cast<unsigned long long>(messages / 60 / nodes), largest);
    // Three exchanges of three messages, each of at most a line for each member.
    EXPECT_LE(messages / 60 / nodes, 11u);
    EXPECT_LE(bytes / 60 / nodes, 11 * (24 + 42 + 24 * nodes));
  }
}

}  // namespace
}  // namespace dynakv

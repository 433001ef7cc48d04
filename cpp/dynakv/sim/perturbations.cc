#include "dynakv/sim/perturbations.h"

#include <string>

namespace dynakv {
namespace {

Duration some_ms(Random& random, std::int64_t first, std::int64_t last) {
  return milliseconds(random.between(first, last));
}

/// Up to `last`, and at least one.
std::uint32_t draw_permille(Random& random, std::int64_t last) {
  return static_cast<std::uint32_t>(random.between(1, last));
}

using Options = SimulationOptions;

// New sites go to the end: a site's number is part of what a seed draws.
constexpr PerturbationSite kSites[] = {
    // What a node waits for, and how much it does at a time.
    {"hints are made early",
     [](Options& o, Random& r) { o.protocol.coordinators.hint_timeout = some_ms(r, 20, 80); }},
    {"hints are made late",
     [](Options& o, Random& r) { o.protocol.coordinators.hint_timeout = some_ms(r, 1500, 4000); }},
    {"hints go home one by one", [](Options& o, Random&) { o.protocol.hints.window = 1; }},
    {"hints go home all at once", [](Options& o, Random&) { o.protocol.hints.window = 10'000; }},
    {"hints are tried again at once",
     [](Options& o, Random& r) { o.protocol.hints.retry_pause = some_ms(r, 5, 50); }},
    {"hints are tried again after long",
     [](Options& o, Random& r) { o.protocol.hints.retry_pause = some_ms(r, 2000, 6000); }},
    {"hints grow old soon",
     [](Options& o, Random& r) { o.protocol.hints.age_max = some_ms(r, 500, 10'000); }},
    {"little room for hints",
     [](Options& o, Random& r) { o.protocol.hints.bytes_max = r.below(2000); }},
    {"the identity check takes long",
     [](Options& o, Random& r) { o.protocol.past_check.timeout = some_ms(r, 3000, 9000); }},
    {"nothing is cached", [](Options& o, Random&) { o.protocol.objects.cache_bytes = 0; }},
    {"one object is cached",
     [](Options& o, Random& r) { o.protocol.objects.cache_bytes = 200 + r.below(400); }},
    {"only small objects are cached",
     [](Options& o, Random& r) { o.protocol.objects.cache_item_bytes_max = r.below(120); }},
    {"objects must stay small",
     [](Options& o, Random& r) { o.protocol.coordinators.object_bytes_max = 100 + r.below(400); }},
    {"few siblings are allowed",
     [](Options& o, Random& r) { o.protocol.coordinators.sibling_count_max = 1 + r.below(3); }},
    {"few requests at a time",
     [](Options& o, Random& r) { o.protocol.admission.in_flight_max = 1 + r.below(3); }},
    {"few requests wait for late owners",
     [](Options& o, Random& r) { o.protocol.coordinators.settling_max = 1 + r.below(3); }},
    {"requests are cut short",
     [](Options& o, Random& r) { o.protocol.admission.timeout_max = some_ms(r, 1500, 4000); }},
    {"recovery pages of one object",
     [](Options& o, Random&) { o.protocol.recovery.page_bytes = 1; }},
    {"recovery looks at few records",
     [](Options& o, Random& r) { o.protocol.recovery.scan_count = 1 + r.below(3); }},
    {"recovery from one peer at a time",
     [](Options& o, Random&) { o.protocol.recovery.source_count = 1; }},
    {"recovery is tried again at once",
     [](Options& o, Random& r) { o.protocol.recovery.retry_pause = some_ms(r, 5, 50); }},
    {"recovery is tried again after long",
     [](Options& o, Random& r) { o.protocol.recovery.retry_pause = some_ms(r, 2000, 5000); }},
    {"recovery pages may take long",
     [](Options& o, Random& r) { o.protocol.recovery.page_timeout = some_ms(r, 3000, 6000); }},
    {"recovery pages are asked for early",
     [](Options& o, Random& r) { o.protocol.recovery.page_timeout = some_ms(r, 500, 900); }},
    // Gossip, and which nodes count as silent.
    {"gossip is quick",
     [](Options& o, Random& r) { o.protocol.gossip.interval = some_ms(r, 60, 400); }},
    {"gossip is slow",
     [](Options& o, Random& r) { o.protocol.gossip.interval = some_ms(r, 1200, 2000); }},
    {"gossip with one peer", [](Options& o, Random&) { o.protocol.gossip.fanout = 1; }},
    {"gossip with everybody", [](Options& o, Random&) { o.protocol.gossip.fanout = 64; }},
    {"suspicion comes late",
     [](Options& o, Random& r) {
       o.protocol.gossip.detector.silence_max = some_ms(r, 6000, 15'000);
     }},
    {"suspicion waits for the usual time",
     [](Options& o, Random& r) {
       o.protocol.gossip.detector.silence_min = some_ms(r, 1000, 1500);
     }},
    {"an answer may take long",
     [](Options& o, Random& r) {
       o.protocol.gossip.detector.probe_timeout = some_ms(r, 6000, 12'000);
     }},
    {"the quiet are asked early",
     [](Options& o, Random& r) { o.protocol.gossip.detector.ask_before = some_ms(r, 800, 1500); }},
    {"one heartbeat is remembered",
     [](Options& o, Random&) { o.protocol.gossip.detector.window = 1; }},
    {"deviations do not count",
     [](Options& o, Random&) { o.protocol.gossip.detector.deviation_factor = 0; }},
    {"deviations count much",
     [](Options& o, Random&) { o.protocol.gossip.detector.deviation_factor = 20; }},
    {"the silent are soon called dead",
     [](Options& o, Random& r) { o.protocol.gossip.dead_after = some_ms(r, 100, 3000); }},
    // Clients.
    {"clients try once", [](Options& o, Random&) { o.client.attempts_max = 1; }},
    {"clients try often",
     [](Options& o, Random& r) { o.client.attempts_max = 8 + static_cast<int>(r.below(20)); }},
    {"clients try again at once",
     [](Options& o, Random&) { o.client.retry_pause = milliseconds(1); }},
    {"clients try again after long",
     [](Options& o, Random& r) { o.client.retry_pause = some_ms(r, 300, 1500); }},
    {"clients may not try again",
     [](Options& o, Random&) { o.client.retry_percent = o.client.retry_burst = 0; }},
    {"clients may rarely try again",
     [](Options& o, Random& r) {
       o.client.retry_percent = 1;
       o.client.retry_burst = static_cast<int>(r.below(5));
     }},
    {"clients soon call nodes silent",
     [](Options& o, Random& r) { o.client.silent_after = some_ms(r, 2, 30); }},
    {"clients are patient with nodes",
     [](Options& o, Random& r) { o.client.silent_after = some_ms(r, 3000, 8000); }},
    {"clients do one thing at a time", [](Options& o, Random&) { o.client.in_flight_max = 1; }},
    {"clients are in a hurry",
     [](Options& o, Random& r) { o.client.timeout = some_ms(r, 120, 300); }},
    {"clients have time",
     [](Options& o, Random& r) { o.client.timeout = some_ms(r, 6000, 15'000); }},
    {"clients go to one node first",
     [](Options& o, Random& r) {
       o.client.prefer = "n" + std::to_string(r.below(static_cast<unsigned>(o.node_count)));
     }},
    // The world around them.
    {"some nodes are small and some large",
     [](Options& o, Random& r) {
       for (int i = 0; i < o.node_count; ++i) {
         o.capacities.push_back(static_cast<std::uint32_t>(r.between(25, 400)));
       }
     }},
    {"each node has a zone of its own",
     [](Options& o, Random&) {
       o.zones.clear();
       for (int i = 0; i < o.node_count; ++i) o.zones.push_back("dc1/r" + std::to_string(i));
     }},
    {"all but one share a zone",
     [](Options& o, Random&) {
       o.zones.assign(static_cast<std::size_t>(o.node_count), "dc1/r1");
       o.zones.back() = "dc1/r2";
     }},
    {"disks are quick", [](Options& o, Random&) { o.sync_delay_mean = microseconds(1); }},
    {"disks are slow", [](Options& o, Random& r) { o.sync_delay_mean = some_ms(r, 50, 150); }},
    {"the network is quick",
     [](Options& o, Random&) {
       o.network.delay_min = {};
       o.network.delay_mean = microseconds(5);
     }},
    {"the network is slow", [](Options& o, Random& r) { o.network.delay_min = some_ms(r, 5, 30); }},
    {"silence is noticed at once",
     [](Options& o, Random&) { o.silence_noticed_mean = milliseconds(1); }},
    {"silence is noticed late",
     [](Options& o, Random& r) { o.silence_noticed_mean = some_ms(r, 6000, 10'000); }},
    {"steps take one input",
     [](Options& o, Random& r) { o.disturbances.single_input_permille = draw_permille(r, 1000); }},
    {"steps come late",
     [](Options& o, Random& r) { o.disturbances.late_step_permille = draw_permille(r, 50); }},
    {"syncs come late",
     [](Options& o, Random& r) { o.disturbances.late_sync_permille = draw_permille(r, 100); }},
    {"timers come late",
     [](Options& o, Random& r) { o.disturbances.late_timer_permille = draw_permille(r, 250); }},
    {"messages come late",
     [](Options& o, Random& r) { o.network.late_permille = draw_permille(r, 30); }},
    {"connections are slow to come",
     [](Options& o, Random& r) { o.disturbances.late_dial_permille = draw_permille(r, 250); }},
    {"connections break",
     [](Options& o, Random& r) { o.disturbances.reset_permille = draw_permille(r, 3); }},
};

}  // namespace

std::span<const PerturbationSite> perturbation_sites() { return kSites; }

std::vector<std::size_t> draw_perturbations(Random random) {
  std::vector<std::size_t> drawn;
  for (std::size_t site = 0; site < perturbation_sites().size(); ++site) {
    if (random.stream("site", site).chance(1, 4)) drawn.push_back(site);
  }
  return drawn;
}

void perturb(const std::vector<std::size_t>& sites, SimulationOptions& options) {
  for (const std::size_t site : sites) {
    Random random = Random(options.seed).stream("perturbation", site);
    perturbation_sites()[site].apply(options, random);
  }
}

}  // namespace dynakv

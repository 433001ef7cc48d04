// The rare situations of the simulated world and of what its clients see (base/sometimes.h), and
// all points that a run counts: the protocol's, then these.
#pragma once

#include <algorithm>

#include "dynakv/base/sometimes.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {

// clang-format off
/// X(name, what happened)
#define DYNAKV_SIM_SOMETIMES_TABLE(X)                                                             \
  /* routing */                                                                                   \
  X(late_request_lost,          "a request came after the process that it was sent to")           \
  /* the simulated world */                                                                       \
  X(crash_before_effects,       "a process ended with effects that waited for a sync")            \
  X(torn_tail_dropped,          "a loss of power dropped steps that were not synced")             \
  X(unsynced_tail_survived,     "a loss of power spared steps that were not synced")              \
  X(torn_log_recovered,         "RocksDB cut the tail of a log that a loss of power had torn")    \
  X(damaged_block_found,        "RocksDB refused a read because a block's checksum was wrong")    \
  X(store_refused_lost_log,     "RocksDB's files were refused: a failed sync had lost pages")     \
  X(sync_failed,                "a sync failed")                                                  \
  X(ended_without_room,         "a process ended: its store found no room for what it must keep") \
  X(start_found_no_room,        "a node could not start on a disk full to the last byte")         \
  X(sync_covered_steps,         "one sync covered three steps or more")                           \
  X(step_took_inputs,           "one step took three inputs or more")                             \
  X(resumed_with_backlog,       "a paused node went on with messages waiting")                    \
  X(frame_lost_with_connection, "a frame was lost with its connection")                           \
  X(frame_lost_in_partition,    "a frame was lost in a partition")                                \
  X(frame_repeated,             "a frame was delivered twice")                                    \
  X(bridge_cut,                 "two sides of a partition saw each other through one node")       \
  X(ring_cut,                   "each node saw a majority, and no two the same")                  \
  X(link_flapped,               "a node was cut off and joined again and again")                  \
  X(links_swizzled,             "nodes were held back one by one, and let go in another order")   \
  X(timer_came_early,           "a timer fired early: its clock was slowed down meanwhile")       \
  X(backup_restored,            "a node came back on a backup behind its last state")             \
  X(object_damaged,             "a stored object became unreadable")                              \
  X(node_wiped,                 "a node lost its disk")                                           \
  /* what clients saw of it */                                                                    \
  X(unknown_put_visible,        "a write that ended in doubt was read later")                     \
  X(unknown_put_invisible,      "a write that ended in doubt was never stored anywhere")          \
  X(read_before_acknowledged,   "a value was read before its write was acknowledged")             \
  X(read_saw_siblings,          "a read was shown siblings")                                      \
  X(read_saw_deleted_key,       "a read found the key deleted")                                   \
  X(write_has_two_dots,         "a write that was tried twice has two events")                    \
  X(sloppy_read_was_stale,      "a sloppy read missed an acknowledged write, as it may")          \
  X(copies_differ_at_end,       "the copies of a key still differed when all had healed")         \
  X(acked_write_lost,           "an acknowledged write was lost beyond the loss budget")
// clang-format on

DYNAKV_DEFINE_SOMETIMES(SimSometimes, kSimSometimes, DYNAKV_SIM_SOMETIMES_TABLE);

inline constexpr std::size_t kPointCount =
    kSometimesCount<Sometimes> + kSometimesCount<SimSometimes>;
using PointCounts = std::array<std::uint64_t, kPointCount>;

constexpr std::size_t place_of(Sometimes point) { return static_cast<std::size_t>(point); }
constexpr std::size_t place_of(SimSometimes point) {
  return kSometimesCount<Sometimes> + static_cast<std::size_t>(point);
}

/// REQUIRES: place < kPointCount.
constexpr const SometimesRow& point_at(std::size_t place) {
  return place < kSometimes.size() ? kSometimes[place] : kSimSometimes[place - kSometimes.size()];
}

/// Of this thread, since it began.
inline PointCounts point_counts() {
  PointCounts counts{};
  const auto& protocol = sometimes_counts<Sometimes>;
  const auto& sim = sometimes_counts<SimSometimes>;
  std::copy(sim.begin(), sim.end(), std::copy(protocol.begin(), protocol.end(), counts.begin()));
  return counts;
}

}  // namespace dynakv

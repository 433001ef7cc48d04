// Rare situations that a long simulation must meet, by name: tests that never meet the hard cases
// prove nothing (INVARIANTS §3.1; FoundationDB's CODE_PROBE, Antithesis's Sometimes).
//
// The code says sometimes(Sometimes::x) where x happens; `./dev sim` counts the seeds in which that
// was so, and fails when a long run missed a point. A new point is one line here and one where it
// happens. A point adds one to a counter of its thread and decides nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dynakv {

// clang-format off
/// X(name, what happened)
#define DYNAKV_SOMETIMES_TABLE(X)                                                                 \
  /* coordinators */                                                                              \
  X(blind_put_made_sibling,       "a put without context went beside a value")                     \
  X(third_sibling,                "a put became the third sibling, or a later one")                \
  X(siblings_merged,              "a put with context replaced two siblings or more")              \
  X(partial_supersede,            "a put replaced one sibling and left another")                   \
  X(too_many_siblings,            "a put was refused for its key's siblings")                      \
  X(write_deduplicated,           "a retried write found its own event by its write id")           \
  X(delete_of_unwritten_key,      "a delete came to an owner that held nothing of the key")        \
  X(context_with_gap,             "a reply's context had dots beside its vector")                  \
  X(condition_failed,             "a precondition did not hold")                                   \
  X(disk_full_refused,            "a put was refused because the disk was full")                   \
  X(write_refused_early,          "a write was refused because W owners were not up")              \
  X(read_refused_early,           "a read was refused because R owners were not up")               \
  X(write_met_despite_failures,   "a write met W although an owner failed it")                     \
  X(read_met_despite_failures,    "a read met R although an owner failed it")                      \
  X(write_failed_short_of_quorum, "a write that was stored fell short of W for failed owners")     \
  X(write_timed_out,              "a coordinator's deadline passed before W was met")              \
  X(read_timed_out,               "a coordinator's deadline passed before R was met")              \
  X(late_acknowledgement,         "a replica acknowledged a write that had ended")                 \
  X(digest_differed,              "a read fetched the object behind a digest that differed")       \
  X(conditional_digest_differed,  "so did a write with a precondition")                            \
  X(read_joined_copies,           "a read's answer was the join of copies that differed")          \
  /* fallbacks, hints, repair */                                                                  \
  X(write_met_with_fallback,      "a sloppy write met W only with a hint")                         \
  X(read_met_with_fallback,       "a sloppy read met R only with a fallback's hint")               \
  X(read_asked_fallback,          "a read asked a fallback for its hints")                         \
  X(fallback_coordinated,         "a fallback coordinated a write: no owner could be reached")     \
  X(coordinator_kept_hint,        "no fallback was left: the coordinator kept the hint")           \
  X(hint_refused,                 "a hint was refused by a bound")                                 \
  X(hint_joined,                  "a hint was joined into an earlier one")                         \
  X(hint_changed_on_its_way,      "a hint changed between its delivery and the acknowledgement")   \
  X(hint_survived_restart,        "a node came back with hints that it keeps")                     \
  X(hint_actor_retired,           "a hint record's actor was not used again")                      \
  X(hint_delivered,               "a hint came home")                                              \
  X(hint_owner_given_time,        "an owner acknowledged no hint in time, and was given more")     \
  X(hint_refused_by_owner,        "an owner refused a hint: a pause")                              \
  X(read_repaired,                "a read sent an owner what it lacked")                           \
  X(slow_owner_repaired,          "a read repaired an owner before it had said what it has")       \
  X(hurried_read_settled_later,   "a read waited for late owners beyond its client's deadline")    \
  X(read_waited_for_repair,       "a read's reply waited for a repair")                            \
  /* replicas and their memory */                                                                 \
  X(replica_joined_siblings,      "a replica put met a concurrent one on its owner")               \
  X(replica_put_was_old,          "a replica put brought nothing new")                             \
  X(damaged_copy_answered_error,  "a replica answered with an error for a damaged copy")           \
  X(damaged_copy_refused_write,   "a coordinator's own copy was damaged: it refused a write")      \
  X(object_evicted,               "the memory of objects dropped one for another")                 \
  /* identity and actors */                                                                       \
  X(rollback_found_by_peer,       "a peer's word showed a node that its past was lost")            \
  X(witness_heard_new_life,       "who told a node that its past was lost knew of its new life")   \
  X(past_lost_by_reboot,          "a start found an unclean reboot: new actors")                   \
  X(past_lost_unsynced,           "a start found effects that may not be on disk: new actors")     \
  X(past_lost_by_move,            "a start found its directory moved or copied: new actors")       \
  X(clean_stop_kept_actors,       "a start after a clean stop kept the actors")                    \
  X(kill_kept_actors,             "a start after a kill kept the actors")                          \
  X(identity_check_timed_out,     "not all members answered in time: new actors")                  \
  X(node_rejoined,                "a wiped node took its old name and id over")                    \
  X(amnesic_copy_not_counted,     "a read joined an amnesic copy and did not count it")            \
  X(recovery_waited_for_peer,     "a recovery had pulled all it could reach, and needed more")     \
  X(recovery_completed,           "an amnesic node had recovered what it owns")                    \
  X(actor_retired_by_read_error,  "a damaged copy cost its slot's actor")                          \
  X(journal_place_carried_on,     "a counter was carried on from an overwritten journal place")    \
  /* routing */                                                                                   \
  X(late_request_lost,            "a request came after the process that it was sent to")          \
  X(repeated_request_dropped,     "a request came twice and was dropped")                          \
  X(request_forwarded,            "a request came to a node that owns no copy")                    \
  X(forward_found_no_owner,       "that node could reach no owner")                                \
  X(forward_lost_owner,           "the connection to the owner broke under a forwarded request")   \
  X(forward_timed_out,            "the owner did not answer a forwarded request in time")          \
  X(write_passed_on_early,        "a restarted node passed a write on before its past was proven") \
  X(not_ready_refused,            "a restarted node refused a write before its past was proven")   \
  X(overload_refused,             "a node refused a request for the number in flight")             \
  /* client sessions */                                                                           \
  X(client_found_nobody,          "an operation had to wait for any connection")                   \
  X(client_learned_layout,        "a client was told the layout by a node")                        \
  X(client_tried_second_owner,    "an operation was tried at a second node")                       \
  X(slow_read_tried_elsewhere,    "a read that was out for too long was tried at another node")    \
  X(client_retried_refusal,       "an operation that was refused was tried again")                 \
  X(connection_lost_under_read,   "a connection broke under a read")                               \
  X(connection_lost_under_write,  "a connection broke under a write")                              \
  X(conditional_not_retried,      "a conditional write was not tried again: it ended in doubt")    \
  X(read_asked_all,               "a read was behind its flow and asked all owners")               \
  X(read_went_stale,              "a read was behind its flow for good and failed")                \
  X(reply_at_deadlines_edge,      "a reply came in the last tenth of its operation's time")        \
  X(reply_after_deadline,         "a reply came after its operation had ended")                    \
  X(client_timed_out,             "an operation ended without a reply")                            \
  X(flow_wrote_concurrently,      "a write's reply met what its flow had seen meanwhile")          \
  /* the simulated world */                                                                       \
  X(crash_before_effects,         "a process ended with effects that waited for a sync")           \
  X(torn_tail_dropped,            "a loss of power dropped steps that were not synced")            \
  X(unsynced_tail_survived,       "a loss of power spared steps that were not synced")             \
  X(torn_log_recovered,           "RocksDB cut the tail of a log that a loss of power had torn")   \
  X(damaged_block_found,          "RocksDB refused a read because a block's checksum was wrong")   \
  X(store_refused_lost_log,       "RocksDB's files were refused: a failed sync had lost pages")    \
  X(sync_failed,                  "a sync failed")                                                 \
  X(step_waited_for_room,         "a step found no room on a disk full to the last byte")          \
  X(waiting_step_written,         "a step that had waited for room was written")                   \
  X(ended_without_room,           "a process ended: its store found no room for what it must keep")\
  X(start_found_no_room,          "a node could not start on a disk full to the last byte")        \
  X(sync_covered_steps,           "one sync covered three steps or more")                          \
  X(step_took_inputs,             "one step took three inputs or more")                            \
  X(resumed_with_backlog,         "a paused node went on with messages waiting")                   \
  X(frame_lost_with_connection,   "a frame was lost with its connection")                          \
  X(frame_lost_in_partition,      "a frame was lost in a partition")                               \
  X(frame_repeated,               "a frame was delivered twice")                                   \
  X(bridge_cut,                   "two sides of a partition saw each other through one node")      \
  X(ring_cut,                     "each node saw a majority, and no two the same")                 \
  X(link_flapped,                 "a node was cut off and joined again and again")                 \
  X(links_swizzled,               "nodes were held back one by one, and let go in another order")  \
  X(timer_came_early,             "a timer fired early: its clock was slowed down meanwhile")      \
  X(backup_restored,              "a node came back on a backup behind its last state")            \
  X(object_damaged,               "a stored object became unreadable")                             \
  X(node_wiped,                   "a node lost its disk")                                          \
  /* what clients saw of it */                                                                    \
  X(unknown_put_visible,          "a write that ended in doubt was read later")                    \
  X(unknown_put_invisible,        "a write that ended in doubt was never stored anywhere")         \
  X(read_before_acknowledged,     "a value was read before its write was acknowledged")            \
  X(read_saw_siblings,            "a read was shown siblings")                                     \
  X(read_saw_deleted_key,         "a read found the key deleted")                                  \
  X(write_has_two_dots,           "a write that was tried twice has two events")                   \
  X(sloppy_read_was_stale,        "a sloppy read missed an acknowledged write, as it may")         \
  X(copies_differ_at_end,         "the copies of a key still differed when all had healed")        \
  X(acked_write_lost,             "an acknowledged write was lost beyond the loss budget")
// clang-format on

enum class Sometimes : std::uint8_t {
#define DYNAKV_SOMETIMES_ENUM(name, happened) name,
  DYNAKV_SOMETIMES_TABLE(DYNAKV_SOMETIMES_ENUM)
#undef DYNAKV_SOMETIMES_ENUM
};

struct SometimesRow {
  std::string_view name;
  std::string_view happened;
};

inline constexpr SometimesRow kSometimes[] = {
#define DYNAKV_SOMETIMES_ROW(name, happened) {#name, happened},
    DYNAKV_SOMETIMES_TABLE(DYNAKV_SOMETIMES_ROW)
#undef DYNAKV_SOMETIMES_ROW
};

inline constexpr std::size_t kSometimesCount = sizeof(kSometimes) / sizeof(kSometimes[0]);

/// How often each point was reached, in the order of the table.
using SometimesCounts = std::array<std::uint64_t, kSometimesCount>;

/// The counts of this thread, since it began.
inline constinit thread_local SometimesCounts sometimes_counts{};

/// Counts the point if `reached`.
inline void sometimes(Sometimes point, bool reached = true) {
  sometimes_counts[static_cast<std::size_t>(point)] += reached ? 1u : 0u;
}

}  // namespace dynakv

// The rare situations of the protocol (base/sometimes.h). A new one is one line here and one where
// it happens.
#pragma once

#include "dynakv/base/sometimes.h"

namespace dynakv {

// clang-format off
/// X(name, what happened)
#define DYNAKV_SOMETIMES_TABLE(X)                                                                 \
  /* coordinators */                                                                              \
  X(blind_put_made_sibling,       "a put without context went beside a value")                    \
  X(third_sibling,                "a put became the third sibling, or a later one")               \
  X(siblings_merged,              "a put with context replaced two siblings or more")             \
  X(partial_supersede,            "a put replaced one sibling and left another")                  \
  X(too_many_siblings,            "a put was refused for its key's siblings")                     \
  X(write_deduplicated,           "a retried write found its own event by its write id")          \
  X(delete_of_unwritten_key,      "a delete came to an owner that held nothing of the key")       \
  X(context_with_gap,             "a reply's context had dots beside its vector")                 \
  X(condition_failed,             "a precondition did not hold")                                  \
  X(disk_full_refused,            "a put was refused because the disk was full")                  \
  X(write_refused_early,          "a write was refused because W owners were not up")             \
  X(read_refused_early,           "a read was refused because R owners were not up")              \
  X(write_met_despite_failures,   "a write met W although an owner failed it")                    \
  X(read_met_despite_failures,    "a read met R although an owner failed it")                     \
  X(write_failed_short_of_quorum, "a write that was stored fell short of W for failed owners")    \
  X(write_timed_out,              "a coordinator's deadline passed before W was met")             \
  X(read_timed_out,               "a coordinator's deadline passed before R was met")             \
  X(late_acknowledgement,         "a replica acknowledged a write that had ended")                \
  X(digest_differed,              "a read fetched the object behind a digest that differed")      \
  X(conditional_digest_differed,  "so did a write with a precondition")                           \
  X(read_joined_copies,           "a read's answer was the join of copies that differed")         \
  /* fallbacks, hints, repair */                                                                  \
  X(write_met_with_fallback,      "a sloppy write met W only with a hint")                        \
  X(read_met_with_fallback,       "a sloppy read met R only with a fallback's hint")              \
  X(read_asked_fallback,          "a read asked a fallback for its hints")                        \
  X(fallback_coordinated,         "a fallback coordinated a write: no owner could be reached")    \
  X(coordinator_kept_hint,        "no fallback was left: the coordinator kept the hint")          \
  X(hint_refused,                 "a hint was refused by a bound")                                \
  X(hint_joined,                  "a hint was joined into an earlier one")                        \
  X(hint_changed_on_its_way,      "a hint changed between its delivery and the acknowledgement")  \
  X(hint_survived_restart,        "a node came back with hints that it keeps")                    \
  X(hint_actor_retired,           "a hint record's actor was not used again")                     \
  X(hint_delivered,               "a hint came home")                                             \
  X(hint_owner_given_time,        "an owner acknowledged no hint in time, and was given more")    \
  X(hint_refused_by_owner,        "an owner refused a hint: a pause")                             \
  X(read_repaired,                "a read sent an owner what it lacked")                          \
  X(slow_owner_repaired,          "a read repaired an owner before it had said what it has")      \
  X(hurried_read_settled_later,   "a read waited for late owners beyond its client's deadline")   \
  X(read_waited_for_repair,       "a read's reply waited for a repair")                           \
  /* replicas and their memory */                                                                 \
  X(replica_joined_siblings,      "a replica put met a concurrent one on its owner")              \
  X(replica_put_was_old,          "a replica put brought nothing new")                            \
  X(damaged_copy_answered_error,  "a replica answered with an error for a damaged copy")          \
  X(damaged_copy_refused_write,   "a coordinator's own copy was damaged: it refused a write")     \
  X(object_evicted,               "the memory of objects dropped one for another")                \
  /* identity and actors */                                                                       \
  X(rollback_found_by_peer,       "a peer's word showed a node that its past was lost")           \
  X(witness_heard_new_life,       "who told a node that its past was lost knew of its new life")  \
  X(past_lost_by_reboot,          "a start found an unclean reboot: new actors")                  \
  X(past_lost_unsynced,           "a start found effects that may not be on disk: new actors")    \
  X(past_lost_by_move,            "a start found its directory moved or copied: new actors")      \
  X(clean_stop_kept_actors,       "a start after a clean stop kept the actors")                   \
  X(kill_kept_actors,             "a start after a kill kept the actors")                         \
  X(identity_check_timed_out,     "not all members answered in time: new actors")                 \
  X(node_rejoined,                "a wiped node took its old name and id over")                   \
  X(amnesic_copy_not_counted,     "a read joined an amnesic copy and did not count it")           \
  X(recovery_waited_for_peer,     "a recovery had pulled all it could reach, and needed more")    \
  X(recovery_completed,           "an amnesic node had recovered what it owns")                   \
  X(actor_retired_by_read_error,  "a damaged copy cost its slot's actor")                         \
  X(journal_place_carried_on,     "a counter was carried on from an overwritten journal place")   \
  /* routing */                                                                                   \
  X(repeated_request_dropped,     "a request came twice and was dropped")                         \
  X(request_forwarded,            "a request came to a node that owns no copy")                   \
  X(forward_found_no_owner,       "that node could reach no owner")                               \
  X(forward_lost_owner,           "the connection to the owner broke under a forwarded request")  \
  X(forward_timed_out,            "the owner did not answer a forwarded request in time")         \
  X(write_passed_on_early,        "a restarted node passed a write on before its past was proven")\
  X(not_ready_refused,            "a restarted node refused a write before its past was proven")  \
  X(overload_refused,             "a node refused a request for the number in flight")            \
  /* client sessions */                                                                           \
  X(client_found_nobody,          "an operation had to wait for any connection")                  \
  X(client_learned_layout,        "a client was told the layout by a node")                       \
  X(client_tried_second_owner,    "an operation was tried at a second node")                      \
  X(slow_read_tried_elsewhere,    "a read that was out for too long was tried at another node")   \
  X(client_retried_refusal,       "an operation that was refused was tried again")                \
  X(connection_lost_under_read,   "a connection broke under a read")                              \
  X(connection_lost_under_write,  "a connection broke under a write")                             \
  X(conditional_not_retried,      "a conditional write was not tried again: it ended in doubt")   \
  X(read_asked_all,               "a read was behind its flow and asked all owners")              \
  X(read_went_stale,              "a read was behind its flow for good and failed")               \
  X(reply_at_deadlines_edge,      "a reply came in the last tenth of its operation's time")       \
  X(reply_after_deadline,         "a reply came after its operation had ended")                   \
  X(client_timed_out,             "an operation ended without a reply")                           \
  X(flow_wrote_concurrently,      "a write's reply met what its flow had seen meanwhile")         \
  /* the simulated world */                                                                       \
  X(step_waited_for_room,         "a step found no room on a disk full to the last byte")         \
  X(waiting_step_written,         "a step that had waited for room was written")
// clang-format on

DYNAKV_DEFINE_SOMETIMES(Sometimes, kSometimes, DYNAKV_SOMETIMES_TABLE);

}  // namespace dynakv

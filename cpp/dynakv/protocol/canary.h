// Bugs to plant in the machines (base/canary.h).
#pragma once

#include "dynakv/base/canary.h"

namespace dynakv {

// clang-format off
/// X(name, what it breaks)
#define DYNAKV_CANARY_TABLE(X)                                                                    \
  X(overwrite_not_join,         "I6: a replica stores what it is sent without joining")           \
  X(replica_counts_too,         "B13: each replica makes an event of what it is sent")            \
  X(repeats_executed,           "B10: a request that arrives twice is coordinated twice")         \
  X(retry_is_new_event,         "B11: a write that is tried again is another event")              \
  X(foreign_context_accepted,   "DESIGN 4: a context of another key of the slot is taken")        \
  X(actor_outlives_rollback,    "B6: peers' word about a lost past is ignored")                   \
  X(actor_outlives_power_loss,  "B7: unsynced events and a new boot, yet the same actors")        \
  X(actor_named_by_node,        "B2, B5: an actor follows from its node and is minted again")     \
  X(past_not_checked,           "B3: a context that knows more of a node than itself is ignored") \
  X(counter_of_key,             "DESIGN 4: the counter is the key's, not the slot's")             \
  X(incarnation_from_clock,     "B39: incarnations are taken from the calendar")                  \
  X(counter_not_stored,         "B7: the counter is not in the batch of its data")                \
  X(read_error_is_absent,       "B1, B43: a damaged copy reads as never written")                 \
  X(effects_before_durable,     "B24: acknowledged before the batch is synced")                   \
  X(effects_before_room,        "B24: acknowledged although the step waits for room on the disk") \
  X(error_counts_as_answer,     "B34: an owner's error counts as not found")                      \
  X(failure_called_definite,    "B35: a failed write says not applied although it was stored")    \
  X(session_goes_back,          "I12: a read behind its flow is not noticed")                     \
  X(fallback_not_found_counts,  "B34: a fallback without the key counts towards R")               \
  X(blocking_repair_skipped,    "I11: a blocking read repair does not wait for its owners")       \
  X(hint_actor_outlives_loss,   "DESIGN 4: a hint record's actor goes on after a lost past")      \
  X(hint_actor_outlives_record, "DESIGN 4: a new hint record takes the actor of an old one up")   \
  X(hint_erased_though_changed, "DESIGN 7: a hint is forgotten although it changed on its way")   \
  X(hint_erased_when_sent,      "B26: a hint is forgotten before its owner holds it")             \
  X(hints_forgotten_at_restart, "B23: a restarted node does not take up the hints that it holds") \
  X(hint_age_restarts,          "B25: each new write starts the age of a hint again")             \
  X(full_hints_dropped,         "DESIGN 7: counted hints are dropped to make room")               \
  X(deadline_ignored,           "liveness: a coordinator's deadline never fires")                 \
  X(amnesic_copy_counts,        "B36: a wiped or rolled back copy counts in R before its repair") \
  X(recovery_from_one_copy,     "B31: a recovery ends after the first copy that was merged")
// clang-format on

DYNAKV_DEFINE_CANARIES(Canary, kCanaries, DYNAKV_CANARY_TABLE)

}  // namespace dynakv

// Planted bugs, to test the tests: each one removes a rule of the design, and the simulator's tests
// fail when they do not catch it (INVARIANTS §3.1, the bug zoo).
//
// They exist only in programs compiled with DYNAKV_CANARIES; everywhere else canary() is the
// constant false, and no trace of them is left in the code.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dynakv {

// clang-format off
/// X(name, what it breaks)
#define DYNAKV_CANARY_TABLE(X)                                                                   \
  X(reply_shows_object_context, "DESIGN 4: a put's reply carries the object's context")           \
  X(reply_dot_in_vector,        "DESIGN 4: the reply's own dot enters the vector")                \
  X(superseded_dots_dropped,    "DESIGN 4 as first written: superseded isolated dots are dropped")\
  X(overwrite_not_join,         "I6: a replica stores what it is sent without joining")           \
  X(clock_without_dots,         "B9: what a put has seen is dropped only where it has seen all")  \
  X(replica_counts_too,         "B13: each replica makes an event of what it is sent")            \
  X(repeats_executed,           "B10: a request that arrives twice is coordinated twice")         \
  X(retry_is_new_event,         "B11: a write that is tried again is another event")              \
  X(foreign_context_accepted,   "DESIGN 4: a context of another key of the slot is taken")        \
  X(expiry_forgets_context,     "B20: an expired value takes its dot with it")                    \
  X(put_drops_unseen,           "I3: a put drops siblings that it has not seen")                  \
  X(join_keeps_covered,         "I2: a join keeps what the other side has seen superseded")       \
  X(delete_forgets_context,     "I2: a delete does not join its context")                         \
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
  X(quorum_counts_twice,        "B33: a node that answers twice counts twice")                    \
  X(quorum_one_too_few,         "I9: one acknowledgement less than W is enough")                  \
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
  X(amnesic_copy_counts,    "B36: a wiped or rolled back copy counts in R before it is repaired")  \
  X(recovery_from_one_copy, "B31: a recovery ends after the first copy that was merged")          \
  X(removed_member_returns,     "B37: a removed id comes back with an old state")                 \
  X(late_incarnation_wins,      "B38: a late state of an old incarnation wins")
// clang-format on

enum class Canary : std::uint8_t {
  none,
#define DYNAKV_CANARY_ENUM(name, breaks) name,
  DYNAKV_CANARY_TABLE(DYNAKV_CANARY_ENUM)
#undef DYNAKV_CANARY_ENUM
};

#ifdef DYNAKV_CANARIES

struct CanaryRow {
  Canary canary;
  std::string_view name;
  std::string_view breaks;
};

inline constexpr CanaryRow kCanaries[] = {
#define DYNAKV_CANARY_ROW(name, breaks) {Canary::name, #name, breaks},
    DYNAKV_CANARY_TABLE(DYNAKV_CANARY_ROW)
#undef DYNAKV_CANARY_ROW
};

inline Canary planted_canary = Canary::none;
inline bool canary(Canary which) { return planted_canary == which; }

#else

constexpr bool canary(Canary) { return false; }

#endif

}  // namespace dynakv

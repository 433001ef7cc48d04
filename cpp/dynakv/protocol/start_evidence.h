// What the machine can say about where a data directory is and when it was last used, and what a
// start concludes from it (Identity).
#pragma once

#include <cstdint>

#include "dynakv/base/bytes.h"

namespace dynakv {

/// All are opaque; only equality counts.
struct StartEvidence {
  /// Changes with each start of the operating system.
  Bytes boot_id;
  /// Machine and directory: differs in a copy, a restored backup or a moved disk (B6, I4).
  Bytes place;
};

/// Why a start cannot vouch for the past; all but `none` retire every actor.
enum class PastLoss : std::uint8_t {
  none,
  unclean_reboot,
  moved_or_copied,
  /// The last run's effects did not wait for a sync, and it did not end cleanly: events may have
  /// left that the disk has lost, by a write that failed behind the process's back.
  unsynced_effects,
};

}  // namespace dynakv

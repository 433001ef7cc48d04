// The one place that asks the operating system for the time (DESIGN §3): a driver calls it at the
// start of each input and hands the answer on, so that nothing below ever reads a clock.
//
// Threads: any.
#pragma once

#include "dynakv/base/time.h"

namespace dynakv {

/// The steady clock (since some origin, never set back, stands still while the machine sleeps) and
/// the calendar's (may jump; only timestamps of values use it).
Now system_now();

}  // namespace dynakv

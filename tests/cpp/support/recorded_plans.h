// Limits with which recorded seeds draw the plans that they drew when they failed.
#pragma once

#include "dynakv/sim/plan.h"

namespace dynakv::test {

/// Before 2026-11-22: the end of a partition ended all, witnesses were away by chance only, and
/// every client was told the layout.
inline PlanLimits before_partitions_overlapped() {
  PlanLimits limits;
  limits.absent_witness_percent = 0;
  limits.partitions_end_together = true;
  limits.untold_clients_percent = 0;
  return limits;
}

}  // namespace dynakv::test

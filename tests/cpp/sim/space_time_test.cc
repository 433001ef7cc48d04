// A failing run as people read it.
#include "dynakv/sim/space_time.h"

#include <gtest/gtest.h>

namespace dynakv {
namespace {

TEST(SpaceTime, EachHostHasAColumnAndTimeGoesDown) {
  Plan plan;
  plan.simulation.node_count = 3;
  plan.client_count = 4;
  plan.operations = {
      {Instant{} + seconds(1), 0, PlannedKind::put, 3, QuorumSize::count(1)},
      {Instant{} + seconds(4), 2, PlannedKind::get, 3, QuorumSize::bucket_default()}};
  plan.faults = {{Instant{} + seconds(2), FaultKind::split, 0, 0, 0b101, seconds(1)},
                 {Instant{} + milliseconds(3500), FaultKind::one_way, 1, 5, 0, milliseconds(250)}};
  EXPECT_EQ(space_time_table(plan, {{"I3", "lost write 0", Instant{} + seconds(5)}}),
            "   seconds  c0           c2      n0                 n1                        n2\n"
            "  1.000000  put k3 of 1  .       .                  .                         .\n"
            "  2.000000  .            .       split for 1000 ms  .                         split\n"
            "  3.500000  .            .       .                  one way to c2 for 250 ms  .\n"
            "  4.000000  .            get k3  .                  .                         .\n"
            "  5.000000  I3 violated: lost write 0\n");
}

TEST(SpaceTime, EveryKindOfFaultStandsSomewhere) {
  for (int kind = 0; kind <= static_cast<int>(FaultKind::wipe); ++kind) {
    Plan plan;
    plan.simulation.node_count = 3;
    plan.client_count = 1;
    plan.faults = {{Instant{}, static_cast<FaultKind>(kind), 1, 2, 0b010, seconds(1)}};
    const std::string table = space_time_table(plan, {});
    EXPECT_NE(table.find(fault_name(plan.faults[0].kind)), std::string::npos) << table;
  }
}

}  // namespace
}  // namespace dynakv

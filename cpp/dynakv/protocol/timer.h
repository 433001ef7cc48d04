// Every reason for a machine to wake up by itself.
#pragma once

#include <compare>
#include <cstdint>

namespace dynakv {

enum class TimerKind : std::uint8_t {
  /// The earliest deadline of the gets in flight at this coordinator.
  get_deadline = 1,
  /// The earliest deadline of the puts and deletes in flight at this coordinator.
  write_deadline = 2,
  /// The earliest deadline of the requests that this node forwarded.
  forward_deadline = 3,
  /// How long a started node waits to hear from its peers about its past before it mints new
  /// actors.
  identity_check = 4,
  /// The earliest deadline or retry of a client's operations.
  client_deadline = 5,
  /// The next round of gossip.
  gossip_round = 6,
  /// The next time at which a silent peer becomes suspect.
  suspicion = 7,
  /// When the hints that are kept are checked again.
  hinted_handoff = 8,
  /// When an amnesic node asks again for the data it lost.
  recovery = 9,
};

/// Setting a timer that is set already replaces it.
struct TimerId {
  TimerKind kind{};
  std::uint64_t id = 0;

  auto operator<=>(const TimerId&) const = default;
};

}  // namespace dynakv

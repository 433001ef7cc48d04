// Every bound and timeout of the protocol, with its unit, default and reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "dynakv/base/result.h"
#include "dynakv/base/time.h"

namespace dynakv {

/// Longest key, bytes. Dynamo's keys are 128-bit digests; ours are the user's own (DESIGN §4).
inline constexpr std::size_t kKeyBytesMax = 4096;
/// Largest value that any configuration allows, bytes.
inline constexpr std::size_t kValueBytesHardMax = 16u << 20;
inline constexpr std::size_t kContentTypeBytesMax = 255;

struct ProtocolOptions {
  /// Largest value a client may put, bytes. 1 MiB: larger ones belong in a blob store.
  std::size_t value_bytes_max = 1u << 20;
  /// A put that would leave several siblings of more bytes than this together is refused: one
  /// message must be able to carry an object, also after two such were joined (I23).
  std::size_t object_bytes_max = 8u << 20;
  /// A put that would leave more siblings than this is refused (I8): blind writers are unbounded.
  std::size_t sibling_count_max = 100;
  /// Requests that one node coordinates or forwards at a time; beyond it, `overloaded`. Latency
  /// doubles with each doubling beyond about 200 without much more throughput (PERFORMANCE §2.5).
  std::size_t in_flight_max = 16384;
  /// Longest time a request may ask for; a larger one is cut to it. Bounds what state can pile up.
  Duration request_timeout_max = seconds(60);
  /// Memory for recent objects, bytes, so that read-join-write does not read the disk
  /// (PERFORMANCE §2.2).
  std::size_t object_cache_bytes = 64u << 20;
  /// Objects larger than this are not kept in that memory.
  std::size_t object_cache_item_bytes_max = 4096;
  /// How long a restarted node waits for every member's word on its past before it writes under
  /// new actors (DESIGN §4, Identity). A member answers within a round trip when it is there.
  Duration identity_check_timeout = seconds(2);
};

/// Errors: invalid_argument.
Status validate(const ProtocolOptions& options);

struct ClientOptions {
  /// Time for an operation that names none.
  Duration timeout = seconds(5);
  /// Tries on other owners after a failure that is known to have changed nothing.
  int attempts_max = 4;
  /// Pause before a try on a node that just failed, doubled each time.
  Duration retry_pause = milliseconds(20);
  /// Contexts remembered over all flows; the least recently used goes first (DESIGN §10).
  std::size_t session_context_count_max = 65536;
  /// Operations started and not yet answered; beyond it, `overloaded`.
  std::size_t in_flight_max = 16384;
  /// Name of the member that every operation is sent to first, owner or not: one that is none
  /// forwards it, which costs a hop. Empty = the owners, nearest to the slot first.
  std::string prefer;
};

/// Errors: invalid_argument.
Status validate(const ClientOptions& options);

}  // namespace dynakv

// Every bound and timeout of the protocol, with its unit, default and reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "dynakv/base/result.h"
#include "dynakv/base/time.h"
#include "dynakv/domain/failure_detector.h"

namespace dynakv {

/// Longest key, bytes. Dynamo's keys are 128-bit digests; ours are the user's own (DESIGN §4).
inline constexpr std::size_t kKeyBytesMax = 4096;
/// Largest value that any configuration allows, bytes.
inline constexpr std::size_t kValueBytesHardMax = 16u << 20;
inline constexpr std::size_t kContentTypeBytesMax = 255;

inline constexpr std::size_t kFrameHeaderBytes = 24;
/// Largest body: the largest value with its key, context and some siblings beside it.
inline constexpr std::size_t kFrameBodyBytesMax = kValueBytesHardMax + (1u << 20);
/// Largest body before the other side's Hello was accepted (I26); with its header 16 KiB.
inline constexpr std::size_t kFirstFrameBodyBytesMax = (16u << 10) - kFrameHeaderBytes;
/// Longest text of an error; longer ones are cut.
inline constexpr std::size_t kErrorTextBytesMax = 1024;
/// "host:port".
inline constexpr std::size_t kAddressBytesMax = 300;

/// What a node accepts from clients (Admission).
struct AdmissionOptions {
  /// Largest value a client may put, bytes. 1 MiB: larger ones belong in a blob store.
  std::size_t value_bytes_max = 1u << 20;
  /// Requests that one node coordinates or forwards at a time; beyond it, `overloaded`. Latency
  /// doubles with each doubling beyond about 200 without much more throughput (PERFORMANCE §2.5).
  std::size_t in_flight_max = 16384;
  /// Longest time a request may ask for; a longer one is cut to this. It bounds how much state can
  /// pile up.
  Duration timeout_max = seconds(60);
};

/// How requests are coordinated (GetCoordinator, WriteCoordinator).
struct CoordinatorOptions {
  /// A put is refused when it would leave several siblings with more bytes than this together: one
  /// message must be able to carry an object, even the join of two such objects (I23).
  std::size_t object_bytes_max = 8u << 20;
  /// A put that would leave more siblings than this is refused (I8): blind writers are unbounded.
  std::size_t sibling_count_max = 100;
  /// Requests that have had their reply and still wait for late owners. Beyond this, the oldest is
  /// settled at once: a read repairs the owners it knows to be behind, a write leaves hints.
  std::size_t settling_max = 4096;
  /// How long an owner may take to acknowledge before a fallback stands in for it (Dynamo §4.6).
  /// Well above a slow sync, well below what a user waits for.
  Duration hint_timeout = milliseconds(500);
};

/// The memory of recent objects (ObjectTable).
struct ObjectTableOptions {
  /// Bytes, so that read-join-write does not read the disk (PERFORMANCE §2.2).
  std::size_t cache_bytes = 64u << 20;
  /// Objects larger than this are not kept in that memory.
  std::size_t cache_item_bytes_max = 4096;
};

/// How a restarted node's past is checked (PastCheck).
struct PastCheckOptions {
  /// How long it waits to hear from every member about its past before it writes under new actors
  /// (DESIGN §4, Identity). A member answers within a round trip when it is there.
  Duration timeout = seconds(2);
};

/// Hints that a node keeps for others (HintTable), and how they come home (HintedHandoff).
struct HintOptions {
  /// Bytes. Beyond this it accepts no more (B25, I23), and leaves the rest to anti-entropy.
  std::size_t bytes_max = std::size_t{1} << 30;
  /// Age of an owner's oldest hint beyond which no more are accepted for it. Counted from the first
  /// hint, so that a flapping owner does not restart it (B25).
  Duration age_max = seconds(3 * 3600);
  /// Hints on their way to one owner at a time; each acknowledgement lets the next one go, so the
  /// owner sets the pace.
  std::size_t window = 32;
  /// Pause before hints are tried again after their owner refused one or did not answer.
  Duration retry_pause = seconds(1);
  /// An owner that acknowledges no hint for retry_pause is given twice the time, again and again up
  /// to this: longer than any disk takes for a window of them.
  Duration patience_max = seconds(30);
};

/// How an amnesic node gets its data back (Recovery).
struct RecoveryOptions {
  /// Bytes of objects in one page; one larger object travels alone.
  std::size_t page_bytes = 512u << 10;
  /// Records that are looked at for one page, so that a page never holds up a step for long.
  std::size_t scan_count = 256;
  /// Peers that it pulls from at a time, one page each.
  std::size_t source_count = 4;
  /// Pause before a page is asked for again that was refused or whose peer was away.
  Duration retry_pause = seconds(1);
  /// How long a page may take before it is asked for again.
  Duration page_timeout = seconds(2);
};

/// How nodes hear of each other, and suspect each other (Gossip).
struct GossipOptions {
  /// Time between two rounds, less up to an eighth so that nodes do not stay in step. With 1,000
  /// members a node sends three digests of 22 KB a second.
  Duration interval = seconds(1);
  /// Peers that each round goes to. Three reach everyone in about log4(members) rounds.
  std::size_t fanout = 3;
  FailureDetectorOptions detector;
  /// After this long, a suspect that is not connected is reported as dead. Only status shows it.
  Duration dead_after = seconds(15);
};

/// Each machine's options under its name.
struct ProtocolOptions {
  AdmissionOptions admission;
  CoordinatorOptions coordinators;
  ObjectTableOptions objects;
  PastCheckOptions past_check;
  HintOptions hints;
  RecoveryOptions recovery;
  GossipOptions gossip;
};

/// Errors: invalid_argument.
Status validate(const AdmissionOptions& options);
Status validate(const CoordinatorOptions& options);
Status validate(const PastCheckOptions& options);
Status validate(const HintOptions& options);
Status validate(const RecoveryOptions& options);
Status validate(const GossipOptions& options);
Status validate(const ProtocolOptions& options);

struct ClientOptions {
  /// Time allowed for an operation that does not set a timeout.
  Duration timeout = seconds(5);
  /// Tries on other owners after a failure that is known to have changed nothing.
  int attempts_max = 4;
  /// Pause before a try on a node that just failed, doubled each time.
  Duration retry_pause = milliseconds(20);
  /// When a node that was asked is silent for this long, it is asked only if no other is left. A
  /// read that waits this long for any node is tried at another.
  Duration silent_after = milliseconds(500);
  /// Further tries as a share of all operations, and how many more may come at once.
  int retry_percent = 10;
  int retry_burst = 16384;
  /// Contexts remembered over all flows; the least recently used goes first (DESIGN §10).
  std::size_t session_context_count_max = 65536;
  /// Operations started and not yet answered; beyond it, `overloaded`.
  std::size_t in_flight_max = 16384;
  /// Name of the member that every operation is sent to first. If it is not an owner it forwards
  /// the operation, which costs a hop. Empty = the owners, nearest to the slot first.
  std::string prefer;
};

/// Errors: invalid_argument.
Status validate(const ClientOptions& options);

}  // namespace dynakv

// Faults between nodes that a test asks for: messages to or from a peer are lost, or come late.
//
// They behave like a network that loses packets: connections stay open, and what is lost is gone.
// The end of a connection to a peer that cannot be heard is not noticed either, until it can be
// heard again. Only a node with NodeOptions::development takes them; clients are never affected.
//
// Invariant: what is sent to one peer arrives in its order, whatever the delay changes to.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "dynakv/base/bytes.h"
#include "dynakv/base/random.h"
#include "dynakv/base/time.h"
#include "dynakv/base/types.h"

namespace dynakv {

/// 1000 permille: nothing passes.
struct LinkFault {
  NodeId peer;
  std::uint32_t lose_sent_permille = 0;
  std::uint32_t lose_received_permille = 0;
  /// Of each message to the peer.
  Duration delay;
};

/// Bytes that delayed messages may hold; what comes beyond it is lost.
inline constexpr std::size_t kDelayedBytesMax = 64u << 20;

class LinkFaults {
 public:
  explicit LinkFaults(Random random) : random_(random) {}

  /// Replaces all faults. Messages that are already delayed keep their time.
  void set(const std::vector<LinkFault>& faults);

  /// Whether this message to or from the peer is lost.
  bool loses_sent(const NodeId& peer);
  bool loses_received(const NodeId& peer);
  /// Nothing comes from the peer, not even the end of its connection.
  bool hides(const NodeId& peer) const;

  /// Where to append the next message to the peer, when it may not go out now: it is lost, or goes
  /// out later. nullptr: no fault concerns it. Valid until the next call.
  Bytes* divert(const NodeId& peer, Instant now);

  struct Late {
    NodeId peer;
    Bytes frame;
  };
  /// Takes the earliest delayed message whose time has come.
  std::optional<Late> take_due(Instant now);
  Instant next() const;
  /// A connection has ended, and what was on its way with it.
  void forget_late(const NodeId& peer);
  std::uint64_t lost_count() const { return lost_count_; }

 private:
  const LinkFault* find(const NodeId& peer) const;
  void count_newest();
  /// Counts what it lets be lost.
  bool loses(std::uint32_t permille);

  Random random_;
  std::map<NodeId, LinkFault> faults_;
  std::multimap<Instant, Late> late_;
  /// When the last delayed message to each peer goes out.
  std::map<NodeId, Instant> last_late_;
  Bytes lost_;
  std::uint64_t lost_count_ = 0;
  std::size_t late_bytes_ = 0;
  /// Handed out and not counted yet.
  Bytes* newest_ = nullptr;
};

}  // namespace dynakv

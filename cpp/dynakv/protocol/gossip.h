// Gossip: how nodes learn of each other's state and layout, and which of them are silent.
//
// Each round a node counts its own heartbeat and sends a digest to a few random connected peers,
// and to those that it is about to suspect or that owe an answer. A digest is answered with what
// its sender lacks and what is wanted of it, and that by the last message of the exchange
// (scuttlebutt). Whoever hears of a newer layout of its cluster asks for it. What was heard, and
// from whom, feeds the failure detector, whose verdicts go into the ClusterView.
//
// The membership is stored with the node's state, a record for each member, and only when more than
// a heartbeat changed: an idle cluster writes nothing.
//
// Invariant 1: nobody but the node itself says anything new of the node: a state of its own that is
// newer than it remembers means that it was rolled back (B6). Invariant 2: there is no gossip
// before the first layout, so that two clusters with a common contact never mix. Invariant 3: each
// message is a bounded number of bytes for each member, and each exchange ends with its third
// message.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "dynakv/base/random.h"
#include "dynakv/domain/failure_detector.h"
#include "dynakv/domain/membership.h"
#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/machine.h"
#include "dynakv/protocol/node_core_options.h"
#include "dynakv/protocol/store.h"

namespace dynakv {

struct GossipCounters {
  std::uint64_t rounds = 0;
  std::uint64_t suspicions = 0;
  std::uint64_t messages_refused = 0;
  /// Another layout of the same version was heard of.
  std::uint64_t layout_conflicts = 0;
};

class Gossip final : public Machine {
 public:
  /// Of `options`, name, address, contact points and protocol.
  struct Needs {
    const NodeCoreOptions& options;
    const Identity& identity;
    Store& store;
    ClusterView& view;
    Membership& membership;
  };
  Gossip(const Needs& needs, Random random);

  /// The view has a new layout.
  void follow_layout(Now now);
  /// Every message counts, before its handler.
  void note_heard(Now now, const NodeId& from);

  MachineInputs inputs() const override;
  /// Takes up the membership of earlier starts.
  Status start(Now now, Outbox& out) override;
  void handle_peer_up(Now now, const Hello& hello, Outbox& out) override;
  void handle_peer_down(Now now, const NodeId& peer, Outbox& out) override;
  void handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) override;
  void handle_timer(Now now, TimerId timer, Outbox& out) override;
  void add_to(Counters& counters) const override;

  void handle_message(Now now, const Origin& from, const GossipDigest& digest, Outbox& out);
  void handle_message(Now now, const Origin& from, const GossipDelta& delta, Outbox& out);

  void handle_message(Now now, const Origin& from, LayoutReply reply, Outbox& out);

  /// What a node that was asked for its layout answered; once.
  std::optional<Bytes> take_layout_heard() { return std::exchange(layout_heard_, std::nullopt); }
  /// The highest incarnation of this very node that others know and it does not; once.
  std::optional<std::uint64_t> take_lost_incarnation();
  /// Another directory goes on under this node's id, in a later life (Rejoin).
  bool was_taken_over() const;

  /// Changes when the result of NodeCore::peers() may have.
  std::uint64_t peers_revision() const { return peers_revision_; }
  PeerStatus status_of(const NodeId& id, Instant now) const;
  /// Of every other member that is in the layout or was heard of, in the order of their ids.
  std::vector<PeerStatus> statuses(Instant now) const;
  /// The states of members that are not believed alive, and of those in `also`: a look at a few
  /// instead of all.
  std::map<NodeId, PeerState> states_of_doubted(Instant now, const std::set<NodeId>& also) const;

 private:
  GossipHead head() const;
  Status load();
  void handle_round(Now now, Outbox& out);
  void beat();
  /// An answer that is overdue because this node itself did not run is no silence.
  void excuse_lateness(Instant now, Instant expected);
  void review(Now now, Outbox& out);
  std::vector<NodeId> choose_peers();
  void send_digest(Now now, std::vector<NodeId> peers, Outbox& out);
  void ask_for_layout(Now now, const NodeId& from, Outbox& out);
  /// False when the message is not of this cluster.
  bool follow_head(Now now, const NodeId& from, const GossipHead& head, Outbox& out);
  void merge(Now now, MembershipDelta delta);
  void watch(const NodeId& id, Instant now);
  /// The version that this life of the node has reached.
  MemberVersion own_version() const;

  const NodeCoreOptions& options_;
  const Identity& identity_;
  Store& store_;
  ClusterView& view_;
  Membership& membership_;
  Random random_;
  RequestIds ids_{Waiter::gossip};
  FailureDetector detector_;
  /// What this node says of itself.
  MemberState self_;
  std::optional<std::uint64_t> lost_incarnation_;
  std::optional<std::uint64_t> taken_over_;
  std::optional<Bytes> layout_heard_;
  std::vector<NodeId> owing_;
  Instant round_at_;
  Instant suspicion_at_ = Instant::far_future();
  Instant layout_asked_at_ = Instant{} - seconds(3600);
  std::uint64_t peers_revision_ = 1;
  GossipCounters counters_;
};

}  // namespace dynakv

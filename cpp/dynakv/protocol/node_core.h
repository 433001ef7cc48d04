// One node's protocol state: it routes each input to the machine that it concerns, and owns no
// algorithm itself (DESIGN §3).
//
// A driver (a real node, or the simulator) calls start() once, then for each step: any number of
// handle_* calls with one Outbox, then end_step(), then writes the store's pending batch, makes it
// durable, and only then does the effects. Same state, inputs and random seed give equal effects.
//
// Threads: one strand.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dynakv/base/random.h"
#include "dynakv/base/result.h"
#include "dynakv/domain/layout.h"
#include "dynakv/domain/membership.h"
#include "dynakv/protocol/node_core_options.h"
#include "dynakv/protocol/outbox.h"
#include "dynakv/protocol/start_evidence.h"
#include "dynakv/protocol/store.h"

namespace dynakv {

class NodeCore {
 public:
  /// `random` feeds identities (node id at format, actors): the driver seeds it from the operating
  /// system, the simulator from its seed.
  NodeCore(NodeCoreOptions options, DurableStore& store, Random random);
  ~NodeCore();
  NodeCore(const NodeCore&) = delete;
  NodeCore& operator=(const NodeCore&) = delete;

  /// Formats an empty store or takes up the past of a used one, and counts this start.
  /// Errors: invalid_argument when the store belongs to a node of another name; corruption;
  /// storage.
  Status start(Now now, const StartEvidence& evidence, Outbox& out);

  /// Marks a clean stop; the driver then writes and syncs a last time.
  void stop(Now now, Outbox& out);

  /// Gives a node without a layout its first one. The same layout again changes nothing.
  /// Errors: invalid_argument when the node has another layout, or is not a member of this one.
  Status adopt_layout(Now now, const Layout& layout, Outbox& out);

  /// Makes the first layout together with the other first members, which are known by name and
  /// address (ids are nil): each learns the others' ids from their Hello, and computes the same
  /// layout when it has heard of all. A node that has a layout of the same names already goes on
  /// with that. Errors: invalid_argument (this node is not in the list, another layout, see
  /// first_layout).
  Status form_cluster(Now now, FirstCluster first, Outbox& out);

  /// The nodes that this node should be connected to, where gossip says that they are; ids are nil
  /// while they are not known.
  std::vector<Member> peers() const;
  /// Changes whenever the result of peers() may have changed.
  std::uint64_t peers_revision() const;
  /// What this node knows of each other one, in the order of their ids.
  std::vector<PeerStatus> peer_statuses(Now now) const;
  /// The states of those that it does not believe alive, and of those in `also`.
  std::map<NodeId, PeerState> states_of_doubted(Now now, const std::set<NodeId>& also) const;
  const Membership& membership() const;
  /// Nothing was heard of the node for too long, so requests go elsewhere.
  bool is_suspect(const NodeId& node) const;

  /// The first message on a connection. Nodes that are no members are welcome: they own nothing. An
  /// error is sent to the other side as a Refusal before the connection is closed. Errors:
  /// protocol, version_mismatch, auth (another cluster, a name with another id, a removed id).
  Status check_hello(const Hello& hello) const;
  /// What this node says of itself to `peer` (nil: not known yet, or a client).
  Hello hello_for(const NodeId& peer) const;
  /// What to send whoever said this Hello, which check_hello() refused with `error`.
  Refusal refusal_for(const Hello& hello, Error error) const;
  /// Another node refused this one's Hello, or took back its own. The node may have another id
  /// after this: then the driver ends all connections, and greets anew.
  void handle_refusal(Now now, const Refusal& refusal, Outbox& out);

  /// A connection to a member is usable in both directions, after Hello was exchanged and checked.
  void handle_peer_up(Now now, const Hello& hello, Outbox& out);
  void handle_peer_down(Now now, const NodeId& peer, Outbox& out);

  void handle_message(Now now, const NodeId& from, Message message, Outbox& out);
  void handle_timer(Now now, TimerId timer, Outbox& out);

  /// Adds the step's own records (progress, counters) to the pending batch. Every step ends with
  /// it.
  void end_step();

  const NodeId& id() const;
  const std::string& name() const;
  std::uint64_t incarnation() const;
  /// The last step that ended.
  Progress progress() const;
  /// Nothing before the first layout.
  const Layout* layout() const;
  /// Has a layout and may coordinate writes.
  bool is_ready() const;
  /// Its copies do not count in R until it has recovered what it lost.
  bool is_recovering() const;
  /// Why the node must not go on: its identity lives on elsewhere. The driver ends it, and does
  /// none of the step's effects.
  const std::optional<Error>& failure() const;
  /// Names and values of the node's counters, in the order of their names.
  std::map<std::string, std::uint64_t> counters() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace dynakv

// Node: one real node: NodeCore on a store and on sockets, with a thread of its own.
//
// A step takes every input that is ready, lets the core handle all of it, and ends in one write
// batch; its effects are released after that batch and all earlier ones are durable (DESIGN §3),
// then each connection is written once. With Durability::group a helper thread syncs while the
// loop gathers the next step.
//
// Invariant 1: no effect, a timer included, is released before its step and all earlier ones are
// durable. Invariant 2: effects are released in the order of their steps. Invariant 3: after a
// failed write, sync or check nothing is released any more, and the node never serves again.
//
// Threads: every public function may be called from any thread, except from the node's own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dynakv/base/bytes.h"
#include "dynakv/base/result.h"
#include "dynakv/base/time.h"
#include "dynakv/base/types.h"
#include "dynakv/domain/bucket.h"
#include "dynakv/domain/layout.h"
#include "dynakv/node/node_options.h"
#include "dynakv/protocol/local_requests.h"
#include "dynakv/protocol/messages.h"

namespace dynakv {

struct NodeStatus {
  NodeId id;
  std::string name;
  std::string address;
  LayoutVersion layout{};
  std::uint64_t incarnation = 0;
  /// Has a layout and may coordinate writes.
  bool ready = false;
  /// Its copies do not count in R until it has recovered what it lost.
  bool recovering = false;
  /// False once the node was stopped or has failed.
  bool running = false;
  /// The other members, and other nodes that were heard of, in the order of their ids.
  std::vector<PeerStatus> peers;
  /// The core's counters and the driver's ("node." in front), in the order of their names.
  std::map<std::string, std::uint64_t> counters;
};

class Node {
 public:
  /// Opens the store, listens, starts the thread, and has the core take up its past.
  /// Errors: invalid_argument (options; an address in use or not allowed; the directory belongs to
  /// another node), corruption, storage.
  static Result<std::unique_ptr<Node>> start(NodeOptions options);

  /// Stops gracefully.
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Of the data directory, made at its format, or taken over from a lost directory of its name.
  NodeId id() const;
  const std::string& name() const;
  /// Where peers and clients reach it, "host:port", with the real port.
  const std::string& address() const;
  /// What a layout says of this node.
  Member member() const;

  /// Gives the node its first layout (first_layout() of the arguments, so that every member
  /// computes the same one). Doing it again with the same arguments changes nothing. Members may
  /// have nil ids: the nodes then learn the ids from each other, and each has the layout some time
  /// after this has returned; see wait_ready().
  /// Errors: invalid_argument (see first_layout, NodeCore::adopt_layout and form_cluster), closed,
  /// storage.
  Status bootstrap(std::vector<Member> members, BucketProperties defaults,
                   std::map<Bytes, BucketProperties> buckets);

  /// Waits until the node may coordinate writes and at least `connected_peer_count` of its peers
  /// are connected. Errors: timeout; closed, or what made the node fail.
  Status wait_ready(Duration timeout, std::size_t connected_peer_count = 0);

  /// Graceful: the core marks a clean stop, everything is written and synced, waiting effects are
  /// released, and output that the sockets take at once is sent. Does nothing the second time.
  /// Errors: storage, when the last write failed.
  Status stop();
  /// The same, but waits no longer than `timeout`. Errors: timeout too; the node goes on stopping,
  /// and another stop() waits for it.
  Status stop(Duration timeout);
  /// Drops everything at once, as the end of the process would: nothing is written, no effect is
  /// released. The store keeps what it was handed. Does nothing the second time.
  void kill();

  /// A request of this process, taken as if a client had sent it: any node takes any key, and the
  /// layout in its head is filled in. `done` gets the one reply once it may leave the node. It is
  /// called on the node's thread and must return soon; or at once, on this thread, when the node
  /// has ended (`closed`) or has too many such requests (`overloaded`).
  void submit(LocalRequest request, LocalDone done);

  /// Sets the faults of messages between this node and others; replaces the faults set before.
  /// Errors: invalid_argument without NodeOptions::development; closed.
  Status set_link_faults(std::vector<LinkFault> faults);
  /// Has the node handle nothing until resume(), as if its process were stopped; status() and the
  /// other questions of this class are answered all the same, and stop() and kill() resume it.
  /// Errors: as above.
  Status pause();
  Status resume();

  /// False before the end, whatever brings it.
  bool has_ended() const;
  /// Why the node stopped by itself; nothing while it runs or after stop() and kill().
  std::optional<Error> failure() const;

  /// As of now, or as of its end.
  NodeStatus status() const;
  /// encode_layout(); empty before the first.
  Bytes encoded_layout() const;

 private:
  struct Parts;
  explicit Node(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace dynakv

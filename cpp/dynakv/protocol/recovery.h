// How an amnesic node gets back what it lost: it pulls, from the other owners of its slots, every
// object that it owns, and joins it (B31, I15). Until then its copies do not count in R.
//
// A page holds objects in the order of ObjectCursor; one page of each peer is under way at a time,
// and few peers are pulled from at once. Hints are delivered meanwhile as always. After a restart
// it begins again from the first page.
//
// A slot is complete when whole copies of max(N-W+1, R, majority) of its other owners were merged,
// or the copies of all others, whole or not: there is no more to get, and nodes that forgot
// together (a loss of power everywhere) must not wait for each other for ever. So the slot again
// has what W owners held, this node among them, and a read that counts this node meets each write
// that a bucket's W acknowledged. Writes that asked for a smaller W have no such promise.
//
// Invariant 1: pages that count were read after the amnesia began. Invariant 2: the end of the
// amnesia is in the same step as the last merge, or a later one. Invariant 3: while the node is
// amnesic and has a layout, a timer is armed.
#pragma once

#include <map>

#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/machine.h"
#include "dynakv/protocol/object_table.h"
#include "dynakv/protocol/options.h"

namespace dynakv {

class Recovery final : public Machine {
 public:
  struct Needs {
    Identity& identity;
    const ClusterView& view;
    Store& store;
    ObjectTable& objects;
    const RecoveryOptions& options;
  };
  explicit Recovery(const Needs& needs)
      : identity_(needs.identity),
        view_(needs.view),
        store_(needs.store),
        objects_(needs.objects),
        options_(needs.options) {}

  /// Begins from the first page if the node is amnesic and has a layout; otherwise does nothing.
  void begin(Now now, Outbox& out);

  MachineInputs inputs() const override;
  Status start(Now now, Outbox& out) override;
  void handle_peer_up(Now now, const Hello& hello, Outbox& out) override;
  void handle_peer_down(Now now, const NodeId& peer, Outbox& out) override;
  void handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) override;
  void handle_timer(Now now, TimerId timer, Outbox& out) override;
  void add_to(Counters& counters) const override;

  /// The other half: what of this node's objects the sender owns.
  void handle_message(Now now, const Origin& from, const RecoveryRequest& request, Outbox& out);
  void handle_message(Now now, const Origin& from, const RecoveryPage& page, Outbox& out);
  void handle_message(Now now, const Origin& from, const ReplicaError& error, Outbox& out);

 private:
  /// One other owner.
  struct Source {
    ObjectCursor from;
    bool is_done = false;
    /// No page said that its sender is amnesic too.
    bool is_whole = true;
    /// The page under way; zero = none.
    RequestId asked{};
    Instant asked_at;
  };

  void arm(Now now, Outbox& out);
  /// Asks for pages as far as the bounds allow. `probes`: also asks peers that were amnesic whether
  /// they still are.
  void fill(Now now, bool probes, Outbox& out);
  void ask(Now now, const NodeId& id, Source& source, Outbox& out);
  bool merge(const RecoveryRecord& record);
  Result<RecoveryPage> make_page(const NodeId& requester, const ObjectCursor& from) const;
  void finish_if_complete(Outbox& out);
  bool is_complete() const;
  bool is_complete(Slot slot, const BucketProperties& properties) const;
  /// The largest N of any bucket.
  int copies_max() const;

  Identity& identity_;
  const ClusterView& view_;
  Store& store_;
  ObjectTable& objects_;
  const RecoveryOptions& options_;
  RequestIds ids_{Waiter::recovery};
  std::map<NodeId, Source> sources_;
  std::uint64_t recovered_count_ = 0;
  std::uint64_t completed_count_ = 0;
};

}  // namespace dynakv

// Brings hints home: sends each hint to its owner when the owner is back, and forgets it once the
// owner has acknowledged it durably (Dynamo §4.6, DESIGN §7).
//
// The owner sets the pace: a bounded window of hints is on its way, and each acknowledgement lets
// the next one go. A hint without an answer is sent again; joins make that harmless. An owner that
// takes longer is given twice the time, so that it gets its hints however slow it is and is not
// flooded.
//
// Invariant 1: a hint is erased only after its owner's durable acknowledgement, and only if it did
// not change meanwhile (B26). Invariant 2: while hints are kept, a timer is armed: delivery goes on
// without any reads or writes (B23). Without hints no timer is armed (I19).
#pragma once

#include <map>

#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/hint_table.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/machine.h"
#include "dynakv/protocol/object_table.h"
#include "dynakv/protocol/options.h"

namespace dynakv {

class HintedHandoff final : public Machine {
 public:
  struct Needs {
    Identity& identity;
    const ClusterView& view;
    HintTable& hints;
    ObjectTable& objects;
    const HintOptions& options;
  };
  explicit HintedHandoff(const Needs& needs)
      : identity_(needs.identity),
        view_(needs.view),
        hints_(needs.hints),
        objects_(needs.objects),
        options_(needs.options) {}

  /// Makes sure that the hints that are kept now are delivered in time.
  void arm(Now now, Outbox& out);

  MachineInputs inputs() const override {
    return {.timers = {TimerKind::hinted_handoff}, .waiter = Waiter::hinted_handoff};
  }
  void handle_peer_up(Now now, const Hello& hello, Outbox& out) override;
  void handle_peer_down(Now, const NodeId& peer, Outbox&) override { deliveries_.erase(peer); }
  void handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) override;
  void handle_timer(Now now, TimerId timer, Outbox& out) override;
  void add_to(Counters& counters) const override;

  void handle_message(Now now, const Origin& from, const ReplicaPutReply& reply, Outbox& out);
  void handle_message(Now now, const Origin& from, const ReplicaError& error, Outbox& out);

 private:
  /// To one owner.
  struct Delivery {
    /// The last hint that was taken for sending.
    Bytes cursor;
    std::map<RequestId, Hint> in_flight;
    /// Whether a hint was acknowledged: ever, and since the timer last fired.
    bool is_answered = false;
    bool has_moved = false;
    /// The owner refused a hint: nothing more is sent until the timer fires.
    bool is_pausing = false;
    /// How long the owner may go without acknowledging a hint that is on its way, and until when.
    Duration patience;
    Instant patient_until;
  };

  void begin(Now now, const NodeId& owner, Delivery& delivery, Outbox& out);

  void fill(const NodeId& owner, Delivery& delivery, Outbox& out);
  bool send(const NodeId& owner, Delivery& delivery, Hint hint, Outbox& out);
  void finish_if_done(const NodeId& owner);

  Identity& identity_;
  const ClusterView& view_;
  HintTable& hints_;
  ObjectTable& objects_;
  const HintOptions& options_;
  RequestIds ids_{Waiter::hinted_handoff};
  std::map<NodeId, Delivery> deliveries_;
  bool is_armed_ = false;
  std::uint64_t delivered_count_ = 0;
};

}  // namespace dynakv

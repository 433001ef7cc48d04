// The coordinator of gets (Dynamo §4.5, §5, DESIGN §6): asks all N owners, joins their answers,
// replies after R, and then repairs owners that answered with less.
//
// Its own copy is the full object, the others send digests. For an owner that is down or silent a
// sloppy read asks a fallback for its hints.
// Messages per get at N=3: 2 requests and 2 replies of about 60 bytes, plus one full object for
// each owner that differs.
//
// Invariant 1: each request gets exactly one reply, at its deadline at the latest.
// Invariant 2: an error of an owner is never taken for "not found" (I20), nor is the "not found" of
// a fallback (B34). Invariant 3: with blocking repair, at least N-R+1 owners hold what the reply
// shows, durably, before it is sent: later quorum reads do not go back in time (I11).
// Invariant 4: owners that agree are sent nothing (I19).
#pragma once

#include <map>

#include "dynakv/protocol/deadlines.h"
#include "dynakv/protocol/hint_table.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/machine.h"
#include "dynakv/protocol/object_table.h"
#include "dynakv/protocol/options.h"
#include "dynakv/protocol/reachability.h"
#include "dynakv/protocol/read_phase.h"
#include "dynakv/protocol/route.h"

namespace dynakv {

class GetCoordinator final : public Machine {
 public:
  struct Needs {
    Identity& identity;
    const Reachability& peers;
    ObjectTable& objects;
    HintTable& hints;
    const CoordinatorOptions& options;
  };
  explicit GetCoordinator(const Needs& needs)
      : identity_(needs.identity),
        peers_(needs.peers),
        objects_(needs.objects),
        hints_(needs.hints),
        options_(needs.options) {}

  MachineInputs inputs() const override;
  /// REQUIRES: the request is valid, and this node is an owner of the key, or the quorum is sloppy
  /// and no owner can be reached.
  void handle_request(Now now, RoutedRequest&& request, Outbox& out) override;
  void handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) override;
  void handle_peer_down(Now now, const NodeId& peer, Outbox& out) override;
  void handle_timer(Now now, TimerId timer, Outbox& out) override;
  std::size_t in_flight() const override { return in_flight_.size() - replied_count_; }
  void add_to(Counters& counters) const override;

  void handle_message(Now now, const Origin& from, ReplicaGetReply reply, Outbox& out);
  /// An owner holds what it was sent in repair.
  void handle_message(Now now, const Origin& from, const ReplicaPutReply& reply, Outbox& out);
  void handle_message(Now now, const Origin& from, const ReplicaError& error, Outbox& out);

 private:
  enum class Stage : std::uint8_t {
    /// Fewer than R answered.
    reading,
    /// R answered; the reply waits until enough owners hold what it shows.
    repairing,
    /// Replied; late answers still show which owners to repair.
    replied,
  };
  struct Flight {
    Origin client;
    Bytes bucket;
    Bytes key;
    Route route;
    Instant deadline;
    /// Late owners are waited for until then, even past the request's deadline.
    Instant settle_at;
    Instant wake_at;
    ReadRepair repair = ReadRepair::background;
    Stage stage = Stage::reading;
    ReadPhase phase;
    /// How many of the route's fallbacks have been tried.
    std::size_t fallbacks_used = 0;
    /// While repairing: the reply, what it shows with expired values, which nodes hold that, and
    /// how many must.
    GetReply reply;
    Bytes shown;
    Hash128 shown_digest;
    std::vector<NodeId> holders;
    std::vector<NodeId> sent_repair;
    int holders_needed = 0;
    Explainer explain;

    KeyRef key_ref() const { return route.key_in(bucket, key); }
    /// What messages about the key begin with.
    Envelope envelope() const { return route.envelope(key_ref()); }
  };
  using Flights = std::map<RequestId, Flight>;

  bool read_local(Now now, Flight& flight);
  void ask(Now now, Flights::iterator flight, bool local_ok, Outbox& out);
  void ask_fallback(Now now, RequestId id, Flight& flight, Outbox& out);
  void advance(Now now, Flights::iterator flight, Outbox& out);
  void begin_repairing(Now now, Flights::iterator flight, Outbox& out);
  void continue_repairing(Now now, Flights::iterator flight, Outbox& out);
  void add_holder(Flight& flight, const NodeId& owner);
  /// Sends the join to every owner that answered with less.
  void repair(Now now, Flights::iterator flight, Outbox& out);
  /// Notes which owners are known to need that when the reply leaves.
  void note_planned_repair(Now now, Flight& flight);
  struct Repair {
    std::vector<NodeId> owners;
    const Bytes& object;
  };
  void send_repair(Now now, Flights::iterator flight, Repair repair, Outbox& out);
  static GetReply make_reply(Now now, const Flight& flight);
  void reply(Now now, Flight& flight, Outbox& out);
  void fail_flight(Now now, Flights::iterator flight, bool timed_out, Outbox& out);
  /// After the reply: repairs and forgets when no owner is waited for.
  void forget_if_done(Now now, Flights::iterator flight, Outbox& out);
  void forget(Flights::iterator flight);
  void forget_oldest_replied(Now now, Outbox& out);

  Identity& identity_;
  const Reachability& peers_;
  ObjectTable& objects_;
  HintTable& hints_;
  const CoordinatorOptions& options_;
  RequestIds ids_{Waiter::get_coordinator};
  Flights in_flight_;
  Deadlines deadlines_{TimerKind::get_deadline};
  std::size_t replied_count_ = 0;
  /// Owners that were sent what they lacked.
  std::uint64_t repaired_count_ = 0;
};

}  // namespace dynakv

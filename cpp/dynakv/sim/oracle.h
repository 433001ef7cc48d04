// Knows every event of a run, and checks what must hold of the run (INVARIANTS §1).
//
// It watches the requests and replies of clients and the messages to replicas, and it may look into
// every disk. It knows causality from the contexts that writers really sent, not from what the core
// made of them. A violation is recorded, never thrown: the run goes on to its end.
//
// Checked while the run goes on: I3, I4, I8 to I13. Checked on the disks: I1, I2, I5. Where a plan
// exceeds its loss budget, acknowledged writes may be gone, reads may miss them, and a deleted
// value may outlive all copies of its delete: I1, I2, I10 and I11 are not promised then (INVARIANTS
// §1.2), nor that every node recovers (I15), because too few nodes may be left that know anything.
// All else is promised: the cluster must not lie, and must come to rest.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dynakv/sim/plan.h"
#include "dynakv/sim/simulation.h"

namespace dynakv {

struct Violation {
  std::string invariant;
  std::string detail;
  Instant at;
};

class Oracle {
 public:
  struct Started {
    PlannedOperation planned;
    Bytes key;
    Bytes value;
    FlowId flow{};
    Instant at;
  };

  Oracle(Simulation& simulation, const Plan& plan);

  void operation_started(OperationId id, Started operation);
  void message_sent(int from, const Message& message);
  void reply_came(const Reply& reply);
  /// A node's disk lost data that it had acknowledged: it no longer counts as one of I9's holders.
  void node_lost_data(int node, FaultKind how);
  /// Checks which of those nodes know by now that they forgot something.
  void note_recognised();

  /// Records a violation that was found elsewhere.
  void report(const std::string& invariant, const std::string& detail);

  /// What each disk must satisfy at any time (I5, I24).
  void check_disks();
  /// What must hold when everything has healed and every key was read once (I7): the owners that
  /// run agree, and no hint for them is left.
  void check_convergence();
  /// What must hold when everything has healed and every operation has ended.
  void check_end();

  const std::vector<Violation>& violations() const { return violations_; }
  std::size_t pending_count() const { return pending_.size(); }
  std::uint64_t acked_writes() const { return acked_writes_; }
  std::uint64_t answered_gets() const { return answered_gets_; }
  std::uint64_t failed_operations() const { return failed_operations_; }

  /// The flow has read the key, so that a delete of it carries a context.
  bool flow_saw(FlowId flow, const Bytes& key) const { return flow_saw_.contains({flow, key}); }

  /// The join of every readable copy and hint of a key.
  Object joined(const Bytes& key) const;

 private:
  enum class Outcome : std::uint8_t { pending, acknowledged, in_doubt, failed };
  /// A write as clients know it. Values are unique, deletes included, and name their writes.
  struct Write {
    Bytes key;
    Bytes value;
    FlowId flow{};
    /// The contexts that its requests carried, each once.
    std::vector<Context> seen;
    /// Its events: two when it was tried at two owners.
    std::vector<Dot> dots;
    PlannedKind kind = PlannedKind::put;
    Outcome outcome = Outcome::pending;
  };
  struct Event {
    Bytes value;
    /// The writes that had seen it.
    std::vector<const Write*> superseders;
  };
  struct Acked {
    Instant at;
    int w = 0;
    /// W was met by owners alone.
    bool is_strict = false;
    /// What every later quorum must cover.
    Context covered;
    /// Nil counter for a delete.
    Dot dot;
  };
  /// All that clients know of a key.
  struct History {
    std::map<Dot, Event> events;
    std::vector<const Write*> writes;
    std::vector<Acked> acked;
    /// Written with a precondition: such a write supersedes what its coordinator read, which no
    /// client is told.
    bool is_overwritten = false;
  };

  void object_sent(const Bytes& key, const Bytes& encoded);
  void note_event(const Bytes& key, const Dot& dot, const Bytes& value);
  void check_sent_context(const WriteRequest& request, const Write& write);
  void note_sent_context(const WriteRequest& request, Write& write);
  void check_get(const Started& started, const GetReply& reply);
  void check_who_answered(const Started& started, const GetReply& reply);
  void check_not_behind(const Started& started, const GetReply& reply, const Object& object);
  /// One of the nodes that were counted may have forgotten without knowing it.
  bool counted_a_forgetful_copy(const Started& started, const GetReply& reply,
                                bool also_recovered) const;
  void check_holders(const Started& started, const WriteReply& reply, const Context& covered);
  void check_write(const Started& started, const WriteReply& reply);
  void check_object_order(const Bytes& key, const Object& object, const std::string& where);
  void check_copy(int node, const Bytes& key);
  static std::vector<const Write*> superseders_of(const History& history, const Dot& dot);
  void note_points(const Object& shown) const;
  void note_points_at_end() const;
  bool is_stuck_in_recovery(const SimNode& node) const;
  void check_recovered();
  void check_key_at_end(const Bytes& key);
  int quorum_of(const PlannedOperation& planned) const;
  MemoryStore disk_of(int node) const;
  /// The record of that node, or null when there is none.
  const Bytes* record_of(int node, Space space, const Bytes& key) const;
  std::optional<Object> copy_of(int node, const Bytes& key) const;
  /// What a node keeps for an owner of the key; an absent object when that is nothing.
  Object hint_of(int node, const NodeId& owner, const Bytes& key) const;
  std::vector<NodeId> owners_of(const Bytes& key) const;

  Simulation& simulation_;
  const Plan& plan_;
  std::map<OperationId, Started> pending_;
  std::map<Bytes, Write> writes_;       // by value
  std::map<Bytes, History> histories_;  // by key
  std::map<Dot, Bytes> key_of_dot_;
  /// Blocking reads: what each showed, when, and its R (I11).
  struct Shown {
    Instant at;
    int r = 0;
    Context context;
  };
  std::map<Bytes, std::vector<Shown>> shown_;
  /// Keys whose last read succeeded.
  std::set<Bytes> read_last_;
  /// The object last sent to replicas: the same one goes to several.
  Bytes last_object_;
  std::map<std::pair<FlowId, Bytes>, Context> flow_saw_;
  /// The events that a flow was shown, or made itself.
  std::map<std::pair<FlowId, Bytes>, std::set<Dot>> flow_was_shown_;
  std::set<int> lossy_nodes_;
  /// A node whose copies forgot what they had acknowledged, and answer without it until the node
  /// knows.
  struct Loss {
    /// The process that lost it; only later ones can know.
    std::uint64_t run = 0;
    bool can_be_recognised = true;
    std::optional<Instant> recognised_at;
  };
  std::map<int, Loss> losses_;
  /// A flow wrote a key again before its last write had ended: the two may stay side by side.
  bool flows_overlap_ = false;
  std::vector<Violation> violations_;
  std::uint64_t acked_writes_ = 0;
  std::uint64_t answered_gets_ = 0;
  std::uint64_t failed_operations_ = 0;
};

}  // namespace dynakv

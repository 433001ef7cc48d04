// Serves the coordinators: reads, and joins of objects into this node's copy.
//
// Invariant 1: every apply is read, join, write, never an overwrite (I5, I6). Invariant 2: the
// reply to a put is an effect of the step that stored it, so it is sent after it is durable (I9,
// B24). Invariant 3: a damaged copy answers with an error, never with "not found", and the slot's
// actor is never used again (I20, B1, B43).
#pragma once

#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/hint_table.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/machine.h"
#include "dynakv/protocol/object_table.h"

namespace dynakv {

class Replica final : public Machine {
 public:
  Replica(Identity& identity, const ClusterView& view, ObjectTable& objects, HintTable& hints)
      : identity_(identity), view_(view), objects_(objects), hints_(hints) {}

  MachineInputs inputs() const override;
  void handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) override;
  void add_to(Counters& counters) const override;

  void handle_message(Now now, const Origin& from, const ReplicaGet& get, Outbox& out);
  void handle_message(Now now, const Origin& from, const ReplicaPut& put, Outbox& out);
  void handle_message(Now now, const Origin& from, const HintPut& put, Outbox& out);
  void handle_message(Now now, const Origin& from, const HintGet& get, Outbox& out);

 private:
  /// Of the envelope's bucket.
  ObjectKind kind_of(const Envelope& envelope) const;

  Identity& identity_;
  const ClusterView& view_;
  ObjectTable& objects_;
  HintTable& hints_;
  std::uint64_t get_count_ = 0;
  std::uint64_t put_count_ = 0;
  std::uint64_t hint_count_ = 0;
};

}  // namespace dynakv

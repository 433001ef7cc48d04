// The client's side of the protocol: routes each operation to an owner, repeats what is safe to
// repeat, enforces deadlines, and remembers for each flow which contexts it has seen (DESIGN §10).
//
// A flow is one thread or task, or an explicit session. What a flow saw of a key goes with its next
// put or delete of that key, so that a read-then-write is causal and flows that share a client
// never overwrite each other's unread work.
//
// Invariant 1: each operation ends in exactly one Reply, at its deadline at the latest.
// Invariant 2: a write is tried again only when no try of it can have been applied, or under the
// same write id (I13). Invariant 3: a read within a flow never goes back behind what the flow saw
// (I12): it asks all owners, and fails as `stale` when that does not help either.
//
// Threads: one strand. The driver's contract is NodeCore's, without a store.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dynakv/base/random.h"
#include "dynakv/base/result.h"
#include "dynakv/domain/layout.h"
#include "dynakv/domain/ring.h"
#include "dynakv/protocol/handshake.h"
#include "dynakv/protocol/options.h"
#include "dynakv/protocol/outbox.h"

namespace dynakv {

/// Names a flow; 0 = no flow: nothing is remembered.
enum class FlowId : std::uint64_t {};

struct OperationOptions {
  /// R of a get, W of a put or delete.
  QuorumSize quorum = QuorumSize::bucket_default();
  /// Zero = the client's default.
  Duration timeout;
  FlowId flow{};
  QuorumMode mode = QuorumMode::bucket_default;
  /// Of a get.
  ReadRepair read_repair = ReadRepair::bucket_default;
  /// The reply carries the coordinator's decision record.
  bool explain = false;
};

struct GetOperation {
  Bytes bucket;
  Bytes key;
  OperationOptions options;
};

struct WriteOperation {
  Bytes bucket;
  Bytes key;
  WriteKind kind = WriteKind::put;
  Precondition precondition = Precondition::none;
  /// An explicit context replaces what the flow remembers.
  bool has_context = false;
  Context context;
  std::uint64_t context_scope = 0;
  Bytes value;
  Bytes content_type;
  Duration ttl;
  OperationOptions options;
};

/// Asks one member, or any member (nil), for its status.
struct StatusOperation {
  NodeId node;
  OperationOptions options;
};

class ClientSession final : public Greeter {
 public:
  ClientSession(ClientOptions options, Random random, RingSource ring_source = nullptr);
  ~ClientSession() override;
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  const NodeId& id() const;

  // How it introduces itself, and what it talks to: nodes of the cluster that it knows.
  NodeId own_id() const override { return id(); }
  Hello hello_for(const NodeId& peer) const override;
  Status check_hello(const Hello& hello) const override;
  Refusal refusal_for(const Hello&, const Error& error) const override { return {error, {}}; }

  /// Begins to ask whoever is connected for the layout, until somebody has one.
  void open(Now now, Outbox& out);
  /// Gives or renews the layout, as a node's reply does. Operations that waited for one go on.
  void set_layout(Now now, Layout layout, Outbox& out);
  /// Null before the session has learned one.
  const Layout* layout() const;
  /// Changes whenever the layout does, its members' addresses included.
  std::uint64_t layout_revision() const;

  void start(Now now, OperationId id, GetOperation operation, Outbox& out);
  void start(Now now, OperationId id, WriteOperation operation, Outbox& out);
  void start(Now now, OperationId id, StatusOperation operation, Outbox& out);
  /// Ends the operation without a Reply; a write may still be applied.
  void cancel(OperationId id, Outbox& out);
  /// Forgets what a flow saw.
  void forget_flow(FlowId flow);
  /// Ends every operation with `closed`.
  void close(Now now, Outbox& out);

  void handle_peer_up(Now now, const Hello& hello, Outbox& out);
  void handle_peer_down(Now now, const NodeId& node, Outbox& out);
  void handle_message(Now now, const NodeId& from, Message message, Outbox& out);
  void handle_timer(Now now, TimerId timer, Outbox& out);

 private:
  struct Parts;

  void handle_layout_reply(Now now, const LayoutReply& reply, Outbox& out);

  std::unique_ptr<Parts> parts_;
};

}  // namespace dynakv

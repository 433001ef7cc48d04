// Requests of the process that a node lives in: an entry beside the connections of clients, for
// doors that speak another protocol.
//
// They reach the core as a client's messages, under an id of their own. So admission, deadlines and
// release after durability hold for them as for everybody.
//
// Invariant: each request gets exactly one reply, at its deadline at the latest, or when the node
// ends.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <variant>

#include "dynakv/protocol/messages.h"

namespace dynakv {

using LocalRequest = std::variant<GetRequest, WriteRequest>;
/// Gets a GetReply, WriteReply or ErrorReply.
using LocalDone = std::function<void(Body reply)>;

class LocalRequests {
 public:
  /// `id`: drawn by the driver; no client and no node has it.
  explicit LocalRequests(const NodeId& id) : id_(id) {}

  const NodeId& id() const { return id_; }
  std::size_t pending_count() const { return pending_.size(); }

  /// The message to hand to the core, as one from id().
  Message begin(LocalRequest request, LayoutVersion layout, LocalDone done);
  /// A message of the core to id() that was released.
  void deliver(Message&& reply);
  /// The node ends: what is pending is told so. A write may have been applied.
  void close();

 private:
  struct Pending {
    bool is_write = false;
    LocalDone done;
  };

  NodeId id_;
  std::uint64_t count_ = 0;
  std::map<RequestId, Pending> pending_;
};

}  // namespace dynakv

// Client: one real client: a ClientSession on sockets, with a thread of its own.
//
// Operations come in batches and end as batches, so that Python crosses the border once for many
// (PERFORMANCE §2.9). A batch is waited for by a thread, or it carries a tag and appears in the
// completion queue, whose one file descriptor wakes an event loop once for all that is in it.
//
// Invariant 1: every operation ends in exactly one Reply, at its deadline at the latest, or when
// the client is closed. Invariant 2: however many batches are submitted between two turns of the
// loop, the loop is woken once.
//
// Threads: every function may be called from any thread; none runs code of the caller on the
// client's own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dynakv/base/result.h"
#include "dynakv/base/time.h"
#include "dynakv/domain/layout.h"
#include "dynakv/protocol/client_session.h"

namespace dynakv {

using Operation = std::variant<GetOperation, WriteOperation, StatusOperation>;

/// Operations that were submitted together.
class Batch {
 public:
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  /// True when all operations have ended, at once or within `timeout`; negative or zero only looks.
  bool wait_for(Duration timeout) const;
  bool done() const { return wait_for(Duration{}); }

  /// Replies in the order of the operations; Reply::operation is the operation's index.
  /// REQUIRES: done().
  const std::vector<Reply>& results() const;
  /// Moves them out. REQUIRES: done(), and only once.
  std::vector<Reply> take_results();

  /// Ends what has not ended with `closed`; a write among it may still be applied (`in_doubt`).
  /// The batch is done soon after, not necessarily at once.
  void cancel();

  std::size_t operation_count() const;
  /// The tag it was submitted with; 0 without one.
  std::uint64_t tag() const;

  struct Parts;
  /// Only clients make batches.
  explicit Batch(std::unique_ptr<Parts> parts);

 private:
  friend class Client;
  friend class ClientLoop;
  std::unique_ptr<Parts> parts_;
};

struct ClientCounters {
  std::uint64_t operations_started = 0;
  std::uint64_t operations_ended = 0;
  std::uint64_t wakes = 0;
  /// Connections to nodes that ended.
  std::uint64_t disconnects = 0;
};

class Client {
 public:
  /// Asks the contact points ("host:port" each) for the layout and connects to its members.
  /// Errors: invalid_argument; no_nodes_available, with the reason for each address.
  static Result<std::unique_ptr<Client>> connect(std::vector<std::string> contact_points,
                                                 ClientOptions options, Duration connect_timeout);

  /// Closes.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Starts the operations. After close() they all end with `closed` at once.
  std::shared_ptr<Batch> submit(std::vector<Operation> operations);
  /// The same; the finished batch appears in drain() too.
  std::shared_ptr<Batch> submit(std::vector<Operation> operations, std::uint64_t tag);

  /// Readable while finished tagged batches wait in drain(). Belongs to the client; valid until
  /// its destruction.
  int completion_fd() const;
  /// Takes all finished tagged batches, in the order in which they ended, and makes the
  /// descriptor unreadable.
  std::vector<std::shared_ptr<Batch>> drain();

  NodeId id() const;
  /// The newest layout that was learned; never null.
  std::shared_ptr<const Layout> layout() const;
  /// Operations that have not ended.
  std::size_t in_flight() const;
  ClientCounters counters() const;

  /// Forgets what a flow saw.
  void forget_flow(FlowId flow);

  /// Ends every operation with `closed` and stops the thread. Does nothing the second time.
  void close();

 private:
  struct Parts;
  explicit Client(std::shared_ptr<Parts> parts);
  std::shared_ptr<Parts> parts_;
};

}  // namespace dynakv

// ClientHandle and BatchHandle: a client and its batches as Python holds them, real ones here and
// simulated ones in sim_client.h. Python sees one class for both kinds.
//
// A batch keeps its client alive. It also keeps the verb and each key's context_scope, which it
// needs to turn replies into results.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dynakv/bindings/layout_view.h"
#include "dynakv/bindings/process_life.h"
#include "dynakv/domain/context_token.h"
#include "dynakv/node/client.h"

namespace dynakv {

/// What a batch was asked for.
struct Requested {
  const char* verb = "";
  std::vector<std::uint64_t> scopes;
  /// Seconds.
  double timeout = 0;
  /// 0 = none.
  std::uint64_t tag = 0;
};

/// A result or an exception, as Python sees a reply. `wall`: the reader's calendar clock, where it
/// is not this machine's.
pybind11::object reply_to_python(Reply reply, const char* verb, std::uint64_t scope,
                                 const std::shared_ptr<const Layout>& layout,
                                 std::optional<WallTime> wall);

class BatchHandle {
 public:
  explicit BatchHandle(Requested requested) : requested_(std::move(requested)) {}
  virtual ~BatchHandle() = default;
  BatchHandle(const BatchHandle&) = delete;
  BatchHandle& operator=(const BatchHandle&) = delete;

  /// A signal ends the wait and cancels the operations that have not ended.
  virtual void wait() = 0;
  virtual void cancel() = 0;
  virtual bool is_done() const = 0;
  std::uint64_t tag() const { return requested_.tag; }
  double timeout() const { return requested_.timeout; }

  /// Results and exceptions, in the order of the operations. REQUIRES: is_done(); only once.
  pybind11::list take_all();
  /// The result of the batch's only operation, or throws its exception. REQUIRES: as above.
  pybind11::object take_one();

 private:
  /// In the order of the operations; Reply::operation is the operation's index.
  virtual std::vector<Reply> take_replies() = 0;
  virtual std::shared_ptr<const Layout> layout() const = 0;
  /// The reader's calendar clock, where it is not this machine's.
  virtual std::optional<WallTime> wall() const { return std::nullopt; }

  std::vector<Reply> take();
  pybind11::object to_result(Reply& reply, const std::shared_ptr<const Layout>& layout) const;

  Requested requested_;
};

using SharedBatch = std::shared_ptr<BatchHandle>;

class ClientHandle {
 public:
  virtual ~ClientHandle() = default;

  /// Throws ClosedError.
  virtual SharedBatch submit(std::vector<Operation> operations, Requested requested) = 0;
  /// The newest layout; its ring is built once per version.
  virtual std::shared_ptr<LayoutView> layout() = 0;
  virtual void close() = 0;
  virtual bool is_closed() const = 0;
  virtual std::size_t in_flight() const = 0;
  virtual ClientCounters counters() const = 0;
  /// Called when flows end, by destructors of Python objects too: it must not throw.
  virtual void forget_flow(FlowId flow) = 0;
  /// For event loops: Client::completion_fd and the tags of Client::drain.
  virtual int completion_fd() const = 0;
  virtual std::vector<std::uint64_t> drain() = 0;
};

class RealClient final : public ClientHandle, public std::enable_shared_from_this<RealClient> {
 public:
  explicit RealClient(std::shared_ptr<Client> client) : client_(std::move(client)) {}

  SharedBatch submit(std::vector<Operation> operations, Requested requested) override;
  std::shared_ptr<LayoutView> layout() override;
  void close() override;
  bool is_closed() const override { return is_closed_; }
  std::size_t in_flight() const override { return client_->in_flight(); }
  ClientCounters counters() const override { return client_->counters(); }
  void forget_flow(FlowId flow) override;
  int completion_fd() const override { return client_->completion_fd(); }
  std::vector<std::uint64_t> drain() override;
  std::shared_ptr<const Layout> newest_layout() const { return client_->layout(); }

 private:
  Owned<Client> client_;
  bool is_closed_ = false;
  std::shared_ptr<LayoutView> view_;
};

}  // namespace dynakv

// ClientHandle and BatchHandle: a client and its batches as Python holds them.
//
// A batch keeps its client, and what is needed to turn replies into results: the verb and each
// key's context_scope.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dynakv/bindings/context_token.h"
#include "dynakv/bindings/layout_view.h"
#include "dynakv/bindings/process_life.h"
#include "dynakv/node/client.h"

namespace dynakv {

struct ClientHandle {
  explicit ClientHandle(std::shared_ptr<Client> c) : client(std::move(c)) {}

  /// The newest layout; its ring is built once per version.
  std::shared_ptr<LayoutView> layout();
  void close();

  Owned<Client> client;
  bool is_closed = false;

 private:
  std::shared_ptr<LayoutView> view_;
};

class BatchHandle {
 public:
  BatchHandle(std::shared_ptr<ClientHandle> client, std::shared_ptr<Batch> batch, const char* verb,
              std::vector<std::uint64_t> scopes, double timeout)
      : client_(std::move(client)),
        batch_(std::move(batch)),
        verb_(verb),
        scopes_(std::move(scopes)),
        timeout_(timeout) {}

  /// A signal ends the wait and cancels what has not ended.
  void wait();
  void cancel() { batch_->cancel(); }
  bool is_done() const { return batch_->done(); }
  std::uint64_t tag() const { return batch_->tag(); }
  /// Seconds, as it was submitted.
  double timeout() const { return timeout_; }

  /// Results and exceptions, in the order of the operations. REQUIRES: is_done(); only once.
  pybind11::list take_all();
  /// The only operation's result; throws its exception. REQUIRES: as above.
  pybind11::object take_one();

 private:
  std::vector<Reply> take();
  pybind11::object to_result(Reply& reply, const std::shared_ptr<const Layout>& layout) const;

  std::shared_ptr<ClientHandle> client_;
  Owned<Batch> batch_;
  const char* verb_;
  std::vector<std::uint64_t> scopes_;
  double timeout_;
};

}  // namespace dynakv

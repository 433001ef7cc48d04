// What a Batch is made of, for the client's thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "dynakv/node/client.h"

namespace dynakv {

/// Until `done`, the results belong to the client's thread; then to the thread that holds the
/// batch.
struct Batch::Parts {
  Parts(std::vector<Operation> what, std::uint64_t batch_tag, bool is_tagged)
      : operations(std::move(what)),
        results(operations.size()),
        waiting(operations.size()),
        operation_count(operations.size()),
        tag(batch_tag),
        tagged(is_tagged) {}

  /// The client's thread takes them when it starts them.
  std::vector<Operation> operations;
  std::vector<Reply> results;
  /// Names of the started operations, for cancel().
  std::vector<OperationId> started;
  std::size_t waiting;
  const std::size_t operation_count;
  const std::uint64_t tag;
  const bool tagged;
  /// Asks the client's thread to cancel; set before the submission.
  std::function<void()> request_cancel;

  std::atomic<bool> done{false};
  mutable std::mutex mutex;
  mutable std::condition_variable changed;

  void finish() {
    {
      const std::lock_guard lock(mutex);
      done.store(true, std::memory_order_release);
    }
    changed.notify_all();
  }
};

}  // namespace dynakv

// Finished batches on their way to an event loop, with one descriptor that wakes it once for all of
// them (PERFORMANCE §1: eventfd drained once per wake).
//
// Threads: any.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "dynakv/node/client.h"

namespace dynakv {

class CompletionQueue {
 public:
  CompletionQueue();
  ~CompletionQueue();
  CompletionQueue(const CompletionQueue&) = delete;
  CompletionQueue& operator=(const CompletionQueue&) = delete;

  /// Readable while drain() would return something; negative when the system gave none.
  int descriptor() const { return read_end_; }

  void push(std::vector<std::shared_ptr<Batch>> finished);
  std::vector<std::shared_ptr<Batch>> drain();

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<Batch>> finished_;
  /// The same descriptor where the system has eventfd, the ends of a pipe elsewhere.
  int read_end_ = -1;
  int write_end_ = -1;
};

}  // namespace dynakv

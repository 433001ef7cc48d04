// The helper thread of group durability: it syncs the store while the node's loop gathers the next
// step (PERFORMANCE §2.4).
//
// Invariant: at most one sync is under way, and it covers everything that was written before
// request().
//
// Threads: request(), take_result() and wait() belong to one thread; the store's sync() runs on the
// helper.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "dynakv/protocol/store.h"

namespace dynakv {

class Syncer {
 public:
  /// `notify` is called on the helper's thread whenever a result is there.
  Syncer(DurableStore& store, std::function<void()> notify);
  /// Waits for a sync that is under way.
  ~Syncer();
  Syncer(const Syncer&) = delete;
  Syncer& operator=(const Syncer&) = delete;

  bool is_busy() const { return busy_; }
  /// REQUIRES: not is_busy().
  void request();
  /// The result of the last request, once; nothing while it is under way.
  std::optional<Status> take_result();
  /// Like take_result(), but waits for the end. REQUIRES: is_busy().
  Status wait();

 private:
  void run();
  Status sync();

  DurableStore& store_;
  const std::function<void()> notify_;
  /// Requested and not taken; of the caller's thread.
  bool busy_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool requested_ = false;
  bool stopping_ = false;
  std::optional<Status> result_;
  std::thread thread_;
};

}  // namespace dynakv

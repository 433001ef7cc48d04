// Work that other threads give to a driver's thread.
//
// Invariant: every task is called exactly once: with true on the driver's thread while it runs, or
// with false after its end; a task that comes after the end is called at once, by its giver.
//
// Threads: any; each task runs without a lock held.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace dynakv {

class Mailbox {
 public:
  using Task = std::function<void(bool running)>;

  /// True when the driver must be woken for it.
  bool post(Task task) {
    {
      const std::lock_guard lock(mutex_);
      if (!closed_) {
        tasks_.push_back(std::move(task));
        return tasks_.size() == 1;
      }
    }
    task(false);
    return false;
  }

  void run_all() { run(take(false), true); }
  void close() { run(take(true), false); }

 private:
  std::vector<Task> take(bool close) {
    const std::lock_guard lock(mutex_);
    closed_ = closed_ || close;
    return std::exchange(tasks_, {});
  }
  static void run(const std::vector<Task>& tasks, bool running) {
    for (const Task& task : tasks) task(running);
  }

  std::mutex mutex_;
  std::vector<Task> tasks_;
  bool closed_ = false;
};

}  // namespace dynakv

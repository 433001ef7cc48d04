// What the life of a Python process means for native handles: threads without the interpreter lock,
// fork, exit.
//
// The interpreter must not end while a thread is between giving the lock away and getting it back:
// such a thread would be unwound through destructors that may not throw (pybind11 issues 1360,
// 3274). So every such section is counted; at exit no new one begins, and exit waits until the last
// has ended. Threads that ask for the lock even later stand still. A forked child has none of the
// parent's threads: handles made before the fork are neither used nor destroyed there.
//
// Threads: with the interpreter lock held, except where it says otherwise.
#pragma once

#include <cxxabi.h>
#include <pybind11/pybind11.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "dynakv/base/time.h"

namespace dynakv {

/// Longest time between two checks for signals: Ctrl-C takes effect within it.
inline constexpr Duration kSignalSlice = milliseconds(50);

/// The number of forks that led to this process.
std::uint64_t fork_generation();
/// Called in a forked child: handles made before belong to the parent. If a node has run, the
/// child's exit skips the destructors of static objects, because RocksDB's would wait for the
/// parent's threads.
void mark_forked();
/// A node is about to run in this process.
void note_node();

/// From now on only closing may leave the interpreter lock.
void begin_exit();
/// Waits until no thread is without the lock, 5 seconds at most.
void finish_exit();

/// Sleeps until the process is gone.
[[noreturn]] void stand_still();

/// Does `work` that waits for the interpreter lock, because it runs Python code or takes the lock
/// back.
///
/// After the interpreter has ended there is no lock any more. From CPython 3.14 on, a thread that
/// asks for it stands still until the process is gone. Before 3.14 it ends with pthread_exit(),
/// which unwinds our frames, and their destructors would touch Python objects without the lock. So
/// we make it stand still too. For that, `work` must be a call of Python's C interface and hold no
/// object of its own.
template <typename Work>
decltype(auto) stand_still_at_end(Work work) {
#ifdef __GLIBCXX__
  try {
    return work();
  } catch (const abi::__forced_unwind&) {
    stand_still();
  }
#else  // other libraries have no name for that unwinding
  return work();
#endif
}

/// A section without the interpreter lock.
class WithoutGil {
 public:
  enum class Purpose { work, closing };
  /// Throws ClosedError when the interpreter is ending and this is no closing.
  explicit WithoutGil(Purpose purpose = Purpose::work);
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;
  ~WithoutGil();

 private:
  PyThreadState* state_;
};

/// A native object that only the process that made it may touch.
template <typename T>
class Owned {
 public:
  explicit Owned(std::shared_ptr<T> object)
      : object_(std::move(object)), generation_(fork_generation()) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Owned(Owned&&) noexcept = default;

  /// Gives the object up without the interpreter lock: its destructor may wait for threads.
  ~Owned() {
    if (!object_) return;
    if (is_foreign()) {
      // Never destroyed, on purpose: its threads and locks stayed behind in the parent.
      new std::shared_ptr<T>(std::move(object_));
      return;
    }
    const WithoutGil section(WithoutGil::Purpose::closing);
    object_.reset();
  }

  bool is_foreign() const { return generation_ != fork_generation(); }
  /// Throws ForkedError in a forked child.
  T& operator*() const {
    if (is_foreign()) raise_foreign();
    return *object_;
  }
  T* operator->() const { return &**this; }

 private:
  [[noreturn]] static void raise_foreign();

  std::shared_ptr<T> object_;
  std::uint64_t generation_;
};

[[noreturn]] void raise_forked();

template <typename T>
void Owned<T>::raise_foreign() {
  raise_forked();
}

/// Throws KeyboardInterrupt, or whatever a signal's handler raises.
inline void check_signals() {
  if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
}

/// Keeps a thread whose caller was interrupted; finish_exit() joins it.
void abandon(std::thread thread);

/// Runs `work`, which knows nothing of Python, on a thread of its own and waits for it in slices,
/// so that a signal can end the wait; its result is then dropped.
template <typename T>
T run_interruptibly(std::function<T()> work) {
  std::packaged_task<T()> task(std::move(work));
  std::future<T> result = task.get_future();
  std::thread thread(std::move(task));
  const std::chrono::nanoseconds slice(kSignalSlice.nanoseconds);
  try {
    while (true) {
      {
        const WithoutGil section;
        if (result.wait_for(slice) == std::future_status::ready) break;
      }
      check_signals();
    }
  } catch (...) {
    abandon(std::move(thread));
    throw;
  }
  thread.join();
  return result.get();
}

}  // namespace dynakv

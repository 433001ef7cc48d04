#include "dynakv/bindings/process_life.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "dynakv/bindings/bind_errors.h"

namespace dynakv {
namespace {

constexpr auto kExitPatience = std::chrono::seconds(5);

std::atomic<std::uint64_t> generation{1};
std::atomic<int> sections{0};
std::atomic<bool> exiting{false};
bool has_run_node = false;  // guarded by the interpreter lock

// Guarded by the interpreter lock.
std::vector<std::thread>& abandoned_threads() {
  static auto* threads = new std::vector<std::thread>;  // outlives every destructor
  return *threads;
}

[[noreturn]] void leave_at_once(int status) {
  std::fflush(nullptr);
  std::_Exit(status);
}

}  // namespace

std::uint64_t fork_generation() { return generation.load(); }

void mark_forked() {
#ifdef __GLIBC__
  // Registered last, so it runs before all static destructors.
  if (has_run_node) on_exit([](int status, void*) { leave_at_once(status); }, nullptr);
#endif
  generation.fetch_add(1);
  // The threads that were in a section stayed behind in the parent, and so did the abandoned ones.
  sections.store(0);
  new std::vector<std::thread>(std::exchange(abandoned_threads(), {}));
}

void note_node() { has_run_node = true; }

void begin_exit() { exiting.store(true); }

void finish_exit() {
  const auto end = std::chrono::steady_clock::now() + kExitPatience;
  const pybind11::gil_scoped_release released;
  for (std::thread& thread : std::exchange(abandoned_threads(), {})) thread.join();
  while (sections.load() > 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void stand_still() {
  while (true) std::this_thread::sleep_for(std::chrono::hours(1));
}

WithoutGil::WithoutGil(Purpose purpose) {
  if (purpose == Purpose::work && exiting.load()) {
    raise_error({ErrorCode::closed, "the interpreter is ending"});
  }
  sections.fetch_add(1);
  state_ = PyEval_SaveThread();
}

WithoutGil::~WithoutGil() {
  stand_still_at_end([this] { PyEval_RestoreThread(state_); });
  sections.fetch_sub(1);  // the lock is back
}

void abandon(std::thread thread) { abandoned_threads().push_back(std::move(thread)); }

void raise_forked() {
  raise("ForkedError",
        "this handle was made before a fork and belongs to the parent process; open a new one in "
        "this process",
        ErrorCode::closed);
}

}  // namespace dynakv

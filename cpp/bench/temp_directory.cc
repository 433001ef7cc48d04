#include "bench/temp_directory.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "bench/measure.h"

namespace dynakv::bench {
namespace {

/// Files may still be made while they are removed.
constexpr int kRemovals = 3;

struct Registry {
  std::mutex mutex;
  std::set<std::string> paths;
};

Registry& registry() {
  // Never destroyed: threads may outlive main().
  static auto* const only = new Registry;
  return *only;
}

void remove(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

}  // namespace

TempDirectory::TempDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "dynakv-bench-XXXXXX").string();
  require(::mkdtemp(pattern.data()) != nullptr, "cannot create " + pattern);
  path_ = pattern;
  const std::lock_guard lock(registry().mutex);
  registry().paths.insert(path_);
}

TempDirectory::~TempDirectory() {
  remove(path_);
  const std::lock_guard lock(registry().mutex);
  registry().paths.erase(path_);
}

void leave_nothing_and_exit(int code) {
  const std::lock_guard lock(registry().mutex);
  for (int i = 0; i < kRemovals; ++i) {
    for (const std::string& path : registry().paths) remove(path);
  }
  std::fflush(stdout);
  ::_exit(code);
}

void leave_nothing_when_interrupted() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  // Threads inherit it, so that only this one ever takes them.
  require(::pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0, "pthread_sigmask");
  std::thread([signals] {
    int signal = 0;
    while (::sigwait(&signals, &signal) != 0) continue;
    leave_nothing_and_exit(128 + signal);
  }).detach();
}

}  // namespace dynakv::bench

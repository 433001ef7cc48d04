// kill -9 while steps are written: what is found afterwards is a prefix of history that holds every
// acknowledged step (I24, C), and each step is there wholly or not at all.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "dynakv/base/random.h"
#include "tests/cpp/adapters/rocksdb_testing.h"

namespace dynakv {
namespace {

constexpr char kDirectoryVariable[] = "DYNAKV_TEST_CRASH_DIRECTORY";
constexpr char kPipeVariable[] = "DYNAKV_TEST_CRASH_PIPE";

Bytes key_of(std::uint64_t step) { return "k" + std::to_string(step % 5000); }
Bytes value_of(std::uint64_t step) { return std::to_string(step) + Bytes(step % 300, 'v'); }

/// The number of the last step that the store holds, 0 at first.
std::uint64_t last_step(RocksDbStore& store) {
  const auto counter = store.get(Space::node_state, "counter");
  EXPECT_TRUE(counter);
  return *counter ? std::stoull(**counter) : 0;
}

/// The child: not a test, but the same program started again, because a process with RocksDB's
/// threads cannot be forked.
TEST(RocksDbCrashChild, DISABLED_WriteUntilKilled) {
  const char* directory = std::getenv(kDirectoryVariable);
  const char* pipe = std::getenv(kPipeVariable);
  if (directory == nullptr || pipe == nullptr) return;
  const int acks = std::atoi(pipe);
  const auto store = open_or_die(small_options(directory));
  ASSERT_NE(store, nullptr);
  for (std::uint64_t step = last_step(*store) + 1;; ++step) {
    store->put(Space::objects, key_of(step), value_of(step));
    store->put(Space::hints, "hint", value_of(step));
    store->put(Space::node_state, "counter", std::to_string(step));
    if (!store->write_step()) ::_exit(1);
    if (step % 7 == 0 && !store->sync()) ::_exit(1);
    if (::write(acks, &step, sizeof(step)) != sizeof(step)) ::_exit(1);
  }
}

struct Child {
  pid_t pid;
  int acks;
};

Child start_child(const std::string& directory) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  ::fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  ::setenv(kDirectoryVariable, directory.c_str(), 1);
  ::setenv(kPipeVariable, std::to_string(ends[1]).c_str(), 1);
  const char* arguments[] = {"child", "--gtest_filter=RocksDbCrashChild.*",
                             "--gtest_also_run_disabled_tests", "--gtest_brief=1", nullptr};
  const pid_t pid = ::fork();
  if (pid == 0) {  // nothing but these two: other threads' locks were copied too
    ::execv("/proc/self/exe", const_cast<char* const*>(arguments));
    ::_exit(127);
  }
  ::close(ends[1]);
  return {pid, ends[0]};
}

/// Reads acknowledgements until `count` came, kills the child, and returns the last that it sent.
std::uint64_t kill_after(const Child& child, std::uint64_t count) {
  std::uint64_t last = 0;
  std::uint64_t step = 0;
  for (std::uint64_t seen = 0; ::read(child.acks, &step, sizeof(step)) == sizeof(step);) {
    last = step;
    if (++seen == count) ::kill(child.pid, SIGKILL);
  }
  ::close(child.acks);
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
  return last;
}

TEST(RocksDbCrash, KilledAtAnyStepItKeepsAPrefixWithAllAcknowledged) {
  Random random(11);
  TempDirectory directory;
  for (int round = 0; round < 40; ++round) {
    const Child child = start_child(directory.path());
    const std::uint64_t acknowledged = kill_after(child, 1 + random.below(1500));
    const auto store = open_or_die(small_options(directory.path()));
    ASSERT_NE(store, nullptr);
    const std::uint64_t last = last_step(*store);
    ASSERT_GE(last, acknowledged);
    ASSERT_LE(last, acknowledged + 1);
    EXPECT_EQ(*store->get(Space::hints, "hint"), value_of(last));
    for (std::uint64_t step = last < 5000 ? 1 : last - 4999; step <= last; ++step) {
      const auto value = store->get(Space::objects, key_of(step));
      ASSERT_TRUE(value);
      ASSERT_EQ(*value, value_of(step)) << "step " << step << " of " << last;
    }
  }
}

TEST(RocksDbOpen, ADirectoryInUseIsRefusedAndSaysByWhom) {
  TempDirectory directory;
  auto store = open_or_die(small_options(directory.path()));
  const auto again = RocksDbStore::open(small_options(directory.path()));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(again.error().message.find("in use by this process"), std::string::npos);
  store.reset();

  const Child child = start_child(directory.path());
  std::uint64_t step = 0;
  ASSERT_EQ(::read(child.acks, &step, sizeof(step)), static_cast<ssize_t>(sizeof(step)));
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto foreign = RocksDbStore::open(small_options(directory.path()));
    ASSERT_FALSE(foreign);
    EXPECT_EQ(foreign.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(foreign.error().message.find("pid " + std::to_string(child.pid)), std::string::npos)
        << foreign.error().message;
  }
  kill_after(child, 1);
  EXPECT_NE(open_or_die(small_options(directory.path())), nullptr);
}

}  // namespace
}  // namespace dynakv

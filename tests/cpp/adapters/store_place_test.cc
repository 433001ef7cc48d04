// The operating system's answers: time, randomness, and where a directory is (DESIGN §4, Identity).

#include <gtest/gtest.h>

#include "dynakv/adapters/system_clock.h"
#include "dynakv/adapters/system_identity.h"
#include "tests/cpp/adapters/rocksdb_testing.h"

namespace dynakv {
namespace {

TEST(SystemIdentity, TheSameDirectoryIsTheSamePlace) {
  TempDirectory parent;
  const std::string directory = parent.path() + "/data";
  const auto first = system_evidence(directory);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_FALSE(first->boot_id.empty());
  const auto second = system_evidence(directory);
  EXPECT_EQ(second->place, first->place);
  EXPECT_EQ(second->boot_id, first->boot_id);
}

TEST(SystemIdentity, ACopyOrARestoredDirectoryIsAnotherPlace) {
  TempDirectory parent;
  const auto original = system_evidence(parent.path() + "/data");
  std::filesystem::copy(parent.path() + "/data", parent.path() + "/copy");
  EXPECT_NE(system_evidence(parent.path() + "/copy")->place, original->place);
  std::filesystem::rename(parent.path() + "/data", parent.path() + "/old");
  std::filesystem::copy(parent.path() + "/old", parent.path() + "/data");
  EXPECT_NE(system_evidence(parent.path() + "/data")->place, original->place);
}

TEST(SystemIdentity, ADirectoryThatCannotBeMadeIsAnError) {
  const auto evidence = system_evidence("/dev/null/data");
  ASSERT_FALSE(evidence);
  EXPECT_EQ(evidence.error().code, ErrorCode::storage);
}

TEST(SystemIdentity, TheMarkerAndTheStoreShareADirectory) {
  TempDirectory directory;
  const auto evidence = system_evidence(directory.path());
  for (int start = 0; start < 3; ++start) {
    EXPECT_NE(open_or_die(small_options(directory.path())), nullptr);
    EXPECT_EQ(system_evidence(directory.path())->place, evidence->place);
  }
}

TEST(SystemClock, TimeDoesNotGoBack) {
  const Now first = system_now();
  const Now second = system_now();
  EXPECT_GE(second.steady, first.steady);
  EXPECT_GT(first.wall.milliseconds, 1'600'000'000'000);
  EXPECT_NE(system_random_seed(), system_random_seed());
}

}  // namespace
}  // namespace dynakv

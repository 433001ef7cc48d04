// Files in memory keep exactly what a disk would.
#include "sim_run/memory_files.h"

#include <gtest/gtest.h>

#include <set>

namespace dynakv {
namespace {

Bytes content(const MemoryFiles& files, const std::string& path) {
  const auto file = files.find(path);
  return file ? files.read(*file, 0, 1000) : Bytes("none");
}

TEST(MemoryFiles, AKillKeepsWhatWasWrittenAndNothingOfTheDyingProcess) {
  MemoryFiles files;
  Random random(1);
  const auto log = files.create("/db/1.log");
  files.append(*log, "written");
  files.freeze();
  files.append(*log, " too late");
  files.create("/db/2.log");
  files.remove("/db/1.log");
  files.thaw(random);
  EXPECT_EQ(content(files, "/db/1.log"), "written");
  EXPECT_EQ(files.names_in("/db"), std::vector<std::string>{"1.log"});
}

TEST(MemoryFiles, ALossOfPowerKeepsWhatWasSyncedAndATornTail) {
  const Bytes synced = "synced ";
  const Bytes tail = "0123456789";
  std::set<std::size_t> sizes;
  int holes = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    MemoryFiles files;
    Random random(seed);
    const auto log = files.create("/db/1.log");
    files.sync_names();
    files.append(*log, synced);
    ASSERT_TRUE(files.sync(log));
    files.append(*log, tail);
    const bool was_torn = files.lose_power(random);
    const Bytes left = content(files, "/db/1.log");
    ASSERT_TRUE(left.starts_with(synced)) << "seed " << seed;
    const Bytes rest = left.substr(synced.size());
    sizes.insert(rest.size());
    EXPECT_EQ(was_torn, !rest.empty() && rest.size() < tail.size());
    if (!tail.starts_with(rest)) {
      ++holes;
      EXPECT_NE(rest.find('\0'), Bytes::npos);
    }
  }
  EXPECT_EQ(sizes.size(), tail.size() + 1) << "each length comes up";
  EXPECT_GT(holes, 10);
}

TEST(MemoryFiles, NamesAreDurableOnceTheDirectoryIsSynced) {
  std::set<Bytes> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    MemoryFiles files;
    Random random(seed);
    const auto current = files.create("/db/CURRENT");
    files.append(*current, "old");
    ASSERT_TRUE(files.sync(current));
    files.sync_names();
    const auto next = files.create("/db/next");
    files.append(*next, "new");
    ASSERT_TRUE(files.sync(next));
    ASSERT_TRUE(files.rename("/db/next", "/db/CURRENT"));
    EXPECT_EQ(content(files, "/db/CURRENT"), "new");
    files.lose_power(random);
    seen.insert(content(files, "/db/CURRENT"));
  }
  EXPECT_EQ(seen, (std::set<Bytes>{"old", "new"}));
}

TEST(MemoryFiles, WritesInPlaceAreLostFromTheLatestOn) {
  std::set<Bytes> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    MemoryFiles files;
    Random random(seed);
    const auto mark = files.create("/db/mark");
    files.append(*mark, "0");
    ASSERT_TRUE(files.sync(mark));
    files.sync_names();
    files.overwrite(*mark, 0, "1");
    files.overwrite(*mark, 0, "2");
    EXPECT_EQ(files.durable_image()->files.at("/db/mark"), "0");
    files.lose_power(random);
    seen.insert(content(files, "/db/mark"));
  }
  EXPECT_EQ(seen, (std::set<Bytes>{"0", "1", "2"}));
}

TEST(MemoryFiles, AFailedSyncMayLoseItsPagesWithTheProcess) {
  std::set<Bytes> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    MemoryFiles files;
    Random random(seed);
    const auto log = files.create("/db/1.log");
    files.append(*log, "a");
    ASSERT_TRUE(files.sync(log));
    files.append(*log, "b");
    files.fail_next_sync();
    EXPECT_FALSE(files.sync(log));
    EXPECT_EQ(content(files, "/db/1.log"), "ab") << "until then they read well";
    files.freeze();
    files.thaw(random);
    seen.insert(content(files, "/db/1.log"));
  }
  EXPECT_EQ(seen, (std::set<Bytes>{"a", "ab"}));
}

TEST(MemoryFiles, AnImageIsWhatIsDurable) {
  MemoryFiles files;
  const auto log = files.create("/db/1.log");
  files.append(*log, "synced");
  ASSERT_TRUE(files.sync(log));
  files.append(*log, " not");
  files.sync_names();
  files.create("/db/2.log");
  const auto image = files.durable_image();
  EXPECT_EQ(image->files, (std::map<std::string, Bytes>{{"/db/1.log", "synced"}}));
  files.remove("/db/1.log");
  files.restore(*image);
  EXPECT_EQ(content(files, "/db/1.log"), "synced");
  EXPECT_EQ(files.names_in("/db").size(), 1u);
}

TEST(MemoryFiles, WhatFindsNoRoomLeavesItsFirstBytes) {
  MemoryFiles files;
  const auto log = files.create("/db/1.log");
  ASSERT_TRUE(files.append(*log, "0123"));
  files.limit_room(6);
  EXPECT_TRUE(files.append(*log, "45"));
  EXPECT_TRUE(files.overwrite(*log, 0, "abcd")) << "in place";
  EXPECT_FALSE(files.append(*log, "6789x"));
  EXPECT_EQ(content(files, "/db/1.log"), "abcd456789");
  EXPECT_EQ(files.room(), 0u);
  files.limit_room({});
  EXPECT_TRUE(files.append(*log, "end"));
}

TEST(MemoryFiles, WhatIsRemovedMakesRoom) {
  MemoryFiles files;
  ASSERT_TRUE(files.append(*files.create("/db/1.log"), "0123456789"));
  ASSERT_TRUE(files.append(*files.create("/db/2.log"), "012"));
  files.limit_room(1);
  files.rename("/db/2.log", "/db/3.log");
  EXPECT_EQ(files.room(), 1u);
  files.rename("/db/3.log", "/db/1.log");
  EXPECT_EQ(files.room(), 11u);
  files.remove("/db/1.log");
  EXPECT_EQ(files.room(), 14u);
}

}  // namespace
}  // namespace dynakv

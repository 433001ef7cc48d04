// The store of real nodes on a disk that is full to the last byte, after more and more bytes
// (INVARIANTS §3.1).
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "dynakv/sim/sim_disk.h"
#include "sim_run/rocksdb_sim_store.h"

namespace dynakv {
namespace {

/// From one try to the next there is so much more room; primes, so that they meet every offset.
constexpr std::size_t kOpenStride = 151;
constexpr std::size_t kStepStride = 61;
constexpr std::size_t kTableStride = 4'999;

std::unique_ptr<SimDisk> new_disk() {
  return std::make_unique<SimDisk>(new_rocksdb_sim_store(Random(1)));
}

/// Ends the process, makes room, and starts another: all that was written must be there.
void expect_everything_comes_back(SimDisk& disk) {
  disk.drop_pending();
  disk.limit_room({});
  const Status opened = disk.open("boot");
  ASSERT_TRUE(opened) << opened.error().message;
  ASSERT_EQ(disk.broken_promise(), "");
  ASSERT_EQ(disk.condition(), StoreCondition::healthy);
}

// A directory whose making found no room is as good as none.
TEST(RocksDbNoRoom, ADirectoryThatCouldNotBeMadeIsMadeWhenThereIsRoom) {
  std::size_t refused = 0;
  for (std::size_t room = 0;; room += room < 200 ? 1 : kOpenStride) {
    SCOPED_TRACE("room for " + std::to_string(room) + " bytes");
    const auto disk = new_disk();
    disk->limit_room(room);
    const Status opened = disk->open("boot");
    if (opened) break;
    ++refused;
    ASSERT_EQ(opened.error().code, ErrorCode::disk_full) << opened.error().message;
    expect_everything_comes_back(*disk);
  }
  EXPECT_GT(refused, 200u);
}

/// Steps until one finds no room, forty at the most; how that one ended.
Status write_until_full(SimDisk& disk) {
  for (int i = 0; i < 40; ++i) {
    disk.put(Space::objects, "key " + std::to_string(i % 7), Bytes(100 + 50 * (i % 9), 'v'));
    if (const Status written = disk.write_step(); !written) return written;
    if (i % 3 == 0) {
      if (const Status synced = disk.sync(); !synced) return synced;
    }
  }
  return {};
}

// The log finds no room: the process ends, and has lost nothing but the step that failed.
TEST(RocksDbNoRoom, ALogThatFindsNoRoomEndsTheProcessAndLosesNothing) {
  std::size_t ended = 0;
  for (std::size_t room = 0;; room += kStepStride) {
    SCOPED_TRACE("room for " + std::to_string(room) + " bytes");
    const auto disk = new_disk();
    ASSERT_TRUE(disk->open("boot"));
    disk->limit_room(room);
    const Status written = write_until_full(*disk);
    if (written) break;
    ++ended;
    ASSERT_EQ(disk->broken_promise(), "");
    expect_everything_comes_back(*disk);
    ASSERT_TRUE(write_until_full(*disk));
  }
  EXPECT_GT(ended, 100u);
}

// A table finds no room: steps wait, all in one batch, and go on when there is room.
TEST(RocksDbNoRoom, ATableThatFindsNoRoomLetsStepsWait) {
  std::size_t waited = 0;
  for (std::size_t room = 0; room < 100 * kTableStride; room += kTableStride) {
    SCOPED_TRACE("room for " + std::to_string(room) + " bytes");
    const auto disk = new_disk();
    ASSERT_TRUE(disk->open("boot"));
    disk->limit_room(room);
    Status written;
    for (int i = 0; i < 2000 && written; ++i) {
      disk->put(Space::objects, "key " + std::to_string(i), Bytes(900, 'v'));
      written = disk->write_step();
    }
    ASSERT_EQ(disk->broken_promise(), "");
    if (written || written.error().code != ErrorCode::disk_full) continue;
    ++waited;
    EXPECT_EQ(disk->condition(), StoreCondition::disk_full);
    const std::uint64_t before = disk->written_steps();
    disk->put(Space::hints, "added", "while it waits");
    ASSERT_EQ(disk->write_step().error().code, ErrorCode::disk_full);
    disk->limit_room({});
    const Status retried = disk->write_step();
    ASSERT_TRUE(retried) << retried.error().message;
    EXPECT_EQ(disk->written_steps(), before + 1);
    ASSERT_TRUE(disk->sync());
    expect_everything_comes_back(*disk);
    EXPECT_EQ(disk->get(Space::hints, "added").value(), "while it waits");
  }
  EXPECT_GT(waited, 20u);
}

}  // namespace
}  // namespace dynakv

// Full disks, failing syncs and in-memory disks, through an environment of our own (I21, I22, B44).

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <thread>

#include "tests/cpp/adapters/rocksdb_testing.h"
#include "tests/cpp/support/wait.h"

namespace dynakv {
namespace {

class RocksDbFaults : public testing::Test {
 protected:
  void open(std::uint64_t reserve_bytes = 0) {
    RocksDbOptions options = small_options(directory_.path());
    options.env = &env_;
    options.reserve_bytes = reserve_bytes;
    store_ = open_or_die(options);
  }
  void put(int i) { store_->put(Space::objects, "k" + std::to_string(i), Bytes(1000, 'v')); }
  bool has(int i) { return store_->get(Space::objects, "k" + std::to_string(i))->has_value(); }
  /// Asks as often as a busy node does in a moment.
  StoreCondition condition_after_a_while() {
    for (int i = 0; i < 64; ++i) (void)store_->condition();
    return store_->condition();
  }

  FaultyEnv env_;
  DiskFaults& faults_ = env_.faults;
  TempDirectory directory_;
  std::unique_ptr<RocksDbStore> store_;
};

TEST_F(RocksDbFaults, AFailedSyncIsFinal) {
  open();
  put(1);
  ASSERT_TRUE(store_->write_step());
  faults_.sync_fails = true;
  EXPECT_EQ(store_->sync().error().code, ErrorCode::storage);
  EXPECT_EQ(store_->condition(), StoreCondition::failed);
  faults_.sync_fails = false;  // the next fsync of a real disk says "good" about lost pages
  const int sync_count = faults_.sync_count;
  EXPECT_EQ(store_->sync().error().code, ErrorCode::storage);
  put(2);
  EXPECT_EQ(store_->write_step().error().code, ErrorCode::storage);
  EXPECT_EQ(faults_.sync_count, sync_count);
  EXPECT_EQ(condition_after_a_while(), StoreCondition::failed);
  EXPECT_TRUE(has(1));  // reads go on
}

TEST_F(RocksDbFaults, BelowTheReserveTheDiskCountsAsFull) {
  open(1 << 20);
  for (int cycle = 0; cycle < 5; ++cycle) {
    faults_.free_bytes = 1000;
    int step = 0;
    while (store_->condition() == StoreCondition::healthy) {
      ASSERT_LT(step, 1000);
      put(step++);
      ASSERT_TRUE(store_->write_step());
    }
    EXPECT_EQ(store_->condition(), StoreCondition::disk_full);
    EXPECT_TRUE(has(0));
    store_->erase(Space::objects, "k0");  // deletes and repair have the reserve
    EXPECT_TRUE(store_->write_step());
    EXPECT_TRUE(store_->sync());
    EXPECT_FALSE(has(0));
    EXPECT_EQ(condition_after_a_while(), StoreCondition::disk_full);
    faults_.free_bytes = 1 << 21;
    EXPECT_EQ(condition_after_a_while(), StoreCondition::healthy);
  }
}

TEST_F(RocksDbFaults, AFlushWithoutSpaceStopsWritesUntilThereIsSome) {
  open();
  int written = 0;
  for (int cycle = 0; cycle < 5; ++cycle) {
    faults_.tables_are_full = true;
    Status status;
    while (status) {
      ASSERT_LT(written, 20'000);
      put(written);
      status = store_->write_step();
      if (status) ++written;
    }
    EXPECT_EQ(status.error().code, ErrorCode::disk_full);
    EXPECT_TRUE(store_->has_pending());
    // RocksDB tells of an error before it acts on it. A recovery in between finds nothing to do,
    // and the store looks healthy until a write is refused; that must not last.
    ASSERT_TRUE(wait_until([&] {
      if (store_->write_step()) put(++written);  // before RocksDB acted on it
      return condition_after_a_while() == StoreCondition::disk_full;
    }));
    EXPECT_TRUE(has(written - 1));
    faults_.tables_are_full = false;
    ASSERT_TRUE(wait_until([&] {
      (void)condition_after_a_while();
      return store_->write_step().has_value();  // the same step
    }));
    EXPECT_EQ(condition_after_a_while(), StoreCondition::healthy);
    ++written;
    ASSERT_TRUE(store_->sync());
  }
  store_.reset();
  open();
  for (int i = 0; i < written; ++i) ASSERT_TRUE(has(i)) << i;
}

TEST_F(RocksDbFaults, ALogWithoutSpaceIsAFailureThatARestartHeals) {
  int written = 0;
  for (int cycle = 0; cycle < 5; ++cycle) {
    open();
    for (int i = 0; i < 20 * cycle; ++i) {  // in the first cycle the log is still empty
      put(written++);
      ASSERT_TRUE(store_->write_step());
    }
    faults_.log_is_full = true;
    put(written);
    EXPECT_EQ(store_->write_step().error().code, ErrorCode::storage);
    EXPECT_EQ(store_->condition(), StoreCondition::failed);
    faults_.log_is_full = false;
    EXPECT_EQ(store_->write_step().error().code, ErrorCode::storage);
    EXPECT_EQ(store_->sync().error().code, ErrorCode::storage);
    EXPECT_EQ(condition_after_a_while(), StoreCondition::failed);
    for (int i = 0; i < written; ++i) ASSERT_TRUE(has(i)) << i;
    store_.reset();
  }
  open();
  for (int i = 0; i < written; ++i) ASSERT_TRUE(has(i)) << i;
}

TEST_F(RocksDbFaults, ASyncCoversLogsThatAChangeOfMemtableClosed) {
  open();
  // 4 MiB through memtables of 256 KiB, while another thread syncs.
  std::atomic<bool> done{false};
  std::atomic<int> failures{0};
  std::thread helper([&] {
    while (!done) failures += store_->sync() ? 0 : 1;
  });
  for (int i = 0; i < 4000; ++i) {
    put(i);
    ASSERT_TRUE(store_->write_step());
  }
  done = true;
  helper.join();
  EXPECT_EQ(failures, 0);
  EXPECT_TRUE(store_->sync());
}

TEST(RocksDbMemoryDisk, TheStoreRunsOnAnInMemoryFileSystem) {
  const std::unique_ptr<rocksdb::Env> memory(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  RocksDbOptions options = small_options("/memory");
  options.env = memory.get();
  for (int start = 0; start < 3; ++start) {
    const auto store = open_or_die(options);
    ASSERT_NE(store, nullptr);
    for (int i = 0; i < start; ++i) {
      EXPECT_EQ(*store->get(Space::objects, std::to_string(i)), "v");
    }
    store->put(Space::objects, std::to_string(start), "v");
    ASSERT_TRUE(store->write_step());
    ASSERT_TRUE(store->sync());
  }
}

}  // namespace
}  // namespace dynakv

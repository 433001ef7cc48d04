// A real file system of 32 MiB that is filled up and freed again (I22, E). Mounting needs rights;
// the same situations without them are in rocksdb_faults_test.cc.

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include "tests/cpp/adapters/rocksdb_testing.h"

namespace dynakv {
namespace {

class RocksDbDiskFull : public testing::Test {
 protected:
  void SetUp() override {
    mounted_ = ::mount("tmpfs", mount_point_.path().c_str(), "tmpfs", 0, "size=32m") == 0;
    if (!mounted_) {
      GTEST_SKIP() << "cannot mount (" << std::strerror(errno) << "): see RocksDbFaults instead";
    }
    RocksDbOptions options = small_options(mount_point_.path() + "/data");
    options.reserve_bytes = 4 << 20;
    store_ = open_or_die(options);
  }
  void TearDown() override {
    store_.reset();
    if (!mounted_) return;
    EXPECT_EQ(::umount2(mount_point_.path().c_str(), MNT_DETACH), 0);
  }
  std::string ballast() const { return mount_point_.path() + "/ballast"; }
  /// Leaves `left` bytes free.
  void fill(std::uint64_t left) {
    const std::uint64_t free = std::filesystem::space(mount_point_.path()).available;
    if (free > left) std::ofstream(ballast(), std::ios::app) << Bytes(free - left, 'b');
  }
  Status put(int i) {
    store_->put(Space::objects, "k" + std::to_string(i), Bytes(2000, 'v'));
    const Status status = store_->write_step();
    if (status) kept_.insert(i);
    return status;
  }
  void erase_all() {
    for (const int i : kept_) store_->erase(Space::objects, "k" + std::to_string(i));
    EXPECT_TRUE(store_->write_step());
    kept_.clear();
  }
  void expect_all_kept() {
    for (const int i : kept_) {
      const auto value = store_->get(Space::objects, "k" + std::to_string(i));
      ASSERT_TRUE(value) << value.error().message;
      ASSERT_EQ(*value, Bytes(2000, 'v')) << i;
    }
  }
  StoreCondition condition_after_a_while() {
    for (int i = 0; i < 64; ++i) (void)store_->condition();
    return store_->condition();
  }

  TempDirectory mount_point_;
  bool mounted_ = false;
  std::unique_ptr<RocksDbStore> store_;
  std::set<int> kept_;
};

TEST_F(RocksDbDiskFull, BelowTheReserveDeletesAndReadsGoOnAndItRecovers) {
  for (int cycle = 0; cycle < 5; ++cycle) {
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(put(i));
    fill(3 << 20);
    for (int i = 200; store_->condition() == StoreCondition::healthy; ++i) {
      ASSERT_LT(i, 1000);
      // Files that the store had not deleted yet make room behind the ballast's back.
      if (i % 100 == 0) fill(3 << 20);
      ASSERT_TRUE(put(i));
    }
    EXPECT_EQ(store_->condition(), StoreCondition::disk_full);
    expect_all_kept();
    erase_all();
    EXPECT_TRUE(store_->sync());
    std::filesystem::remove(ballast());
    EXPECT_EQ(condition_after_a_while(), StoreCondition::healthy);
    EXPECT_TRUE(put(0));
    EXPECT_TRUE(store_->sync());
  }
}

TEST_F(RocksDbDiskFull, ADiskWithoutAByteLosesNothing) {
  for (int cycle = 0; cycle < 5; ++cycle) {
    fill(cycle * 300'000);  // what fails first, log or table, depends on how much is left
    Status status;
    int count = 0;
    while (status && ++count < 20'000) status = put(count);
    ASSERT_FALSE(status);
    EXPECT_NE(store_->condition(), StoreCondition::healthy);
    expect_all_kept();
    std::filesystem::remove(ballast());
    if (status.error().code == ErrorCode::disk_full) {
      EXPECT_EQ(condition_after_a_while(), StoreCondition::healthy);
      ASSERT_TRUE(store_->write_step());
    } else {
      EXPECT_EQ(store_->condition(), StoreCondition::failed);
    }
    store_.reset();
    store_ = open_or_die(small_options(mount_point_.path() + "/data"));
    ASSERT_NE(store_, nullptr);
    expect_all_kept();
    erase_all();
    ASSERT_TRUE(store_->flush());
  }
}

}  // namespace
}  // namespace dynakv

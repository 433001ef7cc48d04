#include "sim_run/rocksdb_sim_store.h"

#include <optional>
#include <type_traits>
#include <utility>

#include "dynakv/adapters/rocksdb_store.h"
#include "dynakv/base/check.h"
#include "sim_run/memory_env.h"
#include "sim_run/memory_files.h"

namespace dynakv {
namespace {

constexpr char kDirectory[] = "/db";
/// Never full: the smallest of them, a sixteenth, holds more than is written between two flushes.
constexpr std::size_t kMemtableBytes = std::size_t{16} << 20;
constexpr std::size_t kEverything = std::size_t{1} << 30;
constexpr std::uint64_t kReserveBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kPlentyBytes = std::uint64_t{1} << 40;

/// Counts what is put, and lets background work run in the calls that wait for it.
class CountingStore final : public DurableStore {
 public:
  CountingStore(RocksDbStore& store, MemoryEnv& env) : store_(store), env_(env) {}

  Result<std::optional<Bytes>> get(Space space, BytesView key) override {
    return store_.get(space, key);
  }
  void put(Space space, BytesView key, BytesView value) override {
    bytes_ += key.size() + value.size();
    store_.put(space, key, value);
  }
  void erase(Space space, BytesView key) override {
    bytes_ += key.size();
    store_.erase(space, key);
  }
  Result<std::vector<std::pair<Bytes, Bytes>>> scan(Space space, BytesView first, BytesView last,
                                                    std::size_t count_max) override {
    return store_.scan(space, first, last, count_max);
  }
  StoreCondition condition() const override {
    return beside_work([this] { return store_.condition(); });
  }
  bool has_pending() const override { return store_.has_pending(); }
  Status write_step() override {
    return beside_work([this] { return store_.write_step(); });
  }
  Status sync() override { return store_.sync(); }

  std::size_t bytes() const { return bytes_; }
  /// A database that has stopped for want of room may go on with the next calls, and flushes then.
  void expect_recovery() { may_recover_ = true; }

 private:
  template <typename Call>
  std::invoke_result_t<Call> beside_work(Call call) const {
    if (!may_recover_) return call();
    env_.let_work();
    auto result = call();
    may_recover_ = store_.condition() == StoreCondition::disk_full;
    env_.wait_until_quiet();
    return result;
  }

  RocksDbStore& store_;
  MemoryEnv& env_;
  mutable bool may_recover_ = false;
  std::size_t bytes_ = 0;
};

class RocksDbSimStore final : public SimStore {
 public:
  explicit RocksDbSimStore(Random random) : random_(random), env_(files_) { draw_flush(); }
  ~RocksDbSimStore() override { end_process(); }

  Result<DurableStore*> open(const std::string& boot_id) override {
    DYNAKV_CHECK(!store_);
    RocksDbOptions options;
    options.directory = kDirectory;
    options.boot_id = boot_id;
    options.block_cache_bytes = 0;  // memory would hide damage
    options.memtable_bytes = kMemtableBytes;
    options.reserve_bytes = kReserveBytes;
    options.env = &env_;
    auto opened = RocksDbStore::open(std::move(options));
    env_.wait_until_quiet();
    if (!opened) return fail(opened.error());
    store_ = std::move(*opened);
    counting_.emplace(*store_, env_);
    return &*counting_;
  }

  void close() override {
    env_.let_work();
    counting_.reset();
    store_.reset();
    env_.wait_until_quiet();
  }

  void end_process() override {
    if (!store_) return;
    files_.freeze();
    close();
    files_.thaw(random_);
  }

  bool lose_power() override { return files_.lose_power(random_); }

  void rest() override {
    if (store_ && counting_->bytes() >= flush_at_) {
      // What goes wrong here is in the store's condition, as with any background work.
      (void)store_->begin_flush();
      flush_at_ = counting_->bytes();
      draw_flush();
    }
    env_.wait_until_quiet();
  }

  void fail_next_sync() override { files_.fail_next_sync(); }
  void set_full(bool full) override {
    env_.set_free_bytes(full ? kReserveBytes / 2 : kPlentyBytes);
  }

  void limit_room(std::optional<std::size_t> bytes) override {
    files_.limit_room(bytes);
    if (counting_ && !bytes) counting_->expect_recovery();
  }

  bool damage(BytesView value) override {
    (void)store_->begin_flush();
    env_.wait_until_quiet();
    for (const std::string& name : files_.names_in(kDirectory)) {
      if (!name.ends_with(".sst")) continue;
      const auto table = files_.find(std::string(kDirectory) + "/" + name);
      const std::size_t at = files_.read(*table, 0, files_.size(*table)).find(value);
      if (at == Bytes::npos) continue;
      const std::size_t bit = 8 * at + random_.below(8 * value.size());
      files_.flip_bit(*table, bit);
      if (store_->scan(Space::hints, {}, {}, kEverything)) return true;
      files_.flip_bit(*table, bit);  // it was a copy within a hint
    }
    return false;
  }

  std::shared_ptr<const SimFiles> image() const override { return files_.durable_image(); }
  void restore(const SimFiles* files) override {
    const auto* image = static_cast<const MemoryFiles::Image*>(files);
    files_.restore(image != nullptr ? *image : MemoryFiles::Image());
  }

 private:
  void draw_flush() { flush_at_ += static_cast<std::size_t>(random_.between(4 << 10, 256 << 10)); }

  Random random_;
  MemoryFiles files_;
  MemoryEnv env_;
  std::unique_ptr<RocksDbStore> store_;
  std::optional<CountingStore> counting_;
  std::size_t flush_at_ = 0;
};

}  // namespace

std::unique_ptr<SimStore> new_rocksdb_sim_store(Random random) {
  return std::make_unique<RocksDbSimStore>(random);
}

}  // namespace dynakv

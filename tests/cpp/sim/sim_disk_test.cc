// SimDisk against the list of all steps that it was told to write.
#include "dynakv/sim/sim_disk.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dynakv/base/random.h"
#include "tests/cpp/support/seeds.h"

namespace dynakv {
namespace {

constexpr Space kSpaces[] = {Space::objects, Space::hints, Space::node_state};
constexpr char kProgram[] = "build/dev/bin/dynakv_sim_tests";

using State = std::map<std::pair<Space, Bytes>, Bytes>;

State state_of(const MemoryStore& store) {
  State state;
  for (const Space space : kSpaces) {
    for (const auto& [key, value] : store.written(space)) state[{space, key}] = value;
  }
  return state;
}

struct Files final : SimFiles {
  /// What they may hold, beginning with what is durable.
  std::vector<MemoryStore> states;
};

/// A store as real ones are: it comes back with a prefix of its steps that it draws by itself. It
/// can also break its promises.
class StepStore final : public SimStore, public DurableStore {
 public:
  enum class Lie { none, forgets_synced, forgets_without_power_loss, answers_wrongly };

  explicit StepStore(Random random, Lie lie = Lie::none) : random_(random), lie_(lie) {}

  Result<DurableStore*> open(const std::string&) override {
    if (has_no_room_) return fail(ErrorCode::disk_full, "there is no room to start in");
    is_open_ = true;
    unsynced_.clear();  // it makes durable what it found
    return static_cast<DurableStore*>(this);
  }
  void close() override { is_open_ = false; }
  void end_process() override {
    is_open_ = false;
    store_.drop_pending();
    if (has_failed_) keep(random_.below(unsynced_.size() + 1));
    if (lie_ == Lie::forgets_without_power_loss && !unsynced_.empty()) keep(0);
    has_failed_ = log_is_torn_ = false;
  }
  bool lose_power() override {
    keep(random_.below(unsynced_.size() + 1));
    if (lie_ == Lie::forgets_synced) store_ = {};
    return false;
  }
  void rest() override {}
  void fail_next_sync() override { must_fail_ = true; }
  void set_full(bool) override {}
  void limit_room(std::optional<std::size_t> bytes) override {
    room_ = bytes;
    has_no_room_ = has_no_room_ && bytes;
  }
  bool damage(BytesView) override { return false; }
  std::shared_ptr<const SimFiles> image() const override {
    auto files = std::make_shared<Files>();
    files->states = unsynced_;
    files->states.push_back(store_);
    files->states.back().drop_pending();
    return files;
  }
  void restore(const SimFiles* files) override {
    ASSERT_FALSE(is_open_);
    unsynced_.clear();
    store_ = {};
    if (files == nullptr) return;
    const auto& states = static_cast<const Files*>(files)->states;
    store_ = states[random_.below(states.size())];
  }

  Result<std::optional<Bytes>> get(Space space, BytesView key) override {
    if (lie_ == Lie::answers_wrongly) return std::optional<Bytes>("a lie");
    return store_.get(space, key);
  }
  void put(Space space, BytesView key, BytesView value) override { store_.put(space, key, value); }
  void erase(Space space, BytesView key) override { store_.erase(space, key); }
  Result<std::vector<std::pair<Bytes, Bytes>>> scan(Space space, BytesView first, BytesView last,
                                                    std::size_t count_max) override {
    return store_.scan(space, first, last, count_max);
  }
  StoreCondition condition() const override { return store_.condition(); }
  bool has_pending() const override { return store_.has_pending(); }
  Status write_step() override {
    if (log_is_torn_) return fail(ErrorCode::storage, "the log has failed");
    if (const std::size_t bytes = store_.pending_bytes(); room_) {
      if (has_no_room_ || bytes > *room_) return run_out_of_room();
      *room_ -= bytes;
    }
    MemoryStore before = store_;
    before.drop_pending();
    unsynced_.push_back(std::move(before));
    return store_.write_step();
  }
  Status sync() override {
    has_failed_ = has_failed_ || std::exchange(must_fail_, false);
    if (has_failed_) return fail(ErrorCode::storage, "made to fail");
    unsynced_.clear();
    return {};
  }

 private:
  /// As RocksDB does: where it was a table that found no room, there is more to come.
  Status run_out_of_room() {
    if (!std::exchange(has_no_room_, true)) log_is_torn_ = random_.chance(1, 2);
    return fail(log_is_torn_ ? ErrorCode::storage : ErrorCode::disk_full, "there is no room");
  }
  void keep(std::uint64_t count) {
    if (count < unsynced_.size()) store_ = unsynced_[count];
    unsynced_.clear();
  }

  Random random_;
  Lie lie_;
  MemoryStore store_;
  /// What was there before each unsynced step.
  std::vector<MemoryStore> unsynced_;
  bool is_open_ = false;
  bool must_fail_ = false;
  bool has_failed_ = false;
  std::optional<std::size_t> room_;
  bool has_no_room_ = false;
  bool log_is_torn_ = false;
};

/// A disk, and what must hold of it by the states that its steps led to.
class JudgedDisk {
 public:
  JudgedDisk(Random random, bool has_store)
      : random_(random),
        has_store_(has_store),
        disk_(has_store ? std::make_unique<StepStore>(random.stream("store")) : nullptr) {
    start();
  }

  void act() {
    switch (random_.below(26)) {
      case 0:
        return end_process();
      case 1:
        return lose_power();
      case 2:
        return fail_sync();
      case 3:
        return take_image();
      case 4:
        return restore();
      case 5:
        return wipe();
      case 6:
        return stop_cleanly();
      case 24:
      case 25:
        return run_out_of_room();
      case 7:
      case 8:
      case 9:
      case 10:
      case 11:
        return sync();
      default:
        return step();
    }
  }

  void check() {
    ASSERT_EQ(disk_.broken_promise(), "");
    ASSERT_EQ(state_of(disk_.written()), states_.back());
    const State& durable = states_[synced_];
    ASSERT_EQ(state_of(disk_.durable()), durable);
    ASSERT_EQ(disk_.written_steps() - disk_.synced_steps(), states_.size() - 1 - synced_);
    ASSERT_EQ(disk_.has_pending(), has_pending_);
    for (const Space space : kSpaces) {
      const Bytes key = draw_key();
      const auto at = durable.find({space, key});
      const Bytes* record = disk_.durable_record(space, key);
      ASSERT_EQ(record != nullptr, at != durable.end());
      if (record != nullptr) {
        ASSERT_EQ(*record, at->second);
      }
      const auto now = view_.find({space, key});
      const auto read = disk_.get(space, key).value();
      ASSERT_EQ(read.has_value(), now != view_.end());
      if (read) {
        ASSERT_EQ(*read, now->second);
      }
    }
  }

 private:
  Bytes draw_key() { return "key " + std::to_string(random_.below(6)); }

  void change() {
    const Space space = kSpaces[random_.below(3)];
    const Bytes key = draw_key();
    if (random_.chance(1, 3)) {
      disk_.erase(space, key);
      view_.erase({space, key});
    } else {
      const Bytes value = std::to_string(++values_) + Bytes(random_.below(40), 'v');
      disk_.put(space, key, value);
      view_[{space, key}] = value;
    }
    has_pending_ = true;
  }

  void step() {
    const std::uint64_t changes = random_.below(4);
    for (std::uint64_t i = 0; i < changes; ++i) change();
    if (random_.chance(1, 4)) return;
    ASSERT_TRUE(disk_.write_step());
    if (std::exchange(has_pending_, false)) states_.push_back(view_);
  }

  void sync() {
    // Only whole under a real store, as its sync covers all.
    const std::size_t behind = has_store_ ? 0 : random_.below(states_.size() - synced_);
    ASSERT_TRUE(disk_.finish_sync(disk_.written_steps() - behind));
    synced_ = states_.size() - 1 - behind;
  }

  /// From now on there is one state, and it must be one of those from `first` to `last`.
  void come_back_with(std::size_t first, std::size_t last) {
    if (has_store_) start();
    const State now = state_of(disk_.written());
    bool is_known = false;
    for (std::size_t i = first; i <= last; ++i) is_known = is_known || states_[i] == now;
    ASSERT_TRUE(is_known) << "not one of the states that it may have come back with";
    begin_with(now);
    ASSERT_EQ(disk_.synced_steps(), disk_.written_steps());
  }

  void begin_with(const State& state) {
    states_ = {state};
    synced_ = 0;
    view_ = state;
    has_pending_ = false;
  }

  void start() { ASSERT_TRUE(disk_.open("boot")); }

  /// Without a loss of power a disk holds what was written, synced or not.
  void end_process() {
    disk_.drop_pending();
    view_ = states_.back();
    has_pending_ = false;
    if (has_store_) come_back_with(states_.size() - 1, states_.size() - 1);
  }

  void stop_cleanly() {
    disk_.close();
    view_ = states_.back();
    has_pending_ = false;
    if (has_store_) come_back_with(states_.size() - 1, states_.size() - 1);
  }

  void lose_power() {
    disk_.lose_power(random_);
    if (has_store_) {
      // Until it is open again only the synced steps are counted.
      ASSERT_EQ(state_of(disk_.written()), states_[synced_]);
      ASSERT_EQ(state_of(disk_.durable()), states_[synced_]);
      if (random_.chance(1, 2)) disk_.lose_power(random_);
    }
    come_back_with(synced_, states_.size() - 1);
  }

  void fail_sync() {
    disk_.fail_next_sync();
    ASSERT_FALSE(disk_.sync());
    ASSERT_FALSE(disk_.sync()) << "it was tried again (I21)";
    ASSERT_FALSE(disk_.write_step());
    ASSERT_EQ(disk_.condition(), StoreCondition::failed);
    ASSERT_EQ(state_of(disk_.written()), states_.back()) << "its pages read well until the end";
    ASSERT_EQ(state_of(disk_.durable()), states_[synced_]);
    disk_.drop_pending();
    ASSERT_EQ(state_of(disk_.written()), states_[synced_]);
    come_back_with(synced_, has_store_ ? states_.size() - 1 : synced_);
    ASSERT_EQ(disk_.condition(), StoreCondition::healthy);
  }

  /// Steps that find no room wait, all together; or the process ends and has lost only them.
  void run_out_of_room() {
    disk_.limit_room(random_.below(100),
                     random_.chance(1, 2) ? NoRoom::step_waits : NoRoom::store_fails);
    Status written;
    while (written) {
      change();
      written = disk_.write_step();
      if (written) states_.push_back(view_);
    }
    const bool waits = written.error().code == ErrorCode::disk_full;
    ASSERT_EQ(disk_.condition() == StoreCondition::failed, !waits);
    ASSERT_TRUE(disk_.has_pending());
    if (waits && random_.chance(1, 2)) {
      change();
      ASSERT_EQ(disk_.write_step().error().code, ErrorCode::disk_full);
      disk_.limit_room({});
      ASSERT_TRUE(disk_.write_step());
      states_.push_back(view_);
      has_pending_ = false;
      return;
    }
    disk_.drop_pending();
    ASSERT_EQ(disk_.open("boot").error().code, ErrorCode::disk_full);
    ASSERT_FALSE(disk_.was_refused());
    disk_.limit_room({});
    end_process();
  }

  void take_image() {
    const auto synced = states_.begin() + static_cast<std::ptrdiff_t>(synced_);
    image_.emplace(disk_.image(), std::vector<State>(synced, states_.end()));
  }

  void restore() {
    if (!image_) return;
    disk_.drop_pending();
    disk_.restore(image_->first);
    states_ = image_->second;
    synced_ = 0;
    ASSERT_EQ(state_of(disk_.written()), states_.front());
    ASSERT_EQ(state_of(disk_.durable()), states_.front());
    // An image of the restored disk is as good as the first.
    if (random_.chance(1, 4)) disk_.restore(disk_.image());
    come_back_with(0, has_store_ ? states_.size() - 1 : 0);
  }

  void wipe() {
    disk_.drop_pending();
    disk_.wipe();
    begin_with({});
    if (has_store_) start();
  }

  Random random_;
  bool has_store_;
  SimDisk disk_;
  /// After each step since the disk last came back; all up to `synced_` are durable.
  std::vector<State> states_ = {State()};
  std::size_t synced_ = 0;
  /// With the pending batch.
  State view_;
  bool has_pending_ = false;
  /// With the states that its disk may come back with.
  std::optional<std::pair<SimDisk::Image, std::vector<State>>> image_;
  int values_ = 0;
};

void expect_promises_kept(bool has_store) {
  for (std::uint64_t i = 1; i <= 500; ++i) {
    const std::uint64_t seed = test::seed_from_environment().value_or(i);
    SCOPED_TRACE(test::replay_command(seed, kProgram));
    JudgedDisk disk(Random(seed), has_store);
    for (int act = 0; act < 60; ++act) {
      disk.act();
      if (!testing::Test::HasFailure()) disk.check();
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(SimDisk, KeepsWhatItPromises) { expect_promises_kept(false); }
TEST(SimDisk, KeepsWhatItPromisesWithAStoreUnderIt) { expect_promises_kept(true); }

/// Five steps, three of them synced.
void write_five(SimDisk& disk) {
  ASSERT_TRUE(disk.open("boot"));
  for (int i = 1; i <= 5; ++i) {
    disk.put(Space::objects, "last", std::to_string(i));
    ASSERT_TRUE(disk.write_step());
    if (i == 3) {
      ASSERT_TRUE(disk.sync());
    }
  }
}

// The survivors of a loss of power differ from seed to seed, and each prefix is among them.
TEST(SimDisk, EachPrefixThatHoldsTheSyncedStepsCanSurvive) {
  for (const bool has_store : {false, true}) {
    std::map<Bytes, int> survivors;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      Random random(seed);
      SimDisk disk(has_store ? std::make_unique<StepStore>(random.stream("store")) : nullptr);
      write_five(disk);
      disk.lose_power(random);
      ASSERT_TRUE(disk.open("next boot"));
      ++survivors[disk.get(Space::objects, "last").value().value()];
    }
    EXPECT_EQ(survivors.size(), 3u);
    EXPECT_TRUE(survivors.contains("3") && survivors.contains("4") && survivors.contains("5"));
  }
}

TEST(SimDisk, AnImageHoldsWhatIsDurableAndNothingOfTheProcess) {
  SimDisk disk;
  write_five(disk);
  disk.put(Space::objects, "last", "pending");
  const SimDisk::Image image = disk.image();
  EXPECT_EQ(disk.get(Space::objects, "last").value(), "pending");
  disk.drop_pending();
  disk.restore(image);
  EXPECT_FALSE(disk.has_pending());
  EXPECT_EQ(disk.get(Space::objects, "last").value(), "3");
}

TEST(SimDisk, DamageIsReadAsAnErrorUntilTheRecordIsOverwritten) {
  Random random(1);
  SimDisk disk;
  EXPECT_FALSE(disk.damage_object(random)) << "there is nothing to damage";
  write_five(disk);
  ASSERT_TRUE(disk.damage_object(random));
  const auto expect_damaged = [&disk] {
    EXPECT_TRUE(disk.is_damaged("last"));
    const auto read = disk.get(Space::objects, "last");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::corruption);
    EXPECT_FALSE(disk.scan(Space::objects, {}, {}, 9));
    EXPECT_TRUE(disk.scan(Space::hints, {}, {}, 9));
  };
  expect_damaged();
  disk.lose_power(random);
  expect_damaged();
  disk.put(Space::objects, "last", "new");
  EXPECT_EQ(disk.get(Space::objects, "last").value(), "new");
}

std::string broken_promise_of(StepStore::Lie lie, bool loses_power) {
  Random random(1);
  SimDisk disk(std::make_unique<StepStore>(random.stream("store"), lie));
  write_five(disk);
  (void)disk.get(Space::objects, "last");
  if (loses_power) {
    disk.lose_power(random);
  } else {
    disk.drop_pending();
  }
  (void)disk.open("next boot");
  return disk.broken_promise();
}

TEST(SimDisk, AStoreThatBreaksItsPromisesIsFoundOut) {
  using Lie = StepStore::Lie;
  EXPECT_EQ(broken_promise_of(Lie::none, false), "");
  EXPECT_EQ(broken_promise_of(Lie::none, true), "");
  EXPECT_EQ(broken_promise_of(Lie::answers_wrongly, false), "answered a read wrongly: last");
  EXPECT_EQ(broken_promise_of(Lie::forgets_without_power_loss, false),
            "has lost steps although no power was lost");
  EXPECT_EQ(broken_promise_of(Lie::forgets_synced, true),
            "came back with no prefix of its steps that holds what was synced");
}

}  // namespace
}  // namespace dynakv

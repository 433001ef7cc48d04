// The step contract (DESIGN §3): what is released, and when.
#include "dynakv/protocol/step_runner.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "dynakv/adapters/memory_store.h"

namespace dynakv {
namespace {

/// A store in memory that finds no room, or fails, when it is told to.
class ScriptedStore final : public DurableStore {
 public:
  Result<std::optional<Bytes>> get(Space space, BytesView key) override {
    return memory_.get(space, key);
  }
  void put(Space space, BytesView key, BytesView value) override { memory_.put(space, key, value); }
  void erase(Space space, BytesView key) override { memory_.erase(space, key); }
  Result<std::vector<std::pair<Bytes, Bytes>>> scan(Space space, BytesView first, BytesView last,
                                                    std::size_t count_max) override {
    return memory_.scan(space, first, last, count_max);
  }
  StoreCondition condition() const override { return StoreCondition::healthy; }
  bool has_pending() const override { return memory_.has_pending(); }
  Status write_step() override { return write_error ? fail(*write_error) : memory_.write_step(); }
  Status sync() override { return sync_error ? Status(fail(*sync_error)) : Status{}; }

  std::optional<Error> write_error;
  std::optional<Error> sync_error;

 private:
  MemoryStore memory_;
};

const Error kNoRoom{ErrorCode::disk_full, "no room"};
const Error kBroken{ErrorCode::storage, "broken"};
const NodeId kClient{7, 7};

/// A node that is its own whole cluster: every write of it is acknowledged after its own step.
class StepRunnerTest : public ::testing::Test {
 protected:
  void begin(bool effects_wait_for_sync = true) {
    NodeCoreOptions options;
    options.name = "n0";
    options.address = "n0:1";
    options.effects_wait_for_sync = effects_wait_for_sync;
    runner_.emplace(options, store_, Random(1));
    ASSERT_TRUE(runner_->start(now_, {"boot", "place"}));
    FirstCluster first;
    first.members = {{.name = "n0", .address = "n0:1"}};
    first.defaults.n = 1;
    first.defaults.r = first.defaults.w = QuorumSize::count(1);
    runner_->form_cluster(now_, first,
                          [this](const Status& status) { formed_.push_back(status.has_value()); });
    ASSERT_TRUE(runner_->end_step(now_));
  }

  /// A step with one put.
  Status put(const std::string& key) {
    WriteRequest request;
    request.head.bucket = "bucket";
    request.head.key = key;
    request.head.layout = runner_->core().layout()->version;
    request.head.time_left = seconds(5);
    request.value = "value";
    runner_->handle_message(now_, kClient, {static_cast<RequestId>(++requests_), request});
    return runner_->end_step(now_);
  }

  void sync() {
    ASSERT_TRUE(runner_->begin_sync());
    ASSERT_TRUE(runner_->end_sync(now_, store_.sync()));
  }

  /// The requests that the steps which may be released acknowledge.
  std::vector<std::uint64_t> take_acknowledged() {
    std::vector<std::uint64_t> ids;
    while (auto step = runner_->take_released()) {
      for (const Effect& effect : step->effects) {
        const auto* send = std::get_if<Send>(&effect);
        const bool is_reply =
            send != nullptr && std::holds_alternative<WriteReply>(send->message.body);
        if (is_reply) ids.push_back(to_number(send->message.id));
      }
      step->tell_waiters({});
    }
    return ids;
  }

  using Ids = std::vector<std::uint64_t>;

  Now now_{Instant{} + seconds(100), {}};
  ScriptedStore store_;
  std::optional<StepRunner> runner_;
  std::vector<bool> formed_;
  std::uint64_t requests_ = 0;
};

TEST_F(StepRunnerTest, EffectsWaitForTheSyncOfTheirBatchAndOfAllEarlierOnes) {
  begin();
  ASSERT_TRUE(put("a"));
  ASSERT_TRUE(runner_->begin_sync());
  ASSERT_TRUE(put("b"));
  EXPECT_EQ(take_acknowledged(), Ids{});
  EXPECT_TRUE(formed_.empty());
  // The sync began before the second put was written.
  ASSERT_TRUE(runner_->end_sync(now_, {}));
  EXPECT_EQ(take_acknowledged(), Ids{1});
  EXPECT_EQ(formed_, std::vector<bool>{true});
  sync();
  EXPECT_EQ(take_acknowledged(), Ids{2});
  EXPECT_FALSE(runner_->begin_sync());
}

TEST_F(StepRunnerTest, WithoutSyncsEffectsWaitForTheWriteOnly) {
  begin(/*effects_wait_for_sync=*/false);
  ASSERT_TRUE(put("a"));
  EXPECT_EQ(take_acknowledged(), Ids{1});
}

TEST_F(StepRunnerTest, OneSyncIsUnderWayAtATime) {
  begin();
  ASSERT_TRUE(runner_->begin_sync());
  ASSERT_TRUE(put("a"));
  EXPECT_FALSE(runner_->begin_sync());
}

TEST_F(StepRunnerTest, EffectsOfABatchWithoutRoomWaitForItAndAreNotLost) {  // I22
  begin();
  sync();
  (void)take_acknowledged();
  store_.write_error = kNoRoom;
  ASSERT_TRUE(put("a"));
  EXPECT_TRUE(runner_->has_held_batch());
  EXPECT_EQ(runner_->retry_at(), now_.steady + kRoomRetryPause);
  EXPECT_FALSE(runner_->begin_sync());
  EXPECT_EQ(take_acknowledged(), Ids{});

  // Too early: nothing to do. In time: a step is there that tries it again.
  runner_->wake(now_);
  EXPECT_FALSE(runner_->has_open_step());
  now_.steady = runner_->retry_at();
  runner_->wake(now_);
  ASSERT_TRUE(runner_->has_open_step());
  ASSERT_TRUE(runner_->end_step(now_));
  EXPECT_TRUE(runner_->has_held_batch());

  store_.write_error.reset();
  ASSERT_TRUE(put("b"));
  EXPECT_FALSE(runner_->has_held_batch());
  sync();
  EXPECT_EQ(take_acknowledged(), (Ids{1, 2}));
}

TEST_F(StepRunnerTest, WhatIsWrittenIsSyncedWhileALaterBatchWaitsForRoom) {
  begin();
  ASSERT_TRUE(put("a"));
  store_.write_error = kNoRoom;
  ASSERT_TRUE(put("b"));
  sync();
  EXPECT_EQ(take_acknowledged(), Ids{1});
}

TEST_F(StepRunnerTest, ASyncWithoutRoomIsTriedAgainAfterThePause) {
  begin();
  ASSERT_TRUE(put("a"));
  store_.sync_error = kNoRoom;
  sync();
  EXPECT_EQ(take_acknowledged(), Ids{});
  EXPECT_FALSE(runner_->begin_sync());
  store_.sync_error.reset();
  now_.steady = runner_->next_wake();
  while (runner_->retry_at() != Instant::far_future()) {
    now_.steady = runner_->next_wake();
    runner_->wake(now_);
  }
  sync();
  EXPECT_EQ(take_acknowledged(), Ids{1});
}

TEST_F(StepRunnerTest, AFailedWriteOrSyncEndsTheProcess) {  // I21
  begin();
  store_.write_error = kBroken;
  const Status written = put("a");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::storage);
  store_.write_error.reset();
  ASSERT_TRUE(runner_->begin_sync());
  const Status synced = runner_->end_sync(now_, fail(kBroken));
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code, ErrorCode::storage);
  EXPECT_EQ(take_acknowledged(), Ids{});
}

TEST_F(StepRunnerTest, AHelloSpeaksOnlyOfReleasedSteps) {  // I4, B6
  begin();
  ASSERT_TRUE(put("a"));
  EXPECT_EQ(runner_->hello_for(kClient).progress, Progress{});
  sync();
  (void)take_acknowledged();
  const Progress released = runner_->hello_for(kClient).progress;
  EXPECT_EQ(released, runner_->core().progress());
  ASSERT_TRUE(put("b"));
  EXPECT_EQ(runner_->hello_for(kClient).progress, released);
  EXPECT_NE(runner_->core().progress(), released);
}

TEST_F(StepRunnerTest, ATimerIsSetWhenItsStepIsReleased) {
  begin();
  const TimerId round{TimerKind::gossip_round, 0};
  EXPECT_EQ(runner_->timer_at(round), std::nullopt);
  sync();
  (void)take_acknowledged();
  const auto at = runner_->timer_at(round);
  ASSERT_TRUE(at.has_value());
  now_.steady = *at;
  runner_->wake(now_);
  EXPECT_TRUE(runner_->has_open_step());
  EXPECT_EQ(runner_->timer_at(round), std::nullopt);
}

TEST_F(StepRunnerTest, ACleanStopReleasesEverything) {
  begin();
  ASSERT_TRUE(put("a"));
  ASSERT_TRUE(runner_->begin_sync());  // its end is not waited for
  ASSERT_TRUE(runner_->stop(now_));
  EXPECT_EQ(take_acknowledged(), Ids{1});
}

TEST_F(StepRunnerTest, ACleanStopWithoutRoomSaysSo) {
  begin();
  store_.write_error = kNoRoom;
  const Status stopped = runner_->stop(now_);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::disk_full);
}

TEST_F(StepRunnerTest, WhatNeverEndsIsSaid) {
  begin();
  runner_->abandon(fail(ErrorCode::closed, "the node was stopped"));
  EXPECT_EQ(formed_, std::vector<bool>{false});
  sync();
  EXPECT_FALSE(runner_->take_released().has_value());
}

}  // namespace
}  // namespace dynakv

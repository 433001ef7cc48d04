// A node whose store finds no room for a step: what the step would say waits with it (B24, I22).
#include <atomic>
#include <future>
#include <thread>

#include "dynakv/adapters/memory_store.h"
#include "dynakv/node/node_loop.h"
#include "tests/cpp/node/test_cluster.h"

namespace dynakv {
namespace {

/// Its steps stay pending while there is no room, as those of RocksDbStore do.
class SmallStore final : public DurableStore {
 public:
  explicit SmallStore(std::shared_ptr<std::atomic<bool>> has_room)
      : has_room_(std::move(has_room)) {}

  Result<std::optional<Bytes>> get(Space space, BytesView key) override {
    return store_.get(space, key);
  }
  void put(Space space, BytesView key, BytesView value) override { store_.put(space, key, value); }
  void erase(Space space, BytesView key) override { store_.erase(space, key); }
  Result<std::vector<std::pair<Bytes, Bytes>>> scan(Space space, BytesView first, BytesView last,
                                                    std::size_t count_max) override {
    return store_.scan(space, first, last, count_max);
  }
  StoreCondition condition() const override { return StoreCondition::healthy; }
  bool has_pending() const override { return store_.has_pending(); }
  Status write_step() override {
    if (!*has_room_) return fail(ErrorCode::disk_full, "no room");
    return store_.write_step();
  }
  Status sync() override { return store_.sync(); }

 private:
  MemoryStore store_;
  const std::shared_ptr<std::atomic<bool>> has_room_;
};

/// A cluster of one, on such a store.
class NodeWithoutRoom : public testing::Test {
 protected:
  NodeWithoutRoom()
      : loop_(options(), std::make_unique<SmallStore>(has_room_), Random(1)), random_(2) {}
  ~NodeWithoutRoom() override { end(); }

  void SetUp() override {
    ASSERT_TRUE(loop_.open({"boot", "place"}, random_));
    thread_ = std::thread([this] { loop_.run(); });
    BucketProperties one_copy;
    one_copy.n = 1;
    one_copy.r = one_copy.w = QuorumSize::count(1);
    const Layout layout =
        first_layout({{loop_.board().id, "n0", loop_.address(), {}, 100}}, one_copy, {}).value();
    std::promise<Status> adopted;
    loop_.post([&](bool) {
      loop_.adopt_layout(layout, [&](const Status& status) { adopted.set_value(status); });
    });
    ASSERT_TRUE(adopted.get_future().get());
    auto connected = Client::connect({loop_.address()}, {}, kTestTimeout);
    ASSERT_TRUE(connected) << connected.error().message;
    client_ = std::move(*connected);
  }

  std::uint64_t retries() {
    std::promise<std::uint64_t> counted;
    loop_.post(
        [&](bool) { counted.set_value(loop_.status().counters.at("node.disk_full_retries")); });
    return counted.get_future().get();
  }
  void end() {
    client_.reset();
    loop_.request_end(NodeLoop::End::graceful);
    if (thread_.joinable()) thread_.join();
  }
  static NodeOptions options() {
    NodeOptions options;
    options.name = "n0";
    options.storage = StorageKind::memory;
    return options;
  }

  std::shared_ptr<std::atomic<bool>> has_room_ = std::make_shared<std::atomic<bool>>(true);
  NodeLoop loop_;
  Random random_;
  std::thread thread_;
  std::unique_ptr<Client> client_;
};

TEST_F(NodeWithoutRoom, AStepWaitsForRoomAndNothingIsSaidOfItBefore) {
  *has_room_ = false;
  const auto put = client_->submit({put_of("k", "v")});
  ASSERT_TRUE(wait_until([&] { return retries() >= 2; }));
  EXPECT_FALSE(put->done()) << "acknowledged, and stored nowhere";
  *has_room_ = true;
  ASSERT_TRUE(put->wait_for(kTestTimeout));
  EXPECT_EQ(text_of(put->results().front()), "no error");
  EXPECT_EQ(values_of(run(*client_, {get_of("k")}).front()), std::vector<Bytes>{"v"});
}

TEST_F(NodeWithoutRoom, AStopSaysThatTheLastStepFoundNoRoom) {
  *has_room_ = false;
  const auto put = client_->submit({put_of("k", "v")});
  ASSERT_TRUE(wait_until([&] { return retries() >= 1; }));
  end();
  const Status ended = loop_.board().end_status;
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::disk_full);
}

}  // namespace
}  // namespace dynakv

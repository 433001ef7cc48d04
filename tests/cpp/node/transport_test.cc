// Several doors on one reactor: each has listeners, connections and a handler of its own.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "dynakv/adapters/asio_transport.h"
#include "dynakv/adapters/system_clock.h"
#include "tests/cpp/support/wait.h"

namespace dynakv {
namespace {

class Door final : public TransportHandler {
 public:
  explicit Door(AsioReactor& reactor) : transport(reactor, {}, *this) {}

  void handle_open(ConnectionId connection, bool dialled) override {
    (dialled ? dialled_open : accepted_open) += 1;
    last = connection;
  }
  void handle_bytes(ConnectionId, BytesView bytes) override { received += bytes; }
  void handle_closed(ConnectionId, const std::string& reason) override { closed = reason; }

  int dialled_open = 0;
  int accepted_open = 0;
  ConnectionId last{};
  std::string received;
  std::string closed;
  AsioTransport transport;
};

class TransportTest : public ::testing::Test, private ReactorHandler {
 protected:
  void handle_wake() override { ++wakes_; }

  /// Turns until it holds; the alarm ends a turn in which nothing happens.
  template <typename Predicate>
  bool turns_until(Predicate holds) {
    const Instant end = system_now().steady + kTestTimeout;
    while (!holds()) {
      const Instant now = system_now().steady;
      if (now >= end) return false;
      reactor_.set_alarm(now + milliseconds(50), now);
      reactor_.run_turn();
      for (Door* door : doors_) door->transport.flush();
    }
    return true;
  }

  int wakes_ = 0;
  AsioReactor reactor_{{}, *this};
  std::vector<Door*> doors_;
};

TEST_F(TransportTest, TwoDoorsOnOneReactorKeepTheirConnectionsApart) {
  Door first(reactor_);
  Door second(reactor_);
  Door caller(reactor_);
  doors_ = {&first, &second, &caller};
  const std::string first_address = first.transport.listen("127.0.0.1:0", false).value();
  const std::string second_address = second.transport.listen("127.0.0.1:0", false).value();
  ASSERT_NE(first_address, second_address);

  const ConnectionId to_first = caller.transport.dial(first_address);
  const ConnectionId to_second = caller.transport.dial(second_address);
  ASSERT_TRUE(turns_until([&] {
    return caller.dialled_open == 2 && first.accepted_open == 1 && second.accepted_open == 1;
  }));
  caller.transport.output(to_first)->append("for the first");
  caller.transport.output(to_second)->append("for the second");
  ASSERT_TRUE(turns_until([&] { return !first.received.empty() && !second.received.empty(); }));
  EXPECT_EQ(first.received, "for the first");
  EXPECT_EQ(second.received, "for the second");
}

TEST_F(TransportTest, OneDoorListensAtSeveralAddresses) {
  Door door(reactor_);
  Door caller(reactor_);
  doors_ = {&door, &caller};
  const std::string one = door.transport.listen("127.0.0.1:0", false).value();
  const std::string other = door.transport.listen("127.0.0.1:0", false).value();
  caller.transport.dial(one);
  caller.transport.dial(other);
  EXPECT_TRUE(turns_until([&] { return door.accepted_open == 2; }));
}

TEST_F(TransportTest, TheEndOfOneDoorLeavesTheOther) {
  auto closing = std::make_unique<Door>(reactor_);
  Door staying(reactor_);
  Door caller(reactor_);
  doors_ = {closing.get(), &staying, &caller};
  const std::string gone = closing->transport.listen("127.0.0.1:0", false).value();
  const std::string there = staying.transport.listen("127.0.0.1:0", false).value();
  caller.transport.dial(gone);
  ASSERT_TRUE(turns_until([&] { return closing->accepted_open == 1; }));
  doors_ = {&staying, &caller};
  closing.reset();
  ASSERT_TRUE(turns_until([&] { return !caller.closed.empty(); }));

  caller.closed.clear();
  caller.transport.dial(gone);
  const ConnectionId open = caller.transport.dial(there);
  ASSERT_TRUE(turns_until([&] { return !caller.closed.empty() && staying.accepted_open == 1; }));
  ASSERT_TRUE(turns_until([&] { return caller.transport.output(open) != nullptr; }));
}

TEST_F(TransportTest, APausedDoorDoesNotHoldUpTheOther) {
  Door paused(reactor_);
  Door reading(reactor_);
  Door caller(reactor_);
  doors_ = {&paused, &reading, &caller};
  const ConnectionId one =
      caller.transport.dial(paused.transport.listen("127.0.0.1:0", false).value());
  const ConnectionId two =
      caller.transport.dial(reading.transport.listen("127.0.0.1:0", false).value());
  paused.transport.set_reading_paused(true);
  ASSERT_TRUE(turns_until([&] { return caller.dialled_open == 2; }));
  caller.transport.output(one)->append("later");
  caller.transport.output(two)->append("now");
  ASSERT_TRUE(turns_until([&] { return reading.received == "now"; }));
  EXPECT_TRUE(paused.received.empty());
  paused.transport.set_reading_paused(false);
  EXPECT_TRUE(turns_until([&] { return paused.received == "later"; }));
}

TEST_F(TransportTest, WakesAreHeardOnceATurn) {
  reactor_.wake();
  reactor_.wake();
  EXPECT_TRUE(turns_until([&] { return wakes_ > 0; }));
  EXPECT_EQ(wakes_, 1);
  EXPECT_EQ(reactor_.counters().wakes, 1u);
}

TEST_F(TransportTest, OnlyLoopbackUnlessItIsAllowed) {
  Door door(reactor_);
  EXPECT_EQ(door.transport.listen("0.0.0.0:0", false).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(door.transport.listen("nonsense", false).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace dynakv

// Links on real sockets and a clock that the test moves: who is connected to whom, and when again.
#include "dynakv/node/links.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "dynakv/adapters/system_clock.h"
#include "tests/cpp/support/wait.h"

namespace dynakv {
namespace {

constexpr NodeId kA{0, 1};
constexpr NodeId kB{0, 2};
constexpr NodeId kStranger{0, 9};

/// One node's links, and what it hears of them.
class Side final : private LinksHandler, private Greeter {
 public:
  Side(AsioReactor& reactor, const NodeId& id, const Now& now)
      : id_(id), now_(now), links(reactor, {}, *this, Random(id.low)) {
    address = links.transport().listen("127.0.0.1:0", false).value();
  }

  const NodeId& id() const { return id_; }
  bool sends(const NodeId& to, const Body& body) {
    Bytes* out = links.output(to);
    return out != nullptr && encode_message({RequestId{1}, body}, *out);
  }

 private:
  NodeId own_id() const override { return id_; }
  Hello hello_for(const NodeId&) const override {
    return {.sender = id_, .name = "n" + std::to_string(id_.low)};
  }
  Status check_hello(const Hello& hello) const override {
    if (hello.sender != kStranger) return {};
    return fail(ErrorCode::auth, "a stranger");
  }
  Refusal refusal_for(const Hello&, const Error& error) const override { return {error, {}}; }

  Now link_now() override { return now_; }
  const Greeter& greeter() const override { return *this; }
  void handle_refusal(const Refusal& refusal) override { refused = refusal.error.message; }
  void handle_peer_up(const Hello& hello) override {
    events.push_back("up " + std::string(hello.name));
  }
  void handle_peer_down(const NodeId& peer) override {
    events.push_back("down n" + std::to_string(peer.low));
  }
  void handle_peer_message(const NodeId& from, Message&&) override { heard_from.push_back(from); }
  void handle_dial_failed(const std::string&, const std::string& reason) override {
    dial_failure = reason;
  }

  NodeId id_;
  const Now& now_;

 public:
  std::vector<std::string> events;
  std::vector<NodeId> heard_from;
  std::string refused;
  std::string dial_failure;
  std::string address;
  Links links;
};

/// A connection that never says Hello.
class Mute final : public TransportHandler {
 public:
  explicit Mute(AsioReactor& reactor) : transport(reactor, {}, *this) {}
  void handle_open(ConnectionId, bool) override { is_open = true; }
  void handle_bytes(ConnectionId, BytesView) override {}
  void handle_closed(ConnectionId, const std::string&) override { is_closed = true; }

  bool is_open = false;
  bool is_closed = false;
  AsioTransport transport;
};

using Events = std::vector<std::string>;

class LinksTest : public ::testing::Test, private ReactorHandler {
 protected:
  void handle_wake() override {}

  std::unique_ptr<Side> side(const NodeId& id) {
    auto made = std::make_unique<Side>(reactor_, id, now_);
    sides_.push_back(made.get());
    return made;
  }
  void end(std::unique_ptr<Side>& side) {
    std::erase(sides_, side.get());
    side.reset();
  }
  void passes(Duration time) { now_.steady = now_.steady + time; }
  /// Turns, in which the clock of the links stands still, until it holds.
  template <typename Predicate>
  bool turns_until(Predicate holds) {
    const Instant limit = system_now().steady + kTestTimeout;
    while (!holds()) {
      const Instant real = system_now().steady;
      if (real >= limit) return false;
      for (Side* each : sides_) {
        each->links.run_timers(now_.steady);
        each->links.transport().flush();
      }
      reactor_.set_alarm(real + milliseconds(20), real);
      reactor_.run_turn();
    }
    return true;
  }

  Now now_{Instant{1'000'000'000}, WallTime{1'700'000'000'000}};
  AsioReactor reactor_{{}, *this};
  std::vector<Side*> sides_;
};

TEST_F(LinksTest, ATargetIsDialledAndMessagesPassOnceBothHaveSaidHello) {
  const auto a = side(kA);
  const auto b = side(kB);
  EXPECT_FALSE(a->sends(kB, StatusRequest{}));
  a->links.set_targets({{kB, b->address}});
  EXPECT_FALSE(a->links.targets_are_settled());
  ASSERT_TRUE(turns_until([&] { return a->links.is_up(kB); }));
  EXPECT_TRUE(a->links.targets_are_settled());
  EXPECT_EQ(a->events, Events{"up n2"});
  // B was dialled: the link is no reason to call A up, but good for a reply.
  EXPECT_TRUE(b->events.empty());
  EXPECT_TRUE(a->sends(kB, StatusRequest{}));
  EXPECT_TRUE(b->sends(kA, StatusRequest{}));
  EXPECT_TRUE(turns_until([&] { return !b->heard_from.empty() && !a->heard_from.empty(); }));
  EXPECT_EQ(b->heard_from, std::vector<NodeId>{kA});
}

TEST_F(LinksTest, ANewerLinkReplacesTheOlder) {
  const auto a = side(kA);
  auto b = side(kB);
  b->links.set_targets({{kA, a->address}});
  ASSERT_TRUE(turns_until([&] { return b->links.is_up(kA); }));
  const auto again = side(kB);
  again->links.set_targets({{kA, a->address}});
  ASSERT_TRUE(turns_until([&] { return again->links.is_up(kA) && !b->links.is_up(kA); }));
  EXPECT_EQ(b->events, (Events{"up n1", "down n1"}));
  ASSERT_TRUE(a->sends(kB, StatusRequest{}));
  EXPECT_TRUE(turns_until([&] { return !again->heard_from.empty(); }));
  EXPECT_TRUE(b->heard_from.empty());
}

TEST_F(LinksTest, UpAndDownAlternateAndALostPeerIsDialledAfterAPause) {
  const auto a = side(kA);
  auto b = side(kB);
  const std::string address = b->address;
  a->links.set_targets({{kB, address}});
  ASSERT_TRUE(turns_until([&] { return a->links.is_up(kB); }));
  const std::uint64_t dials = a->links.counters().dials;
  end(b);
  ASSERT_TRUE(turns_until([&] { return !a->links.is_up(kB); }));
  EXPECT_EQ(a->events, (Events{"up n2", "down n2"}));

  // Not before the pause, however many turns pass.
  EXPECT_GT(a->links.next_timer(), now_.steady);
  EXPECT_LE(a->links.next_timer(), now_.steady + kRedialPauseFirst * 2);
  a->links.run_timers(now_.steady + kRedialPauseFirst - milliseconds(1));
  EXPECT_EQ(a->links.counters().dials, dials);
  passes(kRedialPauseFirst * 2);
  ASSERT_TRUE(turns_until([&] { return a->links.counters().dials > dials; }));
}

TEST_F(LinksTest, B49WhoIsRefusedHearsWhyAndIsNotUp) {
  const auto a = side(kA);
  const auto stranger = side(kStranger);
  stranger->links.set_targets({{kA, a->address}});
  ASSERT_TRUE(turns_until([&] { return !stranger->refused.empty(); }));
  EXPECT_EQ(stranger->refused, "a stranger");
  EXPECT_TRUE(stranger->events.empty());
  EXPECT_FALSE(a->sends(kStranger, StatusRequest{}));
  EXPECT_EQ(a->links.counters().handshakes_refused, 1u);
}

TEST_F(LinksTest, AnotherNodeAtTheAddressIsNotTaken) {
  const auto a = side(kA);
  const auto b = side(kB);
  a->links.set_targets({{NodeId{0, 7}, b->address}});
  ASSERT_TRUE(turns_until([&] { return !a->dial_failure.empty(); }));
  EXPECT_TRUE(a->events.empty());
  EXPECT_TRUE(a->links.targets_are_settled());
}

TEST_F(LinksTest, I26WhoSaysNoHelloIsHungUpAfterTheTimeout) {
  const auto a = side(kA);
  Mute mute(reactor_);
  mute.transport.dial(a->address);
  // Opened on both sides: A has a timer then.
  ASSERT_TRUE(
      turns_until([&] { return mute.is_open && a->links.next_timer() < Instant::far_future(); }));
  passes(seconds(5) - milliseconds(1));
  a->links.run_timers(now_.steady);
  EXPECT_EQ(a->links.counters().handshakes_timed_out, 0u);
  passes(milliseconds(1));
  ASSERT_TRUE(turns_until([&] { return mute.is_closed; }));
  EXPECT_EQ(a->links.counters().handshakes_timed_out, 1u);
}

TEST_F(LinksTest, AContactThatBecomesATargetKeepsItsLink) {
  const auto a = side(kA);
  const auto b = side(kB);
  a->links.set_contacts({b->address});
  ASSERT_TRUE(turns_until([&] { return a->links.is_up(kB); }));
  a->links.set_targets({{kB, b->address}});
  a->links.set_contacts({});
  ASSERT_TRUE(a->sends(kB, StatusRequest{}));
  ASSERT_TRUE(turns_until([&] { return !b->heard_from.empty(); }));
  EXPECT_EQ(a->events, Events{"up n2"});
  EXPECT_EQ(a->links.counters().dials, 1u);
}

TEST_F(LinksTest, WhoIsNoTargetAnyMoreIsHungUp) {
  const auto a = side(kA);
  const auto b = side(kB);
  a->links.set_targets({{kB, b->address}});
  ASSERT_TRUE(turns_until([&] { return a->links.is_up(kB); }));
  a->links.set_targets({});
  EXPECT_EQ(a->events, (Events{"up n2", "down n2"}));
  EXPECT_EQ(a->links.up_count(), 0u);
}

}  // namespace
}  // namespace dynakv

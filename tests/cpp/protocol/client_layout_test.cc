// How a client learns who owns what: from whoever is connected, and again when that has changed.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "dynakv/protocol/client_session.h"
#include "tests/cpp/support/core_cluster.h"

namespace dynakv {
namespace {

const NodeId kNode{1, 1};
const NodeId kCluster{9, 9};

Layout layout_of(std::uint64_t version, const std::string& address = "n1:1") {
  Layout layout;
  layout.version = static_cast<LayoutVersion>(version);
  layout.cluster = kCluster;
  layout.members = {{.id = kNode, .name = "n1", .address = address}};
  layout.defaults.n = 1;
  layout.defaults.r = layout.defaults.w = QuorumSize::count(1);
  return layout;
}

class ClientLayout : public ::testing::Test {
 protected:
  void connect(std::uint64_t layout_version = 0) {
    Hello hello{.sender = kNode, .name = "n1"};
    hello.layout = static_cast<LayoutVersion>(layout_version);
    session_.handle_peer_up(now_, hello, out_);
  }
  void tell(const Layout& layout) {
    session_.handle_message(now_, kNode, {RequestId{}, LayoutReply{encode_layout(layout)}}, out_);
  }
  /// What was sent since the last call, by kind.
  template <typename T>
  int take_sent() {
    int count = 0;
    for (const Effect& effect : out_.take()) {
      if (const auto* timer = std::get_if<SetTimer>(&effect)) timers_[timer->timer] = timer->at;
      if (const auto* timer = std::get_if<CancelTimer>(&effect)) timers_.erase(timer->timer);
      const auto* send = std::get_if<Send>(&effect);
      if (send != nullptr && std::holds_alternative<T>(send->message.body)) {
        ++count;
        last_ = send->message.id;
      }
    }
    return count;
  }
  /// Lets the earliest timer fire.
  void run_timer() {
    ASSERT_FALSE(timers_.empty());
    const auto next = std::min_element(timers_.begin(), timers_.end(),
                                       [](auto& a, auto& b) { return a.second < b.second; });
    const auto [timer, at] = *next;
    timers_.erase(next);
    now_.steady = std::max(now_.steady, at);
    session_.handle_timer(now_, timer, out_);
  }

  Now now_{Instant{} + seconds(1), {}};
  Outbox out_;
  std::map<TimerId, Instant> timers_;
  RequestId last_{};
  ClientSession session_{{}, Random(1)};
};

TEST_F(ClientLayout, IsAskedForUntilANodeHasOne) {
  session_.open(now_, out_);
  EXPECT_EQ(take_sent<LayoutRequest>(), 0);  // nobody is there
  connect();
  EXPECT_EQ(take_sent<LayoutRequest>(), 1);
  session_.handle_message(now_, kNode, {RequestId{}, LayoutReply{}}, out_);
  EXPECT_EQ(session_.layout(), nullptr);
  run_timer();
  EXPECT_EQ(take_sent<LayoutRequest>(), 1);
  tell(layout_of(3));
  ASSERT_NE(session_.layout(), nullptr);
  EXPECT_EQ(session_.layout()->version, LayoutVersion{3});
  (void)take_sent<LayoutRequest>();
  EXPECT_TRUE(timers_.empty());
}

TEST_F(ClientLayout, IsRenewedWhenAHelloSpeaksOfANewerOne) {
  connect(3);
  tell(layout_of(3));
  (void)take_sent<LayoutRequest>();
  connect(3);
  EXPECT_EQ(take_sent<LayoutRequest>(), 0);
  connect(4);
  EXPECT_EQ(take_sent<LayoutRequest>(), 1);
}

TEST_F(ClientLayout, AnOlderOneAndBytesThatAreNoneTeachNothing) {
  connect(3);
  tell(layout_of(3));
  const std::uint64_t revision = session_.layout_revision();
  tell(layout_of(2));
  session_.handle_message(now_, kNode, {RequestId{}, LayoutReply{"nonsense"}}, out_);
  tell(layout_of(3));
  EXPECT_EQ(session_.layout_revision(), revision);
  // The same layout with a member elsewhere: it is to be dialled there.
  tell(layout_of(3, "n1:2"));
  EXPECT_NE(session_.layout_revision(), revision);
}

TEST_F(ClientLayout, ANodeOfAnotherClusterIsNotTalkedTo) {
  connect(3);
  tell(layout_of(3));
  EXPECT_TRUE(session_.check_hello({.sender = kNode, .cluster = kCluster}));
  EXPECT_FALSE(session_.check_hello({.sender = kNode, .cluster = {8, 8}}));
}

TEST_F(ClientLayout, AReplyDoesNotStartASecondTryBesideOneThatIsOut) {  // B11
  connect(3);
  tell(layout_of(3));
  GetOperation get;
  get.bucket = "bucket";
  get.key = "key";
  session_.start(now_, OperationId{1}, get, out_);
  ASSERT_EQ(take_sent<GetRequest>(), 1);
  const ErrorReply stale{.error = {ErrorCode::stale_layout, "another layout"}};
  session_.handle_message(now_, kNode, {last_, stale}, out_);
  int tries = take_sent<GetRequest>();
  while (tries == 0) {
    run_timer();
    tries = take_sent<GetRequest>();
  }
  // The layout comes after the pause, when the next try is out already.
  tell(layout_of(4));
  now_.steady = now_.steady + milliseconds(1);
  for (int i = 0; i < 3 && !timers_.empty(); ++i) {
    run_timer();
    tries += take_sent<GetRequest>();
    if (now_.steady > Instant{} + milliseconds(1300)) break;
  }
  EXPECT_EQ(tries, 1);
}

}  // namespace
}  // namespace dynakv

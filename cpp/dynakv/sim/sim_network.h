// The network between simulated hosts: delays, losses, repeats, reordering, partitions, clogs.
//
// Two models. `stream` behaves as TCP does: bytes of one direction arrive in order; what is under
// way when a connection breaks is lost with everything behind it. `hostile` loses, repeats, delays
// and reorders each message by itself, and delivers late ones even after restarts, which no TCP
// does; only requests of clients, forwarded ones too, end with the process they were sent to, as
// connections do: a copy that outlived its process would make every refusal a lie (I13), and no
// number in it could reveal that. The hosts decide which of them are connected; the network only
// carries messages.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dynakv/base/bytes.h"
#include "dynakv/base/random.h"
#include "dynakv/base/time.h"
#include "dynakv/sim/event_queue.h"

namespace dynakv {

enum class NetworkModel : std::uint8_t { stream, hostile };

struct NetworkOptions {
  NetworkModel model = NetworkModel::stream;
  /// Delay of a message: this much at least, plus an exponential part with this mean.
  Duration delay_min = microseconds(50);
  Duration delay_mean = microseconds(300);
  /// Only the hostile model: chances for each message, in thousandths.
  std::uint32_t loss_permille = 0;
  std::uint32_t repeat_permille = 0;
  /// Both models: of messages that take up to a second more.
  std::uint32_t late_permille = 0;
};

struct NetworkCounters {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;
  std::uint64_t repeated = 0;
};

class SimNetwork {
 public:
  /// A frame arrives at `to`.
  using Deliver = std::function<void(int to, int from, const Bytes& frame)>;

  SimNetwork(EventQueue& events, Random random, NetworkOptions options, Deliver deliver)
      : events_(events), random_(random), options_(options), deliver_(std::move(deliver)) {}

  /// `ends_with_receiver`: it is lost when the receiving process ends before it arrives.
  void send(int from, int to, std::shared_ptr<const Bytes> frame, bool ends_with_receiver = false);

  /// The process of a host has ended.
  void end_process(int host) { ++ends_[host]; }

  /// Loses what is under way from one host to the other (stream model).
  void reset(int from, int to);

  /// Makes one direction carry nothing until it is unblocked.
  void set_blocked(int from, int to, bool blocked);
  bool is_blocked(int from, int to) const { return blocked_.contains({from, to}); }
  void unblock_all() { blocked_.clear(); }

  /// Holds back what one direction carries until `until`.
  void clog(int from, int to, Instant until);

  /// Multiplies the delays of all that a host sends and receives.
  void set_slowness(int host, std::int64_t factor) { slowness_[host] = factor; }

  /// The message of this number, 1 = the first, is lost, or delivered twice.
  void lose_message(std::uint64_t number) { lost_number_ = number; }
  void repeat_message(std::uint64_t number) { repeated_number_ = number; }

  NetworkOptions& options() { return options_; }
  const NetworkCounters& counters() const { return counters_; }

 private:
  struct Link {
    explicit Link(Random stream) : random(stream) {}
    Random random;
    std::uint64_t epoch = 0;
    Instant last_arrival;
    Instant clogged_until;
  };

  /// Good until the next call.
  Link& link(int from, int to);
  Duration draw_delay(int from, int to, Random& random);
  struct Cargo {
    std::shared_ptr<const Bytes> frame;
    bool ends_with_receiver = false;
  };
  void carry(int from, int to, Cargo cargo, Link& link);

  EventQueue& events_;
  Random random_;
  NetworkOptions options_;
  Deliver deliver_;
  /// By sender, then receiver; made when they are first used.
  std::vector<std::vector<std::optional<Link>>> links_;
  std::map<std::pair<int, int>, bool> blocked_;
  std::map<int, std::int64_t> slowness_;
  /// How many processes of each host have ended.
  std::map<int, std::uint64_t> ends_;
  NetworkCounters counters_;
  std::uint64_t lost_number_ = 0;
  std::uint64_t repeated_number_ = 0;
};

/// A draw from an exponential distribution with this mean, cut at 16 times it; integers only.
Duration exponential(Random& random, Duration mean);

}  // namespace dynakv

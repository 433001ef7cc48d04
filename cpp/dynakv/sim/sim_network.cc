#include "dynakv/sim/sim_network.h"
#include "dynakv/sim/sim_sometimes.h"

#include <algorithm>

namespace dynakv {
namespace {

/// A slow host's messages still arrive within a request's life, more or less.
constexpr Duration kSlowDelayMax = seconds(5);
constexpr Duration kLateMax = seconds(1);

}  // namespace

Duration exponential(Random& random, Duration mean) {
  // -log2(u) by the position of the highest bit with a linear part behind it: the same on every
  // machine, which a floating-point logarithm is not. ln 2 is about 6931/10000.
  const std::uint64_t u = random.next() | 1;
  int zeros = 0;
  while (((u >> (63 - zeros)) & 1) == 0) ++zeros;
  const std::uint64_t rest = zeros == 63 ? 0 : (u << (zeros + 1)) >> 48;
  const std::int64_t log2_q16 =
      (static_cast<std::int64_t>(zeros + 1) << 16) - static_cast<std::int64_t>(rest);
  const std::int64_t capped = std::min<std::int64_t>(log2_q16, std::int64_t{23} << 16);
  return {mean.nanoseconds / 65536 * capped / 10000 * 6931};
}

SimNetwork::Link& SimNetwork::link(int from, int to) {
  const auto sender = static_cast<std::size_t>(from);
  const auto receiver = static_cast<std::size_t>(to);
  if (sender >= links_.size()) links_.resize(sender + 1);
  auto& row = links_[sender];
  if (receiver >= row.size()) row.resize(std::max(receiver + 1, links_.size()));
  std::optional<Link>& way = row[receiver];
  if (!way) way = Link(random_.stream("link", std::uint64_t{sender} * 100003 + receiver));
  return *way;
}

Duration SimNetwork::draw_delay(int from, int to, Random& random) {
  Duration delay = options_.delay_min + exponential(random, options_.delay_mean);
  if (options_.late_permille > 0 && random.chance(options_.late_permille, 1000)) {
    delay = delay + Duration{random.between(0, kLateMax.nanoseconds)};
  }
  std::int64_t factor = 1;
  if (const auto at = slowness_.find(from); at != slowness_.end()) factor = at->second;
  if (const auto at = slowness_.find(to); at != slowness_.end()) {
    factor = std::max(factor, at->second);
  }
  return factor == 1 ? delay : std::min(delay * factor, std::max(delay, kSlowDelayMax));
}

void SimNetwork::send(int from, int to, std::shared_ptr<const Bytes> frame,
                      bool ends_with_receiver) {
  Cargo cargo{std::move(frame), ends_with_receiver};
  ++counters_.sent;
  Link& way = link(from, to);
  if (counters_.sent == lost_number_) {
    ++counters_.lost;
    return;
  }
  if (counters_.sent == repeated_number_) {
    ++counters_.repeated;
    carry(from, to, cargo, way);
  }
  if (options_.model == NetworkModel::hostile) {
    if (way.random.chance(options_.loss_permille, 1000)) {
      ++counters_.lost;
      return;
    }
    if (way.random.chance(options_.repeat_permille, 1000)) {
      ++counters_.repeated;
      sometimes(SimSometimes::frame_repeated);
      carry(from, to, cargo, way);
    }
  }
  carry(from, to, std::move(cargo), way);
}

void SimNetwork::carry(int from, int to, Cargo cargo, Link& way) {
  Instant arrival = events_.now() + draw_delay(from, to, way.random);
  arrival = std::max(arrival, way.clogged_until);
  const bool is_stream = options_.model == NetworkModel::stream;
  if (is_stream) {
    arrival = std::max(arrival, way.last_arrival);
    way.last_arrival = arrival;
  }
  const std::uint64_t epoch = way.epoch;
  const std::uint64_t end = cargo.ends_with_receiver ? ends_[to] : 0;
  events_.schedule(arrival, [this, from, to, epoch, end, is_stream, cargo = std::move(cargo)] {
    const bool came_too_late = cargo.ends_with_receiver && ends_[to] != end;
    sometimes(SimSometimes::late_request_lost, came_too_late && !is_stream);
    if (is_blocked(from, to) || (is_stream && link(from, to).epoch != epoch) || came_too_late) {
      ++counters_.lost;
      const bool in_partition = is_blocked(from, to);
      sometimes(SimSometimes::frame_lost_in_partition, in_partition);
      sometimes(SimSometimes::frame_lost_with_connection, !in_partition);
      return;
    }
    ++counters_.delivered;
    deliver_(to, from, *cargo.frame);
  });
}

void SimNetwork::reset(int from, int to) {
  Link& way = link(from, to);
  ++way.epoch;
  way.last_arrival = events_.now();
}

void SimNetwork::set_blocked(int from, int to, bool blocked) {
  if (blocked) {
    blocked_[{from, to}] = true;
  } else {
    blocked_.erase({from, to});
  }
}

void SimNetwork::clog(int from, int to, Instant until) {
  Link& way = link(from, to);
  way.clogged_until = std::max(way.clogged_until, until);
}

}  // namespace dynakv

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>

#include "bench/floor.h"
#include "bench/floor_connection.h"
#include "bench/floor_keys.h"

namespace dynakv::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kEventsMax = 256;
constexpr int kSilenceMs = 10'000;  // Without any answer for so long, the load gives up.

double cpu_us_of_process() {
  rusage usage{};
  floor_require(::getrusage(RUSAGE_SELF, &usage) == 0, "getrusage");
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

class LoadClient {
 public:
  LoadClient(const std::vector<std::uint16_t>& ports, const LoadOptions& options);
  ~LoadClient() { ::close(epoll_); }
  LoadClient(const LoadClient&) = delete;
  LoadClient& operator=(const LoadClient&) = delete;

  LoadResult run();

 private:
  struct Flight {
    std::uint64_t key = 0;
    Clock::time_point start;
    bool open = false;
  };
  struct Link {
    std::unique_ptr<FloorConnection> connection;
    std::vector<Flight> flights;
    bool lost = false;
  };

  void issue(Link* link, std::uint32_t flight);
  void complete(Link* link, const FloorFrame& frame);
  void receive_from(Link* link);
  void flush(Link* link);
  bool is_right(const Flight& flight, const FloorFrame& frame) const;
  LoadResult summary(double wall_seconds, double cpu_us);

  const LoadOptions options_;
  const int epoll_;
  FloorKeys keys_;
  std::string value_;
  std::vector<Link> links_;
  std::vector<std::uint32_t> latencies_ns_;
  std::uint64_t issued_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t wrong_ = 0;
};

LoadClient::LoadClient(const std::vector<std::uint16_t>& ports, const LoadOptions& options)
    : options_(options),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      keys_(options),
      value_(options.value_bytes, 'v') {
  floor_require(epoll_ >= 0, "epoll");
  floor_require(options.connections > 0 && options.in_flight > 0 && !ports.empty(), "load options");
  latencies_ns_.reserve(options.operations);
  for (int i = 0; i < options.connections; ++i) {
    const auto index = static_cast<std::uint32_t>(i);
    const int fd = connect_to_loopback(ports[index % ports.size()]);
    links_.push_back({std::make_unique<FloorConnection>(index, fd),
                      std::vector<Flight>(static_cast<std::size_t>(options.in_flight)), false});
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    floor_require(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
  }
}

LoadResult LoadClient::run() {
  const double cpu_before = cpu_us_of_process();
  const Clock::time_point begin = Clock::now();
  for (Link& link : links_) {
    for (std::uint32_t i = 0; i < link.flights.size(); ++i) issue(&link, i);
    flush(&link);
  }
  std::array<epoll_event, kEventsMax> events;
  while (answered_ < options_.operations) {
    const int ready = ::epoll_wait(epoll_, events.data(), kEventsMax, kSilenceMs);
    floor_require(ready >= 0 || errno == EINTR, "epoll_wait");
    if (ready == 0) break;
    for (int i = 0; i < ready; ++i) {
      Link& link = links_[events[static_cast<std::size_t>(i)].data.u64];
      receive_from(&link);
      flush(&link);
    }
  }
  const double wall = std::chrono::duration<double>(Clock::now() - begin).count();
  return summary(wall, cpu_us_of_process() - cpu_before);
}

void LoadClient::issue(Link* link, std::uint32_t flight) {
  if (issued_ == options_.operations) return;
  ++issued_;
  Flight& next = link->flights[flight];
  next.key = options_.first_key + keys_.next();
  next.start = Clock::now();
  next.open = true;
  const auto key = key_bytes(next.key);
  FloorFrame frame{
      .type = FloorType::kGet, .id = flight, .key = {key.data(), key.size()}, .body = {}};
  if (options_.kind == FloorKind::kPut) {
    fill_value(next.key, &value_);
    frame.type = FloorType::kPut;
    frame.body = value_;
  }
  link->connection->append(frame);
}

bool LoadClient::is_right(const Flight& flight, const FloorFrame& frame) const {
  if (options_.kind == FloorKind::kPut) return frame.type == FloorType::kPutReply;
  return frame.type == FloorType::kGetReply && frame.found &&
         frame.body.size() == options_.value_bytes && is_value_of(flight.key, frame.body);
}

void LoadClient::complete(Link* link, const FloorFrame& frame) {
  floor_require(frame.id < link->flights.size() && link->flights[frame.id].open, "reply's id");
  Flight& flight = link->flights[frame.id];
  flight.open = false;
  ++answered_;
  if (is_right(flight, frame)) {
    const auto taken = std::chrono::nanoseconds(Clock::now() - flight.start).count();
    latencies_ns_.push_back(static_cast<std::uint32_t>(std::min<long>(taken, UINT32_MAX)));
  } else {
    ++wrong_;
  }
  issue(link, frame.id);
}

void LoadClient::receive_from(Link* link) {
  if (link->lost) return;
  if (!link->connection->receive()) {
    link->lost = true;
    const int fd = link->connection->fd();
    floor_require(::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr) == 0, "epoll_ctl");
    return;
  }
  FloorFrame frame;
  while (link->connection->next_frame(&frame)) complete(link, frame);
}

void LoadClient::flush(Link* link) {
  FloorConnection& connection = *link->connection;
  connection.release_all();
  // A broken connection shows in receive() too. A full socket is tried again with the next
  // answer; where none comes because nothing was sent, EPOLLOUT wakes the loop.
  (void)connection.flush();
  if (link->lost || connection.blocked() == connection.awaits_writable) return;
  connection.awaits_writable = connection.blocked();
  epoll_event event{};
  event.events = connection.blocked() ? std::uint32_t{EPOLLIN | EPOLLOUT} : std::uint32_t{EPOLLIN};
  event.data.u64 = connection.id();
  floor_require(::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd(), &event) == 0, "epoll_ctl");
}

LoadResult LoadClient::summary(double wall_seconds, double cpu_us) {
  LoadResult result;
  result.operations = latencies_ns_.size();
  result.failed = options_.operations - result.operations;
  floor_require(wrong_ <= result.failed, "wrong replies are failures");
  result.wall_seconds = wall_seconds;
  if (result.operations == 0) return result;
  const auto count = static_cast<double>(result.operations);
  result.operations_per_second = count / wall_seconds;
  result.cpu_us_per_operation = cpu_us / count;
  std::sort(latencies_ns_.begin(), latencies_ns_.end());
  double sum = 0;
  for (const std::uint32_t latency : latencies_ns_) sum += latency;
  const auto at = [&](double quantile) {
    return latencies_ns_[static_cast<std::size_t>(quantile * (count - 1))] / 1e3;
  };
  result.mean_us = sum / count / 1e3;
  result.p50_us = at(0.5);
  result.p90_us = at(0.9);
  result.p99_us = at(0.99);
  result.p999_us = at(0.999);
  result.max_us = at(1);
  return result;
}

}  // namespace

LoadResult run_floor_load(const std::vector<std::uint16_t>& ports, const LoadOptions& options) {
  return LoadClient(ports, options).run();
}

}  // namespace dynakv::bench

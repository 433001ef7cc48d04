#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "bench/floor.h"
#include "bench/floor_node.h"

namespace dynakv::bench {
namespace {

constexpr std::chrono::seconds kDrainTimeout{30};  // Far above any backlog that a load leaves.

int accept_blocking(int listener) {
  int fd = -1;
  // The listener does not block, but the peer's connect() has returned: the connection is there.
  do {
    fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  floor_require(fd >= 0, "accept");
  return fd;
}

}  // namespace

FloorCluster::FloorCluster(FloorOptions options) : options_(std::move(options)) {
  floor_require(options_.n >= 1 && options_.n <= options_.nodes, "1 <= n <= nodes");
  floor_require(options_.r >= 1 && options_.r <= options_.n, "1 <= r <= n");
  floor_require(options_.w >= 1 && options_.w <= options_.n, "1 <= w <= n");
  floor_require(!options_.directory.empty(), "directory");
}

FloorCluster::~FloorCluster() { stop(); }

void FloorCluster::start() {
  floor_require(ports_.empty(), "started once");
  std::vector<int> listeners;
  for (int i = 0; i < options_.nodes; ++i) {
    std::uint16_t port = 0;
    listeners.push_back(listen_on_loopback(&port));
    ports_.push_back(port);
    nodes_.push_back(std::make_unique<FloorNode>(options_, i, listeners.back()));
  }
  for (int i = 0; i < options_.nodes; ++i) {
    for (int j = i + 1; j < options_.nodes; ++j) {
      const auto from = static_cast<std::size_t>(i);
      const auto to = static_cast<std::size_t>(j);
      nodes_[from]->add_peer(j, connect_to_loopback(ports_[to]));
      nodes_[to]->add_peer(i, accept_blocking(listeners[to]));
    }
  }
  for (auto& node : nodes_) node->start();
}

void FloorCluster::stop() {
  if (nodes_.empty()) return;
  for (auto& node : nodes_) node->stop();
  last_counters_ = counters();
  nodes_.clear();
}

FloorCounters FloorCluster::counters() const {
  if (nodes_.empty()) return last_counters_;
  FloorCounters sum;
  for (const auto& node : nodes_) node->add_counters(&sum);
  return sum;
}

void FloorCluster::drain() const {
  const auto deadline = std::chrono::steady_clock::now() + kDrainTimeout;
  for (const auto& node : nodes_) {
    // A node's requests end without help of the others' requests, so each is asked once.
    while (node->open_requests() > 0) {
      floor_require(std::chrono::steady_clock::now() < deadline, "drain");
      std::this_thread::yield();
    }
  }
}

void FloorCluster::flush_memtables() {
  for (auto& node : nodes_) node->flush_memtable();
}

}  // namespace dynakv::bench

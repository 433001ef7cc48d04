// The inside of AsioTransport: what happens on its sockets.
//
// Handlers keep their connection alive; `open` tells them when it was dropped in the meantime. A
// connection's id is its slot's index and the number of the connection, so ids never come back.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include "dynakv/adapters/asio_address.h"
#include "dynakv/adapters/asio_connection.h"
#include "dynakv/adapters/asio_transport.h"

namespace dynakv {

struct AsioTransport::Parts {
  using Ptr = std::shared_ptr<AsioConnection>;
  using tcp = asio::ip::tcp;

  Parts(TransportOptions transport_options, TransportHandler& transport_handler)
      : options(transport_options), handler(transport_handler) {}

  static std::uint32_t index_of(ConnectionId id) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(id));
  }
  Ptr find(ConnectionId id) const {
    const std::uint32_t index = index_of(id);
    if (index >= slots.size() || slots[index] == nullptr || slots[index]->id != id) return nullptr;
    return slots[index];
  }
  Ptr add(tcp::socket socket);
  void remove(AsioConnection& connection);
  void drop(const Ptr& connection, const std::string& reason);
  void drop_slow(const Ptr& connection) {
    ++counters.closed_slow;
    drop(connection, "the other side reads too slowly");
  }

  void accept();
  void handle_accepted(const asio::error_code& error, tcp::socket socket);
  void connect(const Ptr& connection, const HostPort& target);
  void connect_to(const Ptr& connection, const tcp::endpoint& endpoint);
  void read(const Ptr& connection);
  void handle_read(const Ptr& connection, asio::error_code error, std::size_t size);
  bool deliver(const Ptr& connection, std::size_t size);
  void write(const Ptr& connection);

  const TransportOptions options;
  TransportHandler& handler;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  tcp::acceptor acceptor{io};
  tcp::resolver resolver{io};
  asio::steady_timer alarm{io};
  asio::steady_timer accept_pause{io};
  Instant alarm_at = Instant::far_future();
  std::string local_address;
  std::vector<Ptr> slots;
  std::vector<std::uint32_t> free_slots;
  std::uint64_t generation = 0;
  std::size_t open_count = 0;
  std::vector<Ptr> dirty;
  std::size_t turn_bytes = 0;
  bool paused = false;
  std::atomic<bool> wake_pending{false};
  TransportCounters counters;
};

}  // namespace dynakv

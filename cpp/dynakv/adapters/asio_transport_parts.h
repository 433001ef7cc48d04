// The inside of AsioTransport: what happens on its sockets.
//
// Handlers keep their connection alive; `open` tells them when it was dropped in the meantime. A
// connection's id is its slot's index and the number of the connection, so ids never come back.
#pragma once

#include <memory>
#include <string>
#include <vector>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include "dynakv/adapters/asio_address.h"
#include "dynakv/adapters/asio_connection.h"
#include "dynakv/adapters/asio_reactor_parts.h"
#include "dynakv/adapters/asio_transport.h"

namespace dynakv {

struct AsioTransport::Parts {
  using Ptr = std::shared_ptr<AsioConnection>;
  using tcp = asio::ip::tcp;

  Parts(AsioReactor::Parts& on_reactor, TransportOptions transport_options,
        TransportHandler& transport_handler)
      : reactor(on_reactor), options(transport_options), handler(transport_handler) {}

  /// Handlers keep it alive, and do nothing once it is closed.
  struct Listener {
    explicit Listener(asio::io_context& io) : acceptor(io), pause(io) {}

    void close() {
      asio::error_code ignored;
      acceptor.close(ignored);
      pause.cancel();
    }

    tcp::acceptor acceptor;
    /// Until the next try, after a failed one.
    asio::steady_timer pause;
  };
  using ListenerPtr = std::shared_ptr<Listener>;

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

  void accept(const ListenerPtr& listener);
  void handle_accepted(const ListenerPtr& listener, const asio::error_code& error,
                       tcp::socket socket);
  void connect(const Ptr& connection, const HostPort& target);
  void connect_to(const Ptr& connection, const tcp::endpoint& endpoint);
  void read(const Ptr& connection);
  void handle_read(const Ptr& connection, asio::error_code error, std::size_t size);
  bool deliver(const Ptr& connection, std::size_t size);
  void write(const Ptr& connection);

  AsioReactor::Parts& reactor;
  const TransportOptions options;
  TransportHandler& handler;
  std::vector<ListenerPtr> listeners;
  tcp::resolver resolver{reactor.io};
  std::vector<Ptr> slots;
  std::vector<std::uint32_t> free_slots;
  std::uint64_t generation = 0;
  std::size_t open_count = 0;
  std::vector<Ptr> dirty;
  bool paused = false;
  TransportCounters counters;
};

}  // namespace dynakv

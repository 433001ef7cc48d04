#include "dynakv/adapters/asio_transport_parts.h"

#include <chrono>
#include <utility>

namespace dynakv {
namespace {

using asio::ip::tcp;
using ConnectionPtr = std::shared_ptr<AsioConnection>;

/// Pause after a failed accept: with no file handles left, the next one fails at once too.
constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

ConnectionPtr AsioTransport::Parts::add(tcp::socket socket) {
  if (free_slots.empty()) {
    free_slots.push_back(static_cast<std::uint32_t>(slots.size()));
    slots.emplace_back();
  }
  const std::uint32_t index = free_slots.back();
  free_slots.pop_back();
  const auto id = static_cast<ConnectionId>((++generation << 32) | index);
  slots[index] = std::make_shared<AsioConnection>(std::move(socket), id);
  ++open_count;
  return slots[index];
}

void AsioTransport::Parts::remove(AsioConnection& connection) {
  connection.open = false;
  asio::error_code ignored;
  connection.socket.close(ignored);
  --open_count;
  const std::uint32_t index = index_of(connection.id);
  free_slots.push_back(index);
  slots[index] = nullptr;  // last: it may own the connection
}

void AsioTransport::Parts::drop(const ConnectionPtr& connection, const std::string& reason) {
  const ConnectionPtr kept = connection;
  remove(*kept);
  handler.handle_closed(kept->id, reason);
}

void AsioTransport::Parts::accept(const ListenerPtr& listener) {
  listener->acceptor.async_accept(
      [this, listener](const asio::error_code& error, tcp::socket socket) {
        if (listener->acceptor.is_open()) handle_accepted(listener, error, std::move(socket));
      });
}

void AsioTransport::Parts::handle_accepted(const ListenerPtr& listener,
                                           const asio::error_code& error, tcp::socket socket) {
  if (error && error != asio::error::connection_aborted) {
    listener->pause.expires_after(kAcceptPause);
    listener->pause.async_wait([this, listener](const asio::error_code&) {
      if (listener->acceptor.is_open()) accept(listener);
    });
    return;
  }
  if (!error && open_count >= options.connection_count_max) {
    ++counters.refused_full;  // the socket closes here
  } else if (!error) {
    const ConnectionPtr connection = add(std::move(socket));
    ++counters.accepted;
    connection->configure();
    handler.handle_open(connection->id, false);
    if (connection->open) read(connection);
  }
  accept(listener);
}

void AsioTransport::Parts::connect(const ConnectionPtr& connection, const HostPort& target) {
  asio::error_code error;
  const auto numeric = asio::ip::make_address(target.host, error);
  if (!error) return connect_to(connection, {numeric, target.port});
  resolver.async_resolve(
      target.host, std::to_string(target.port),
      [this, connection](const asio::error_code& failed, const tcp::resolver::results_type& found) {
        if (!connection->open) return;
        if (failed || found.empty()) return drop(connection, "unknown host: " + failed.message());
        connect_to(connection, found.begin()->endpoint());
      });
}

void AsioTransport::Parts::connect_to(const ConnectionPtr& connection,
                                      const tcp::endpoint& endpoint) {
  connection->socket.async_connect(endpoint, [this, connection](const asio::error_code& error) {
    if (!connection->open) return;
    if (error) return drop(connection, error.message());
    connection->configure();
    handler.handle_open(connection->id, true);
    if (connection->open) read(connection);
  });
}

void AsioTransport::Parts::read(const ConnectionPtr& connection) {
  connection->read_held = paused;
  if (paused) return;
  connection->socket.async_read_some(
      connection->input(), [this, connection](const asio::error_code& error, std::size_t size) {
        if (connection->open) handle_read(connection, error, size);
      });
}

bool AsioTransport::Parts::deliver(const ConnectionPtr& connection, std::size_t size) {
  ++counters.reads;
  counters.bytes_read += size;
  connection->bytes_read += size;
  reactor.turn_bytes += size;
  handler.handle_bytes(connection->id, connection->received(size));
  return connection->open;
}

void AsioTransport::Parts::handle_read(const ConnectionPtr& connection, asio::error_code error,
                                       std::size_t size) {
  if (error) {
    return drop(connection,
                error == asio::error::eof ? "closed by the other side" : error.message());
  }
  if (!deliver(connection, size)) return;
  std::size_t total = size;
  while (connection->filled(size) && total < options.read_bytes_max && !paused) {
    connection->grow_input(connection->bytes_read);
    size = connection->socket.read_some(connection->input(), error);
    // Whatever the error is, the next asynchronous read meets it too.
    if (error) break;
    if (!deliver(connection, size)) return;
    total += size;
  }
  read(connection);
}

void AsioTransport::Parts::write(const ConnectionPtr& connection) {
  asio::error_code error;
  const auto progress = connection->write_once(counters, error);
  if (progress == AsioConnection::Progress::failed) return drop(connection, error.message());
  if (progress == AsioConnection::Progress::done) return;
  if (connection->unsent() > options.output_bytes_max) return drop_slow(connection);
  connection->awaits_writable = true;
  connection->socket.async_wait(tcp::socket::wait_write,
                                [this, connection](const asio::error_code& failed) {
                                  connection->awaits_writable = false;
                                  if (connection->open && !failed) write(connection);
                                });
}

}  // namespace dynakv

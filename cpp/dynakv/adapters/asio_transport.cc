#include "dynakv/adapters/asio_transport.h"

#include <utility>
#include <asio/post.hpp>

#include "dynakv/adapters/asio_transport_parts.h"

namespace dynakv {
namespace {

using asio::ip::tcp;
using ConnectionPtr = std::shared_ptr<AsioConnection>;

}  // namespace

AsioTransport::AsioTransport(AsioReactor& reactor, TransportOptions options,
                             TransportHandler& handler)
    : parts_(std::make_unique<Parts>(*reactor.parts_, options, handler)) {}

// What is still under way on the reactor finds its listener or connection closed.
AsioTransport::~AsioTransport() { close_all(); }

Result<std::string> AsioTransport::listen(const std::string& address, bool any_interface) {
  const auto parsed = parse_host_port(address);
  if (!parsed) return fail(parsed.error());
  const auto refused = [&](const std::string& why) {
    return fail(ErrorCode::invalid_argument, "cannot listen on " + address + ": " + why);
  };
  asio::error_code error;
  tcp::endpoint endpoint(asio::ip::make_address(parsed->host, error), parsed->port);
  if (error) {
    const auto found = parts_->resolver.resolve(parsed->host, std::to_string(parsed->port), error);
    if (error || found.empty()) return refused("unknown host: " + error.message());
    endpoint = found.begin()->endpoint();
  }
  if (!any_interface && !endpoint.address().is_loopback()) {
    return refused(
        "nothing is encrypted or authenticated yet; "
        "listen on 127.0.0.1, or allow it with insecure");
  }
  const auto listener = std::make_shared<Parts::Listener>(parts_->reactor.io);
  tcp::acceptor& acceptor = listener->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) {
    return refused(error.message() + (error == asio::error::address_in_use
                                          ? "; stop the process that has the port, or choose "
                                            "another one (0 takes a free one)"
                                          : ""));
  }
  parts_->listeners.push_back(listener);
  parts_->accept(listener);
  return to_address(acceptor.local_endpoint(error));
}

ConnectionId AsioTransport::dial(const std::string& address) {
  const ConnectionPtr connection = parts_->add(tcp::socket(parts_->reactor.io));
  const auto parsed = parse_host_port(address);
  const bool full = parts_->open_count > parts_->options.connection_count_max;
  if (parsed && !full) {
    parts_->connect(connection, *parsed);
    return connection->id;
  }
  const std::string reason = parsed ? "too many connections" : parsed.error().message;
  asio::post(parts_->reactor.io, [parts = parts_.get(), connection, reason] {
    if (connection->open) parts->drop(connection, reason);
  });
  return connection->id;
}

Bytes* AsioTransport::output(ConnectionId id) {
  const ConnectionPtr connection = parts_->find(id);
  if (connection == nullptr || !connection->established) return nullptr;
  if (!connection->dirty) {
    connection->dirty = true;
    parts_->dirty.push_back(connection);
  }
  return &connection->output;
}

void AsioTransport::close(ConnectionId id) {
  if (const ConnectionPtr connection = parts_->find(id)) parts_->remove(*connection);
}

void AsioTransport::finish(ConnectionId id) {
  const ConnectionPtr connection = parts_->find(id);
  if (connection == nullptr) return;
  asio::error_code ignored;
  if (connection->established) {
    (void)connection->write_once(parts_->counters, ignored);
    connection->socket.shutdown(tcp::socket::shutdown_send, ignored);
    // Bytes left unread would make the system reset the connection, and lose what was just sent.
    for (std::size_t reads = 0; reads < 16 && !ignored; ++reads) {
      connection->socket.read_some(connection->input(), ignored);
    }
  }
  parts_->remove(*connection);
}

void AsioTransport::close_all() {
  for (const auto& listener : parts_->listeners) listener->close();
  parts_->listeners.clear();
  for (std::size_t i = 0; i < parts_->slots.size(); ++i) {
    if (const ConnectionPtr connection = parts_->slots[i]) parts_->remove(*connection);
  }
}

void AsioTransport::set_reading_paused(bool paused) {
  if (parts_->paused == paused) return;
  parts_->paused = paused;
  if (paused) return;
  for (const ConnectionPtr& connection : parts_->slots) {
    if (connection != nullptr && connection->read_held) parts_->read(connection);
  }
}

void AsioTransport::flush() {
  // A write that fails tells the handler, which may ask for output of other connections.
  for (std::size_t i = 0; i < parts_->dirty.size(); ++i) {
    const ConnectionPtr connection = parts_->dirty[i];
    connection->dirty = false;
    if (!connection->open) continue;
    if (!connection->awaits_writable) {
      parts_->write(connection);
    } else if (connection->unsent() > parts_->options.output_bytes_max) {
      parts_->drop_slow(connection);
    }
  }
  parts_->dirty.clear();
}

const TransportCounters& AsioTransport::counters() const { return parts_->counters; }
std::size_t AsioTransport::connection_count() const { return parts_->open_count; }

}  // namespace dynakv

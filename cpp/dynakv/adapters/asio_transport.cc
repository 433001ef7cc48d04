#include "dynakv/adapters/asio_transport.h"

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>
#include <vector>

#include "dynakv/adapters/asio_address.h"
#include "dynakv/adapters/asio_connection.h"

namespace dynakv {
namespace {

using asio::ip::tcp;
using ConnectionPtr = std::shared_ptr<AsioConnection>;

/// Pause after a failed accept: with no file handles left, the next one fails at once too.
constexpr std::chrono::milliseconds kAcceptPause{100};

constexpr std::uint32_t index_of(ConnectionId id) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(id));
}

}  // namespace

/// Handlers keep their connection alive and find it closed (`open`) when it was dropped meanwhile.
struct AsioTransport::Parts {
  Parts(TransportOptions transport_options, TransportHandler& transport_handler)
      : options(transport_options), handler(transport_handler) {}

  ConnectionPtr find(ConnectionId id) const {
    const std::uint32_t index = index_of(id);
    if (index >= slots.size() || slots[index] == nullptr || slots[index]->id != id) return nullptr;
    return slots[index];
  }
  ConnectionPtr add(tcp::socket socket);
  void remove(AsioConnection& connection);
  void drop(const ConnectionPtr& connection, const std::string& reason);
  void drop_slow(const ConnectionPtr& connection) {
    ++counters.closed_slow;
    drop(connection, "the other side reads too slowly");
  }

  void accept();
  void handle_accepted(const asio::error_code& error, tcp::socket socket);
  void connect(const ConnectionPtr& connection, const HostPort& target);
  void connect_to(const ConnectionPtr& connection, const tcp::endpoint& endpoint);
  void read(const ConnectionPtr& connection);
  void handle_read(const ConnectionPtr& connection, asio::error_code error, std::size_t size);
  bool deliver(const ConnectionPtr& connection, std::size_t size);
  void write(const ConnectionPtr& connection);

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
  std::vector<ConnectionPtr> slots;
  std::vector<std::uint32_t> free_slots;
  std::uint64_t generation = 0;
  std::size_t open_count = 0;
  std::vector<ConnectionPtr> dirty;
  std::size_t turn_bytes = 0;
  bool paused = false;
  std::atomic<bool> wake_pending{false};
  TransportCounters counters;
};

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

void AsioTransport::Parts::accept() {
  acceptor.async_accept([this](const asio::error_code& error, tcp::socket socket) {
    handle_accepted(error, std::move(socket));
  });
}

void AsioTransport::Parts::handle_accepted(const asio::error_code& error, tcp::socket socket) {
  if (!acceptor.is_open()) return;
  if (error && error != asio::error::connection_aborted) {
    accept_pause.expires_after(kAcceptPause);
    accept_pause.async_wait([this](const asio::error_code&) {
      if (acceptor.is_open()) accept();
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
  accept();
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
  turn_bytes += size;
  handler.handle_bytes(connection->id, connection->received(size));
  return connection->open;
}

void AsioTransport::Parts::handle_read(const ConnectionPtr& connection, asio::error_code error,
                                       std::size_t size) {
  if (error) {
    return drop(connection, error == asio::error::eof ? "closed by the other side"
                                                      : error.message());
  }
  if (!deliver(connection, size)) return;
  std::size_t total = size;
  while (connection->filled(size) && total < options.read_bytes_max && !paused) {
    connection->grow_input(connection->bytes_read);
    size = connection->socket.read_some(connection->input(), error);
    // Whatever it is, the next asynchronous read meets it too.
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

AsioTransport::AsioTransport(TransportOptions options, TransportHandler& handler)
    : parts_(std::make_unique<Parts>(options, handler)) {}

AsioTransport::~AsioTransport() = default;

Status AsioTransport::listen(const std::string& address, bool any_interface) {
  const auto parsed = parse_host_port(address);
  if (!parsed) return fail(parsed.error());
  const auto refused = [&](const std::string& why) {
    return fail(ErrorCode::invalid_argument, "cannot listen on " + address + ": " + why);
  };
  asio::error_code error;
  tcp::endpoint endpoint(asio::ip::make_address(parsed->host, error), parsed->port);
  if (error) {
    const auto found =
        parts_->resolver.resolve(parsed->host, std::to_string(parsed->port), error);
    if (error || found.empty()) return refused("unknown host: " + error.message());
    endpoint = found.begin()->endpoint();
  }
  if (!any_interface && !endpoint.address().is_loopback()) {
    return refused("nothing is encrypted or authenticated yet; "
                   "listen on 127.0.0.1, or allow it with insecure");
  }
  tcp::acceptor& acceptor = parts_->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) {
    asio::error_code ignored;
    acceptor.close(ignored);
    return refused(error.message() + (error == asio::error::address_in_use
                                          ? "; stop the process that has the port, or choose "
                                            "another one (0 takes a free one)"
                                          : ""));
  }
  parts_->local_address = to_address(acceptor.local_endpoint(error));
  parts_->accept();
  return {};
}

const std::string& AsioTransport::local_address() const { return parts_->local_address; }

ConnectionId AsioTransport::dial(const std::string& address) {
  const ConnectionPtr connection = parts_->add(tcp::socket(parts_->io));
  const auto parsed = parse_host_port(address);
  const bool full = parts_->open_count > parts_->options.connection_count_max;
  if (parsed && !full) {
    parts_->connect(connection, *parsed);
    return connection->id;
  }
  const std::string reason = parsed ? "too many connections" : parsed.error().message;
  asio::post(parts_->io, [parts = parts_.get(), connection, reason] {
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

std::size_t AsioTransport::output_bytes(ConnectionId id) const {
  const ConnectionPtr connection = parts_->find(id);
  return connection == nullptr ? 0 : connection->unsent();
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
  asio::error_code ignored;
  parts_->acceptor.close(ignored);
  for (std::size_t i = 0; i < parts_->slots.size(); ++i) {
    if (const ConnectionPtr connection = parts_->slots[i]) parts_->remove(*connection);
  }
}

void AsioTransport::set_alarm(Instant at, Instant now) {
  // An alarm that comes too early is set again then: cheaper than arming for every later deadline.
  if (at >= parts_->alarm_at) return;
  parts_->alarm_at = at;
  parts_->alarm.expires_after(
      std::chrono::nanoseconds(std::max<std::int64_t>(0, (at - now).nanoseconds)));
  parts_->alarm.async_wait([parts = parts_.get()](const asio::error_code& error) {
    if (error) return;  // replaced
    parts->alarm_at = Instant::far_future();
    parts->handler.handle_alarm();
  });
}

void AsioTransport::set_reading_paused(bool paused) {
  if (parts_->paused == paused) return;
  parts_->paused = paused;
  if (paused) return;
  for (const ConnectionPtr& connection : parts_->slots) {
    if (connection != nullptr && connection->read_held) parts_->read(connection);
  }
}

void AsioTransport::run_turn() {
  Parts& parts = *parts_;
  ++parts.counters.turns;
  parts.turn_bytes = 0;
  parts.io.run_one();
  for (std::size_t count = 1; count < parts.options.turn_event_count_max; ++count) {
    if (parts.turn_bytes >= parts.options.turn_bytes_max || parts.io.poll_one() == 0) break;
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

void AsioTransport::wake() {
  if (parts_->wake_pending.exchange(true)) return;
  asio::post(parts_->io, [parts = parts_.get()] {
    ++parts->counters.wakes;
    parts->wake_pending.store(false);
    parts->handler.handle_wake();
  });
}

const TransportCounters& AsioTransport::counters() const { return parts_->counters; }
std::size_t AsioTransport::connection_count() const { return parts_->open_count; }

}  // namespace dynakv

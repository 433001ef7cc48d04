// The connections of one door on a reactor: listeners, dials, and connections that carry bytes.
//
// It knows nothing of messages: it hands over the bytes that were read and takes the bytes to
// write. A turn of the reactor handles everything that is ready and is ended by flush(), which
// writes each connection once. So the driver gets its inputs in steps, and no message costs a
// system call of its own (PERFORMANCE §2.1). Bytes are written in one
// function of AsioConnection, and read in one of the transport (deliver): a filter such as TLS fits
// there.
//
// Invariant 1: connection ids are never used again; every call with the id of a connection that is
// gone does nothing. Invariant 2: output, input per turn, connections and the age of an unfinished
// dial are bounded (I23). Invariant 3: for each connection the handler hears opened once, before
// anything else, and closed at most once, after everything else; it does not hear of closes that
// the driver asked for. Asio's errors end here.
//
// Threads: those of its reactor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "dynakv/adapters/asio_reactor.h"
#include "dynakv/base/bytes.h"
#include "dynakv/base/result.h"
#include "dynakv/base/time.h"

namespace dynakv {

enum class ConnectionId : std::uint64_t {};

struct TransportOptions {
  /// Open and dialling connections; beyond it, accepted ones are closed at once.
  std::size_t connection_count_max = 4096;
  /// Bytes that wait to be sent on one connection; beyond it, it is closed.
  std::size_t output_bytes_max = 64u << 20;
  /// Bytes read from one connection before the others get their turn.
  std::size_t read_bytes_max = 256u << 10;
};

struct TransportCounters {
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t accepted = 0;
  std::uint64_t refused_full = 0;
  std::uint64_t closed_slow = 0;
};

class TransportHandler {
 public:
  virtual ~TransportHandler() = default;
  /// A connection was accepted (dialled = false), or a dial has succeeded.
  virtual void handle_open(ConnectionId connection, bool dialled) = 0;
  /// `bytes` are valid during the call only.
  virtual void handle_bytes(ConnectionId connection, BytesView bytes) = 0;
  /// The other side has closed, or a dial or the connection has failed.
  virtual void handle_closed(ConnectionId connection, const std::string& reason) = 0;
};

/// Errors: invalid_argument when `address` is not "host:port" or "[v6]:port" with a port in range.
Status validate_address(const std::string& address);

class AsioTransport {
 public:
  AsioTransport(AsioReactor& reactor, TransportOptions options, TransportHandler& handler);
  ~AsioTransport();
  AsioTransport(const AsioTransport&) = delete;
  AsioTransport& operator=(const AsioTransport&) = delete;

  /// Listens on `address` too; port 0 takes a free one. Returns where it listens, with the real
  /// port. Host names are resolved here, which may block.
  /// Errors: invalid_argument: malformed, unknown, in use, not loopback without `any_interface`.
  Result<std::string> listen(const std::string& address, bool any_interface);

  /// Starts a connection; handle_open or handle_closed follows, never during this call. Returns
  /// nothing when too many connections are open (handle_closed reports invalid addresses).
  ConnectionId dial(const std::string& address);

  /// Where to append what is to be sent at the next flush(); nullptr when the connection is gone.
  /// Valid until the driver's next call of another function.
  Bytes* output(ConnectionId connection);

  /// Drops the connection and its output.
  void close(ConnectionId connection);
  /// Tries once more to send the output, then drops the connection. Nothing more is read from it.
  void finish(ConnectionId connection);

  /// Stops listening and drops every connection, without telling the handler.
  void close_all();

  /// While true, nothing is read from any connection: the senders feel it.
  void set_reading_paused(bool paused);

  /// One write for each connection with output.
  void flush();

  const TransportCounters& counters() const;
  std::size_t connection_count() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace dynakv

// One thread's event loop: a listener, connections that carry bytes, one alarm, and a way for other
// threads to wake it.
//
// It knows nothing of messages: it hands over the bytes that were read and takes the bytes to
// write. A turn waits for the first event, handles everything that is ready, and is ended by
// flush(), which writes each connection once. So the driver gets its inputs in steps, and no
// message costs a system call of its own (PERFORMANCE §2.1).
//
// Invariant 1: connection ids are never used again; every call with the id of a connection that is
// gone does nothing. Invariant 2: output, input per turn, connections and the age of an unfinished
// dial are bounded (I23). Invariant 3: for each connection the handler hears opened once, before
// anything else, and closed at most once, after everything else; it does not hear of closes that
// the driver asked for. Asio's errors end here.
//
// Threads: all of it belongs to the thread that calls run_turn(), except wake().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

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
  /// Bytes read in one turn from all, so that a step stays short; the rest come in the next one.
  std::size_t turn_bytes_max = 1u << 20;
  /// Events handled in one turn; the rest come in the next one.
  std::size_t turn_event_count_max = 256;
};

struct TransportCounters {
  std::uint64_t turns = 0;
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t wakes = 0;
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
  virtual void handle_alarm() = 0;
  /// Once for all wake() calls since the last time.
  virtual void handle_wake() = 0;
};

/// Errors: invalid_argument when `address` is not "host:port" or "[v6]:port" with a port in range.
Status validate_address(const std::string& address);

class AsioTransport {
 public:
  AsioTransport(TransportOptions options, TransportHandler& handler);
  ~AsioTransport();
  AsioTransport(const AsioTransport&) = delete;
  AsioTransport& operator=(const AsioTransport&) = delete;

  /// Listens on `address`; port 0 takes a free one. Host names are resolved here, which may block.
  /// Errors: invalid_argument: malformed, unknown, in use, not loopback without `any_interface`.
  Status listen(const std::string& address, bool any_interface);
  /// Where it listens, with the real port.
  const std::string& local_address() const;

  /// Starts a connection; handle_open or handle_closed follows, never during this call. Returns
  /// nothing when too many connections are open (handle_closed reports invalid addresses).
  ConnectionId dial(const std::string& address);

  /// Where to append what is to be sent at the next flush(); nullptr when the connection is gone.
  /// Valid until the driver's next call of another function.
  Bytes* output(ConnectionId connection);
  /// Bytes that wait to be sent.
  std::size_t output_bytes(ConnectionId connection) const;

  /// Drops the connection and its output.
  void close(ConnectionId connection);
  /// Tries once more to send the output, then drops the connection. Nothing more is read from it.
  void finish(ConnectionId connection);

  /// Stops listening and drops every connection, without telling the handler.
  void close_all();

  /// Replaces the alarm; Instant::far_future() = none. In the time of system_now().
  void set_alarm(Instant at, Instant now);

  /// While true, nothing is read from any connection: the senders feel it.
  void set_reading_paused(bool paused);

  /// Waits for the first event, then handles what is ready, within the turn's bounds.
  void run_turn();
  /// One write for each connection with output.
  void flush();

  /// From any thread: makes run_turn() return soon.
  void wake();

  const TransportCounters& counters() const;
  std::size_t connection_count() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace dynakv

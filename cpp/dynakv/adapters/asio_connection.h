// One socket with its buffers, for asio_transport.
//
// The input buffer starts small and grows only once the other side has sent more than a stranger
// may (I26); the output buffer goes back to the system after a burst.
// Invariant: sent <= output.size(); only output.substr(sent) is still to be written.
#pragma once

#include <cstddef>
#include <string>
#include <vector>
#include <asio/ip/tcp.hpp>

#include "dynakv/adapters/asio_transport.h"

namespace dynakv {

class AsioConnection {
 public:
  AsioConnection(asio::ip::tcp::socket open_socket, ConnectionId connection_id)
      : socket(std::move(open_socket)), id(connection_id), input_(kInputBytesFirst) {}

  /// No delay, non-blocking, and an end to connections whose other side has vanished.
  void configure();

  enum class Progress { done, blocked, failed };
  /// Writes once, as much as the system takes.
  Progress write_once(TransportCounters& counters, asio::error_code& error);

  asio::mutable_buffer input() { return asio::buffer(input_); }
  BytesView received(std::size_t size) const { return {input_.data(), size}; }
  bool filled(std::size_t size) const { return size == input_.size(); }
  void grow_input(std::size_t received_total);

  std::size_t unsent() const { return output.size() - sent_; }

  asio::ip::tcp::socket socket;
  const ConnectionId id;
  Bytes output;
  std::size_t bytes_read = 0;
  /// False once it was dropped; handlers that come later do nothing.
  bool open = true;
  /// Connected: may read and write.
  bool established = false;
  bool dirty = false;
  bool awaits_writable = false;
  /// No read is under way because reading is paused.
  bool read_held = false;

 private:
  static constexpr std::size_t kInputBytesFirst = 4u << 10;
  static constexpr std::size_t kInputBytesMax = 64u << 10;
  static constexpr std::size_t kStrangerBytesMax = 16u << 10;
  static constexpr std::size_t kOutputKeptMax = 1u << 20;
  /// Sent bytes kept before the rest is moved to the front.
  static constexpr std::size_t kCompactBytes = 256u << 10;

  std::vector<char> input_;
  std::size_t sent_ = 0;
};

}  // namespace dynakv

#include "dynakv/adapters/asio_connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <asio/buffer.hpp>
#include <asio/error.hpp>

namespace dynakv {
namespace {

void set_number(int socket, int level, int name, int value) {
  // A missing option costs only how soon a vanished peer is noticed.
  (void)::setsockopt(socket, level, name, &value, sizeof(value));
}

}  // namespace

void AsioConnection::configure() {
  asio::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  const int handle = socket.native_handle();
  set_number(handle, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef __linux__
  set_number(handle, IPPROTO_TCP, TCP_KEEPIDLE, 5);   // seconds of silence before the first probe
  set_number(handle, IPPROTO_TCP, TCP_KEEPINTVL, 2);  // seconds between probes
  set_number(handle, IPPROTO_TCP, TCP_KEEPCNT, 3);    // unanswered probes
  set_number(handle, IPPROTO_TCP, TCP_USER_TIMEOUT, 10'000);  // ms that sent data may be unacked
#endif
  established = true;
}

AsioConnection::Progress AsioConnection::write_once(TransportCounters& counters,
                                                    asio::error_code& error) {
  if (unsent() == 0) return Progress::done;
  ++counters.writes;
  const std::size_t written =
      socket.write_some(asio::buffer(output.data() + sent_, unsent()), error);
  counters.bytes_written += written;
  sent_ += written;
  const bool blocked = error == asio::error::would_block || error == asio::error::try_again ||
                       error == asio::error::interrupted;
  if (error && !blocked) return Progress::failed;
  if (unsent() == 0) {
    sent_ = 0;
    if (output.capacity() > kOutputKeptMax) {
      output = Bytes();
    } else {
      output.clear();
    }
    return Progress::done;
  }
  if (sent_ >= kCompactBytes) {
    output.erase(0, sent_);
    sent_ = 0;
  }
  return Progress::blocked;
}

void AsioConnection::grow_input(std::size_t received_total) {
  if (received_total <= kStrangerBytesMax || input_.size() >= kInputBytesMax) return;
  input_.resize(kInputBytesMax);
}

}  // namespace dynakv

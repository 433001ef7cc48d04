#include "bench/floor_connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace dynakv::bench {
namespace {

constexpr std::size_t kInputBytes = 64U << 10;     // Holds some hundred frames of 100 B values.
constexpr std::size_t kCompactBytes = 256U << 10;  // Sent bytes kept before the rest is moved.

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

int listen_on_loopback(std::uint16_t* port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  floor_require(fd >= 0, "socket");
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  floor_require(::bind(fd, generic, size) == 0, "bind");
  floor_require(::listen(fd, SOMAXCONN) == 0, "listen");
  floor_require(::getsockname(fd, generic, &size) == 0, "getsockname");
  *port = ntohs(address.sin_port);
  return fd;
}

int connect_to_loopback(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  floor_require(fd >= 0, "socket");
  sockaddr_in address = loopback(port);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  floor_require(::connect(fd, generic, sizeof(address)) == 0, "connect");
  return fd;
}

FloorConnection::FloorConnection(std::uint32_t id, int fd) : id_(id), fd_(fd), input_(kInputBytes) {
  const int flags = ::fcntl(fd_, F_GETFL);
  floor_require(flags >= 0 && ::fcntl(fd_, F_SETFL, flags | O_NONBLOCK) == 0, "fcntl");
  const int on = 1;
  floor_require(::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0, "nodelay");
}

FloorConnection::~FloorConnection() { ::close(fd_); }

bool FloorConnection::receive() {
  if (input_begin_ > 0) {
    std::memmove(input_.data(), input_.data() + input_begin_, input_end_ - input_begin_);
    input_end_ -= input_begin_;
    input_begin_ = 0;
  }
  const ssize_t got = ::recv(fd_, input_.data() + input_end_, input_.size() - input_end_, 0);
  if (got > 0) {
    input_end_ += static_cast<std::size_t>(got);
    return true;
  }
  return got < 0 && (errno == EAGAIN || errno == EINTR);
}

bool FloorConnection::next_frame(FloorFrame* frame) {
  const std::string_view rest(input_.data() + input_begin_, input_end_ - input_begin_);
  const std::size_t size = frame_size(rest);
  if (size == 0) return false;
  if (size > rest.size()) {
    // The caller goes back to receive(), so no view into the old storage is in use.
    if (size > input_.size()) input_.resize(size);
    return false;
  }
  *frame = decode_frame(rest.substr(0, size));
  input_begin_ += size;
  return true;
}

bool FloorConnection::flush() {
  if (sent_ == released_) return true;
  const ssize_t put = ::send(fd_, output_.data() + sent_, released_ - sent_, MSG_NOSIGNAL);
  if (put < 0) return errno == EAGAIN || errno == EINTR;
  sent_ += static_cast<std::size_t>(put);
  drop_sent();
  return true;
}

void FloorConnection::drop_sent() {
  if (sent_ != output_.size() && sent_ < kCompactBytes) return;
  output_.erase(0, sent_);
  released_ -= sent_;
  marked_ -= std::min(marked_, sent_);
  sent_ = 0;
}

}  // namespace dynakv::bench

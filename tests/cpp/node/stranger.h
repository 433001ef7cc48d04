// A plain socket that speaks to a node in frames, for tests that want to say what no client says.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>

#include "dynakv/adapters/wire_codec.h"
#include "tests/cpp/node/test_cluster.h"

namespace dynakv {

/// A blocking socket to a node, and what it says in frames.
class Stranger {
 public:
  explicit Stranger(const std::string& address) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    target.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&target), sizeof(target)), 0);
    reader_.accept(Sender::member);
  }
  ~Stranger() { ::close(socket_); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  void send(BytesView bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // closed by the node, which is what it should do
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void send(const Message& message) {
    Bytes frame;
    ASSERT_TRUE(encode_message(message, frame));
    send(frame);
  }

  /// The next message; nothing when the node closes first, or says nothing for the time.
  std::optional<Message> receive() {
    for (;;) {
      auto message = reader_.next();
      if (!message.has_value()) return std::nullopt;
      if (message->has_value()) return std::move(**message);
      if (!read_some()) return std::nullopt;
    }
  }
  /// True when the node closes the connection within the time.
  bool is_closed() {
    while (read_some()) {
    }
    return closed_;
  }
  std::size_t bytes_received() const { return bytes_received_; }

 private:
  bool read_some() {
    pollfd one{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&one, 1, static_cast<int>(kTestTimeout.milliseconds())) != 1) return false;
    const ssize_t got = ::recv(socket_, buffer_, sizeof(buffer_), 0);
    closed_ = got <= 0;
    if (got <= 0) return false;
    bytes_received_ += static_cast<std::size_t>(got);
    reader_.feed({buffer_, static_cast<std::size_t>(got)});
    return true;
  }

  int socket_;
  FrameReader reader_;
  char buffer_[4096];
  bool closed_ = false;
  std::size_t bytes_received_ = 0;
};

}  // namespace dynakv

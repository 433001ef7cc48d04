// Addresses as text, "host:port" and "[v6]:port", and as the system wants them.
#pragma once

#include <cstdint>
#include <string>
#include <asio/ip/tcp.hpp>

#include "dynakv/base/result.h"

namespace dynakv {

struct HostPort {
  /// Without brackets.
  std::string host;
  std::uint16_t port = 0;
};

/// Errors: invalid_argument.
Result<HostPort> parse_host_port(const std::string& address);

/// The inverse: brackets around an IPv6 address.
std::string to_address(const asio::ip::tcp::endpoint& endpoint);

}  // namespace dynakv

#include "dynakv/adapters/asio_address.h"

#include <charconv>

#include "dynakv/adapters/asio_transport.h"

namespace dynakv {

Result<HostPort> parse_host_port(const std::string& address) {
  const auto malformed = [&] {
    return fail(ErrorCode::invalid_argument, "\"" + printable(address) +
                                                 "\" is not an address; write host:port, "
                                                 "for example 127.0.0.1:7400 or [::1]:7400");
  };
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return malformed();
  std::string host = address.substr(0, colon);
  if (host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return malformed();
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return malformed();
  }
  HostPort parsed{std::move(host), 0};
  const char* first = address.data() + colon + 1;
  const char* last = address.data() + address.size();
  const auto [end, error] = std::from_chars(first, last, parsed.port);
  if (error != std::errc() || end != last || first == last) return malformed();
  return parsed;
}

std::string to_address(const asio::ip::tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + host + "]:" + port : host + ":" + port;
}

Status validate_address(const std::string& address) {
  const auto parsed = parse_host_port(address);
  if (!parsed) return fail(parsed.error());
  return {};
}

}  // namespace dynakv

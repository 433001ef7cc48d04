#include "dynakv/base/types.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace dynakv {

std::string to_string(const NodeId& id) {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx",
                static_cast<unsigned long long>(id.high), static_cast<unsigned long long>(id.low));
  return {text.data(), 32};
}

std::optional<NodeId> parse_node_id(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  NodeId id;
  const auto parse = [](std::string_view part, std::uint64_t& number) {
    const auto [end, error] = std::from_chars(part.begin(), part.end(), number, 16);
    return error == std::errc{} && end == part.end();
  };
  if (!parse(text.substr(0, 16), id.high) || !parse(text.substr(16), id.low)) return std::nullopt;
  return id;
}

}  // namespace dynakv

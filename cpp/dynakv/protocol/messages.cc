#include "dynakv/protocol/messages.h"

#include <type_traits>
#include <variant>

namespace dynakv {

Body::Body() = default;
Body::Body(const Body&) = default;
Body::Body(Body&&) noexcept = default;
Body& Body::operator=(const Body&) = default;
Body& Body::operator=(Body&&) noexcept = default;
Body::~Body() = default;

const LayoutStamp* stamp_of(const Body& body) {
  return std::visit(
      [](const auto& message) -> const LayoutStamp* {
        if constexpr (requires { message.envelope; }) {
          return &message.envelope.layout;
        } else if constexpr (requires {
                               requires std::is_same_v<decltype(message.layout), LayoutStamp>;
                             }) {
          return &message.layout;
        } else {
          return nullptr;
        }
      },
      body);
}

}  // namespace dynakv

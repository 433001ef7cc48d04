#include "dynakv/protocol/effect_queue.h"

#include <type_traits>

namespace dynakv {
namespace {

std::size_t body_bytes(const Body& body) {
  return std::visit(
      []<typename T>(const T& message) -> std::size_t {
        if constexpr (std::is_same_v<T, WriteRequest>) {
          return message.value.size() + message.head.key.size();
        } else if constexpr (std::is_same_v<T, ReplicaPut>) {
          return message.object.size() + message.key.size();
        } else if constexpr (std::is_same_v<T, GetReply> || std::is_same_v<T, ErrorReply> ||
                             std::is_same_v<T, ReplicaGetReply>) {
          return message.object.size();
        } else if constexpr (std::is_same_v<T, LayoutReply>) {
          return message.layout.size();
        } else {
          return 0;
        }
      },
      body);
}

}  // namespace

std::size_t effect_bytes(const Effect& effect) {
  const auto* send = std::get_if<Send>(&effect);
  return send == nullptr ? 0 : body_bytes(send->message.body);
}

}  // namespace dynakv

// The vocabulary of identifiers (DESIGN §2), each a type of its own, so that none can be mistaken
// for another.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace dynakv {

/// The plain number behind a strong identifier.
template <typename Enum>
requires std::is_enum_v<Enum>
constexpr auto to_number(Enum value) { return static_cast<std::underlying_type_t<Enum>>(value); }

/// 128 random bits that name one data directory of one node (or one client). They are drawn once,
/// when the directory is formatted. A name and an address are only attributes; the id is the
/// identity.
struct NodeId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const NodeId&) const = default;
  bool is_nil() const { return high == 0 && low == 0; }
};

/// 32 hexadecimal digits.
std::string to_string(const NodeId& id);

/// The inverse of to_string; nothing when the text is not 32 hexadecimal digits.
std::optional<NodeId> parse_node_id(std::string_view text);

/// 64 random bits that name one counter: one (node, slot) during one uninterrupted life.
enum class ActorId : std::uint64_t {};

/// A point on the ring of 2^64 points.
enum class Token : std::uint64_t {};

/// One of kSlotCount equal arcs of the ring: the unit of placement, transfer and comparison.
enum class Slot : std::uint16_t {};

/// The name of a request between its sender and its receiver, chosen by the sender.
enum class RequestId : std::uint64_t {};

/// Versions of the layout grow by one with each committed change; 0 is "no layout yet".
enum class LayoutVersion : std::uint64_t {};

inline constexpr int kSlotBits = 14;
inline constexpr std::size_t kSlotCount = std::size_t{1} << kSlotBits;

constexpr Slot slot_of(Token token) {
  return static_cast<Slot>(to_number(token) >> (64 - kSlotBits));
}

/// The first token of a slot's arc.
constexpr Token first_token(Slot slot) {
  return static_cast<Token>(static_cast<std::uint64_t>(to_number(slot)) << (64 - kSlotBits));
}

}  // namespace dynakv

template <>
struct std::hash<dynakv::NodeId> {
  std::size_t operator()(const dynakv::NodeId& id) const noexcept {
    return static_cast<std::size_t>(id.high ^ (id.low * 0x9e3779b97f4a7c15ULL));
  }
};

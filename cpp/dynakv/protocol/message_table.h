// The table of messages: all that there is to know of each, but for its fields.
//
// Everything that treats messages alike reads it: the variant of all messages, the codec, the check
// of the sender, the answer to a message that does not fit into a frame. A new message is a struct
// in protocol/messages.h, its fields in protocol/message_fields.h, a row here, and the machine that
// handles it.
//
// Invariant: a number is never used again for something else.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace dynakv {

/// What a receiver knows of the other side of a connection.
enum class Sender : std::uint8_t {
  /// It has not said Hello, or its Hello was not accepted yet.
  stranger = 1,
  client = 2,
  /// A node, of the layout or not.
  node = 4,
  /// A node of the layout.
  member = 8,
};

/// Sets of senders.
namespace senders {
inline constexpr std::uint8_t members = 8;
inline constexpr std::uint8_t nodes = members | 4;
inline constexpr std::uint8_t clients_and_nodes = nodes | 2;
inline constexpr std::uint8_t anybody = clients_and_nodes | 1;
}  // namespace senders

/// What becomes of a message that is larger than a frame.
enum class TooLarge : std::uint8_t {
  /// Other limits keep it far below; if not, it is dropped and counted.
  fits,
  /// The sender is told, as if the receiver had answered with an error.
  fails_request,
  fails_replica_request,
  /// The receiver, which waits for it, gets an error instead.
  becomes_error_reply,
  becomes_replica_error,
};

// clang-format off
/// X(message, its number, who may send it, what becomes of one that is larger than a frame)
#define DYNAKV_MESSAGES(X)                                                    \
  X(Hello,            1, anybody,           fits)                             \
  X(Refusal,          2, anybody,           fits)                             \
  X(GetRequest,      16, clients_and_nodes, fails_request)                    \
  X(GetReply,        17, nodes,             becomes_error_reply)              \
  X(WriteRequest,    18, clients_and_nodes, fails_request)                    \
  X(WriteReply,      19, nodes,             becomes_error_reply)              \
  X(ErrorReply,      20, nodes,             becomes_error_reply)              \
  X(ReplicaGet,      32, members,           fails_replica_request)            \
  X(ReplicaGetReply, 33, nodes,             becomes_replica_error)            \
  X(ReplicaPut,      34, members,           fails_replica_request)            \
  X(ReplicaPutReply, 35, nodes,             becomes_replica_error)            \
  X(ReplicaError,    36, nodes,             fits)                             \
  X(HintPut,         37, members,           fails_replica_request)            \
  X(HintGet,         38, members,           fails_replica_request)            \
  X(RecoveryRequest, 39, members,           fails_replica_request)            \
  X(RecoveryPage,    40, nodes,             becomes_replica_error)            \
  X(LayoutRequest,   48, clients_and_nodes, fits)                             \
  X(LayoutReply,     49, nodes,             fits)                             \
  X(StatusRequest,   50, clients_and_nodes, fits)                             \
  X(StatusReply,     51, nodes,             fits)                             \
  X(GossipDigest,    64, nodes,             fits)                             \
  X(GossipDelta,     65, nodes,             fits)
// clang-format on

#define DYNAKV_DECLARE_MESSAGE(type, number, who, too_large) struct type;
DYNAKV_MESSAGES(DYNAKV_DECLARE_MESSAGE)
#undef DYNAKV_DECLARE_MESSAGE

struct MessageRow {
  std::string_view name;
  std::uint8_t number = 0;
  std::uint8_t senders = 0;
  TooLarge too_large = TooLarge::fits;

  constexpr bool may_come_from(Sender sender) const {
    return (senders & static_cast<std::uint8_t>(sender)) != 0;
  }
};

/// In the order of Body's types.
inline constexpr std::array kMessageRows = {
#define DYNAKV_MESSAGE_ROW(type, number, who, too_large) \
  MessageRow{#type, number, senders::who, TooLarge::too_large},
    DYNAKV_MESSAGES(DYNAKV_MESSAGE_ROW)
#undef DYNAKV_MESSAGE_ROW
};

namespace detail {
constexpr std::array<const MessageRow*, 256> rows_by_number() {
  std::array<const MessageRow*, 256> rows{};
  for (const MessageRow& row : kMessageRows) {
    if (rows[row.number] != nullptr) throw "two messages have one number";
    rows[row.number] = &row;
  }
  return rows;
}
inline constexpr std::array<const MessageRow*, 256> kRowsByNumber = rows_by_number();
}  // namespace detail

/// Null when no message has this number.
constexpr const MessageRow* find_message(std::uint8_t number) {
  return detail::kRowsByNumber[number];
}

}  // namespace dynakv

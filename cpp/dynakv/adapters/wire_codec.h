// Messages as frames on the wire, and back.
//
//   frame   := header body
//   header  := magic:u32 version:u8 type:u8 flags:u16 id:u64 length:u32 crc:u32     (24 bytes)
//   magic   := 'D' 'K' 'V' '1'
//   version := kWireVersion
//   type    := the number of the message (protocol/message_table.h)
//   flags   := 0
//   id      := Message::id
//   length  := the number of bytes in the body
//   crc     := CRC-32C of the 20 bytes before it and of the body
//   body    := the message's fields (protocol/message_fields.h)
//
// Numbers are little-endian.
//
// Invariant 1: the whole header is checked before a byte of the body is read, and the length before
// any memory is set aside for the body; so is whether the other side may send such a message.
// Invariant 2: a frame is exactly one message: a body with a byte too many or too few is refused.
// Invariant 3: decoding a frame and encoding the message again gives the same bytes. After an error
// nothing more can be read: the connection ends. Source: DESIGN §9; I23, I26, I27.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dynakv/base/bytes.h"
#include "dynakv/base/result.h"
#include "dynakv/protocol/messages.h"
#include "dynakv/protocol/options.h"

namespace dynakv {

inline constexpr std::uint8_t kWireVersion = 1;
/// Appends the message's frame to `out`. False, with `out` as it was, when its body would be
/// longer than kFrameBodyBytesMax: no receiver would take it. REQUIRES: names, keys and values
/// within their own bounds; receivers refuse anything longer as malformed.
[[nodiscard]] bool encode_message(const Message& message, Bytes& out);

/// Takes a connection's bytes as they arrive, however they are split, and gives its messages.
class FrameReader {
 public:
  FrameReader() = default;

  /// The other side was a stranger until now, whose frames are small (I26).
  void accept(Sender sender) {
    sender_ = sender;
    body_bytes_max_ = kFrameBodyBytesMax;
  }

  /// Gives the next bytes. They are not copied: they must stay valid until next() has returned
  /// nothing or an error. REQUIRES: next() has returned nothing since the last feed().
  void feed(BytesView bytes) { input_ = bytes; }

  /// The next complete message; nothing when more bytes are needed. Errors: protocol,
  /// version_mismatch; then nothing more can be read.
  Result<std::optional<Message>> next();

  /// Bytes kept for a frame that is not complete yet.
  std::size_t kept_bytes() const { return rest_.size(); }

 private:
  bool fill_rest(std::size_t size);

  Sender sender_ = Sender::stranger;
  std::size_t body_bytes_max_ = kFirstFrameBodyBytesMax;
  /// The beginning of a frame whose end has not come; less than one frame.
  Bytes rest_;
  BytesView input_;
};

}  // namespace dynakv

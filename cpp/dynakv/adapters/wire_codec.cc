#include "dynakv/adapters/wire_codec.h"

#include <array>
#include <string>
#include <utility>
#include <variant>

#include "dynakv/adapters/wire_archive.h"
#include "dynakv/adapters/wire_messages.h"
#include "dynakv/base/hash.h"

namespace dynakv {
namespace {

constexpr std::uint32_t kMagic = 0x31564b44;  // "DKV1"
constexpr std::size_t kCrcOffset = 20;
constexpr std::size_t kLengthOffset = 16;
/// Storage of a finished frame larger than this goes back to the system.
constexpr std::size_t kKeptCapacityMax = 64u << 10;

using Load = void (*)(WireInput&, Body&);

template <typename T>
void load_body(WireInput& in, Body& body) {
  in(body.emplace<T>());
}

/// By number; null where no message has it.
constexpr std::array<Load, 256> make_loaders() {
  std::array<Load, 256> loaders{};
#define DYNAKV_LOADER(type, number, who, too_large) loaders[number] = &load_body<type>;
  DYNAKV_MESSAGES(DYNAKV_LOADER)
#undef DYNAKV_LOADER
  return loaders;
}
constexpr std::array<Load, 256> kLoaders = make_loaders();

template <typename T>
T read_number(const char* at) {
  T value = 0;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

struct Header {
  std::uint8_t type = 0;
  RequestId id{};
  std::size_t length = 0;
  std::uint32_t crc = 0;
};

/// REQUIRES: bytes.size() >= kFrameHeaderBytes.
Result<Header> read_header(BytesView bytes, Sender sender, std::size_t body_bytes_max) {
  const char* at = bytes.data();
  if (read_number<std::uint32_t>(at) != kMagic) {
    return fail(ErrorCode::protocol, "the other side does not speak DynaKV's protocol");
  }
  const auto version = read_number<std::uint8_t>(at + 4);
  if (version != kWireVersion) {
    return fail(ErrorCode::version_mismatch, "the other side speaks protocol version " +
                                                 std::to_string(version) + ", this side " +
                                                 std::to_string(kWireVersion));
  }
  Header header;
  header.type = read_number<std::uint8_t>(at + 5);
  const MessageRow* row = find_message(header.type);
  if (row == nullptr) {
    return fail(ErrorCode::protocol, "unknown message type " + std::to_string(header.type));
  }
  if (!row->may_come_from(sender)) {
    const bool is_stranger = sender == Sender::stranger;
    return fail(ErrorCode::protocol,
                std::string(row->name) + (is_stranger ? " comes before Hello was accepted"
                                                      : " is sent by nodes, not by clients"));
  }
  if (read_number<std::uint16_t>(at + 6) != 0) {
    return fail(ErrorCode::protocol, "unknown flags in a frame");
  }
  header.id = static_cast<RequestId>(read_number<std::uint64_t>(at + 8));
  header.length = read_number<std::uint32_t>(at + kLengthOffset);
  if (header.length > body_bytes_max) {
    return fail(ErrorCode::protocol, "a frame of " + std::to_string(header.length) +
                                         " bytes; at most " + std::to_string(body_bytes_max) +
                                         " are taken");
  }
  header.crc = read_number<std::uint32_t>(at + kCrcOffset);
  return header;
}

/// REQUIRES: `frame` is a whole frame with this header.
Result<std::optional<Message>> read_message(const Header& header, BytesView frame) {
  // One object from here to the caller: moving a message costs as much as decoding a small one.
  Result<std::optional<Message>> result{std::optional<Message>()};
  const BytesView body = frame.substr(kFrameHeaderBytes);
  if (crc32c(body, crc32c(frame.substr(0, kCrcOffset))) != header.crc) {
    result = fail(ErrorCode::protocol, "a frame's checksum is wrong");
    return result;
  }
  // Building an archive costs more than decoding a small message.
  thread_local WireInput in;
  in.set_input(body);
  Message& message = result->emplace();
  message.id = header.id;
  kLoaders[header.type](in, message.body);
  if (!in.reader().finished()) {
    result = fail(ErrorCode::protocol,
                  "a message of type " + std::to_string(header.type) + " is malformed");
  }
  return result;
}

}  // namespace

bool encode_message(const Message& message, Bytes& out) {
  const std::size_t start = out.size();
  thread_local WireOutput archive;
  archive.set_buffer(&out);
  archive.fixed(kMagic);
  archive.fixed(kWireVersion);
  archive.fixed(row_of(message.body).number);
  archive.fixed(std::uint16_t{0});
  archive.fixed(to_number(message.id));
  archive.fixed(std::uint64_t{0});  // length and crc, known at the end
  std::visit([&](const auto& body) { archive(body); }, message.body);
  archive.flush();
  const std::size_t length = out.size() - start - kFrameHeaderBytes;
  if (length > kFrameBodyBytesMax) {
    out.resize(start);
    return false;
  }
  const auto length32 = static_cast<std::uint32_t>(length);
  std::memcpy(out.data() + start + kLengthOffset, &length32, sizeof(length32));
  const BytesView frame = BytesView(out).substr(start);
  const std::uint32_t crc =
      crc32c(frame.substr(kFrameHeaderBytes), crc32c(frame.substr(0, kCrcOffset)));
  std::memcpy(out.data() + start + kCrcOffset, &crc, sizeof(crc));
  return true;
}

bool FrameReader::fill_rest(std::size_t size) {
  if (rest_.size() >= size) return true;
  const BytesView taken = input_.substr(0, size - rest_.size());
  rest_.append(taken);
  input_.remove_prefix(taken.size());
  return rest_.size() == size;
}

Result<std::optional<Message>> FrameReader::next() {
  if (rest_.empty() && input_.size() >= kFrameHeaderBytes) {
    const auto header = read_header(input_, sender_, body_bytes_max_);
    if (!header) return fail(header.error());
    const std::size_t size = kFrameHeaderBytes + header->length;
    if (input_.size() >= size) {
      const BytesView frame = input_.substr(0, size);
      input_.remove_prefix(size);
      return read_message(*header, frame);
    }
  }
  if (!fill_rest(kFrameHeaderBytes)) return std::optional<Message>();
  const auto header = read_header(rest_, sender_, body_bytes_max_);
  if (!header) return fail(header.error());
  if (!fill_rest(kFrameHeaderBytes + header->length)) return std::optional<Message>();
  auto message = read_message(*header, rest_);
  rest_.clear();
  if (rest_.capacity() > kKeptCapacityMax) rest_.shrink_to_fit();
  return message;
}

}  // namespace dynakv

#include "dynakv/adapters/wire_codec.h"

#include <array>
#include <string>
#include <utility>
#include <variant>

#include "dynakv/adapters/wire_archive.h"
#include "dynakv/adapters/wire_messages.h"
#include "dynakv/base/check.h"
#include "dynakv/base/hash.h"

namespace dynakv {
namespace {

constexpr std::uint32_t kMagic = 0x31564b44;  // "DKV1"
constexpr std::size_t kCrcOffset = 20;
constexpr std::size_t kLengthOffset = 16;
/// Storage of a finished frame larger than this goes back to the system.
constexpr std::size_t kKeptCapacityMax = 64u << 10;

/// Each message's number on the wire. Numbers are never used again for something else.
template <typename Body>
struct WireType;
// clang-format off
template <> struct WireType<Hello>           { static constexpr std::uint8_t number = 1; };
template <> struct WireType<Refusal>         { static constexpr std::uint8_t number = 2; };
template <> struct WireType<GetRequest>      { static constexpr std::uint8_t number = 16; };
template <> struct WireType<GetReply>        { static constexpr std::uint8_t number = 17; };
template <> struct WireType<WriteRequest>    { static constexpr std::uint8_t number = 18; };
template <> struct WireType<WriteReply>      { static constexpr std::uint8_t number = 19; };
template <> struct WireType<ErrorReply>      { static constexpr std::uint8_t number = 20; };
template <> struct WireType<ReplicaGet>      { static constexpr std::uint8_t number = 32; };
template <> struct WireType<ReplicaGetReply> { static constexpr std::uint8_t number = 33; };
template <> struct WireType<ReplicaPut>      { static constexpr std::uint8_t number = 34; };
template <> struct WireType<ReplicaPutReply> { static constexpr std::uint8_t number = 35; };
template <> struct WireType<ReplicaError>    { static constexpr std::uint8_t number = 36; };
template <> struct WireType<HintPut>         { static constexpr std::uint8_t number = 37; };
template <> struct WireType<HintGet>         { static constexpr std::uint8_t number = 38; };
template <> struct WireType<RecoveryRequest> { static constexpr std::uint8_t number = 39; };
template <> struct WireType<RecoveryPage>    { static constexpr std::uint8_t number = 40; };
template <> struct WireType<LayoutRequest>   { static constexpr std::uint8_t number = 48; };
template <> struct WireType<LayoutReply>     { static constexpr std::uint8_t number = 49; };
template <> struct WireType<StatusRequest>   { static constexpr std::uint8_t number = 50; };
template <> struct WireType<StatusReply>     { static constexpr std::uint8_t number = 51; };
template <> struct WireType<GossipDigest>    { static constexpr std::uint8_t number = 64; };
template <> struct WireType<GossipDelta>     { static constexpr std::uint8_t number = 65; };
// clang-format on

using Load = void (*)(WireInput&, Body&);

template <typename T>
void load_body(WireInput& in, Body& body) {
  in(body.emplace<T>());
}

template <std::size_t... I>
constexpr std::array<Load, 256> make_loaders(std::index_sequence<I...>) {
  std::array<Load, 256> loaders{};
  ((loaders[WireType<std::variant_alternative_t<I, Body>>::number] =
        &load_body<std::variant_alternative_t<I, Body>>),
   ...);
  return loaders;
}

constexpr std::array<Load, 256> kLoaders =
    make_loaders(std::make_index_sequence<std::variant_size_v<Body>>{});

template <std::size_t... I>
constexpr bool numbers_differ(std::index_sequence<I...>) {
  std::array<int, 256> uses{};
  (++uses[WireType<std::variant_alternative_t<I, Body>>::number], ...);
  for (const int count : uses) {
    if (count > 1) return false;
  }
  return true;
}
static_assert(numbers_differ(std::make_index_sequence<std::variant_size_v<Body>>{}));

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
Result<Header> read_header(BytesView bytes, std::size_t body_bytes_max) {
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
  if (kLoaders[header.type] == nullptr) {
    return fail(ErrorCode::protocol, "unknown message type " + std::to_string(header.type));
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
  std::visit(
      [&]<typename T>(const T& body) {
        archive.fixed(kMagic);
        archive.fixed(kWireVersion);
        archive.fixed(WireType<T>::number);
        archive.fixed(std::uint16_t{0});
        archive.fixed(to_number(message.id));
        archive.fixed(std::uint64_t{0});  // length and crc, known at the end
        archive(body);
      },
      message.body);
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
    const auto header = read_header(input_, body_bytes_max_);
    if (!header) return fail(header.error());
    const std::size_t size = kFrameHeaderBytes + header->length;
    if (input_.size() >= size) {
      const BytesView frame = input_.substr(0, size);
      input_.remove_prefix(size);
      return read_message(*header, frame);
    }
  }
  if (!fill_rest(kFrameHeaderBytes)) return std::optional<Message>();
  const auto header = read_header(rest_, body_bytes_max_);
  if (!header) return fail(header.error());
  if (!fill_rest(kFrameHeaderBytes + header->length)) return std::optional<Message>();
  auto message = read_message(*header, rest_);
  rest_.clear();
  if (rest_.capacity() > kKeptCapacityMax) rest_.shrink_to_fit();
  return message;
}

}  // namespace dynakv

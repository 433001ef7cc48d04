#include "dynakv/domain/object_format.h"

#include <utility>

namespace dynakv {
namespace {

constexpr std::uint8_t kFormatVersion = 1;
constexpr std::uint8_t kFlagDeleted = 1;
constexpr std::uint8_t kFlagExpires = 2;
constexpr std::size_t kDotBytesMin = 9;       // actor, one byte of counter
constexpr std::size_t kSiblingBytesMin = 28;  // dot, flags, written_at, write_id, two empty strings

void encode_dots(const std::vector<Dot>& dots, ByteWriter& out) {
  out.varint(dots.size());
  for (const Dot& dot : dots) {
    out.fixed(to_number(dot.actor));
    out.varint(dot.counter);
  }
}

Dot decode_dot(ByteReader& in) {
  const auto actor = static_cast<ActorId>(in.fixed<std::uint64_t>());
  const std::uint64_t counter = in.varint();
  if (counter == 0) in.refuse();
  return {actor, counter};
}

Sibling decode_sibling(ByteReader& in) {
  Sibling sibling;
  sibling.dot = decode_dot(in);
  const auto flags = in.fixed<std::uint8_t>();
  if (flags > (kFlagDeleted | kFlagExpires)) in.refuse();
  sibling.deleted = (flags & kFlagDeleted) != 0;
  sibling.payload.written_at.packed = in.fixed<std::uint64_t>();
  if ((flags & kFlagExpires) != 0) {
    sibling.payload.expires_at_ms = static_cast<std::int64_t>(in.fixed<std::uint64_t>());
    if (sibling.payload.expires_at_ms == 0) in.refuse();
  }
  sibling.payload.write_id = in.fixed<std::uint64_t>();
  sibling.payload.content_type = Bytes(in.string());
  sibling.payload.value = Bytes(in.string());
  return sibling;
}

tl::unexpected<Error> malformed() {
  return fail(ErrorCode::corruption, "the encoded object is malformed");
}

}  // namespace

void encode_context(const Context& context, ByteWriter& out) {
  encode_dots(context.vector().entries(), out);
  encode_dots(context.isolated(), out);
}

Context decode_context(ByteReader& in) {
  Context context;
  std::size_t count = in.count(kDotBytesMin);
  ActorId previous{};
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const Dot dot = decode_dot(in);
    if (i > 0 && dot.actor <= previous) in.refuse();
    previous = dot.actor;
    context.advance(dot);
  }
  count = in.count(kDotBytesMin);
  Dot last;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const Dot dot = decode_dot(in);
    if (i > 0 && dot <= last) in.refuse();
    last = dot;
    context.add_isolated(dot);
    // Refused at once: work on a malformed context must not grow faster than its length.
    if (context.isolated().size() != i + 1) in.refuse();
  }
  return context;
}

Bytes encode_object(const Object& object) {
  std::size_t bytes = 64 + 18 * object.context().vector().entries().size();
  for (const Sibling& sibling : object.siblings()) bytes += 64 + sibling.payload.value.size();
  Bytes encoded;
  encoded.reserve(bytes);
  ByteWriter out(encoded);
  out.fixed(kFormatVersion);
  out.fixed(static_cast<std::uint8_t>(object.kind()));
  encode_context(object.context(), out);
  out.varint(object.siblings().size());
  for (const Sibling& sibling : object.siblings()) {
    const Payload& payload = sibling.payload;
    out.fixed(to_number(sibling.dot.actor));
    out.varint(sibling.dot.counter);
    const bool expires = payload.expires_at_ms != 0;
    out.fixed(static_cast<std::uint8_t>((sibling.deleted ? kFlagDeleted : 0) |
                                        (expires ? kFlagExpires : 0)));
    out.fixed(payload.written_at.packed);
    if (expires) out.fixed(static_cast<std::uint64_t>(payload.expires_at_ms));
    out.fixed(payload.write_id);
    out.string(payload.content_type);
    out.string(payload.value);
  }
  return encoded;
}

Result<Object> decode_object(BytesView bytes) {
  ByteReader in(bytes);
  if (in.fixed<std::uint8_t>() != kFormatVersion) return malformed();
  const auto kind = in.fixed<std::uint8_t>();
  if (kind > static_cast<std::uint8_t>(ObjectKind::last_write_wins)) return malformed();
  Context context = decode_context(in);
  const std::size_t count = in.count(kSiblingBytesMin);
  std::vector<Sibling> siblings;
  siblings.reserve(count);
  for (std::size_t i = 0; i < count && in.ok(); ++i) siblings.push_back(decode_sibling(in));
  if (!in.finished()) return malformed();
  auto object =
      Object::from_parts(static_cast<ObjectKind>(kind), std::move(context), std::move(siblings));
  if (!object) return malformed();
  return std::move(*object);
}

Result<Context> decode_object_context(BytesView bytes) {
  ByteReader in(bytes);
  if (in.fixed<std::uint8_t>() != kFormatVersion) return malformed();
  if (in.fixed<std::uint8_t>() > static_cast<std::uint8_t>(ObjectKind::last_write_wins)) {
    return malformed();
  }
  Context context = decode_context(in);
  if (!in.ok()) return malformed();
  return context;
}

}  // namespace dynakv

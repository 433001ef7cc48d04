#include "dynakv/protocol/store_keys.h"

#include <concepts>

#include "dynakv/base/check.h"
#include "dynakv/domain/bucket.h"

namespace dynakv {
namespace {

template <std::unsigned_integral T>
void append_big_endian(Bytes& out, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((value >> shift) & 0xff));
  }
}

std::uint64_t read_big_endian(BytesView bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

constexpr std::size_t kOwnerBytes = 16;

Bytes node_key(BytesView prefix, const NodeId& node) {
  Bytes out(prefix);
  append_big_endian(out, node.high);
  append_big_endian(out, node.low);
  return out;
}

}  // namespace

Bytes object_key(const KeyRef& key) {
  DYNAKV_CHECK(key.bucket.size() <= kBucketNameBytesMax);
  Bytes out;
  out.reserve(11 + key.bucket.size() + key.key.size());
  append_big_endian(out, to_number(key.slot()));
  append_big_endian(out, static_cast<std::uint8_t>(key.bucket.size()));
  out.append(key.bucket);
  append_big_endian(out, to_number(key.token));
  out.append(key.key);
  return out;
}

Bytes hint_key(const NodeId& owner, BytesView object) {
  Bytes out;
  out.reserve(kOwnerBytes + object.size());
  append_big_endian(out, owner.high);
  append_big_endian(out, owner.low);
  out.append(object);
  return out;
}

Bytes end_of_hints(const NodeId& owner) {
  NodeId next = owner;
  if (++next.low == 0 && ++next.high == 0) return {};
  return hint_key(next, {});
}

std::optional<ObjectKeyParts> parse_object_key(BytesView bytes) {
  constexpr std::size_t kBeforeBucket = sizeof(std::uint16_t) + 1;
  if (bytes.size() < kBeforeBucket) return std::nullopt;
  ObjectKeyParts parts;
  const std::uint64_t slot = read_big_endian(bytes.substr(0, sizeof(std::uint16_t)));
  if (slot >= kSlotCount) return std::nullopt;
  parts.slot = static_cast<Slot>(slot);
  const auto bucket_bytes = static_cast<std::uint8_t>(bytes[kBeforeBucket - 1]);
  const std::size_t before_key = kBeforeBucket + bucket_bytes + sizeof(std::uint64_t);
  if (bytes.size() < before_key) return std::nullopt;
  parts.bucket = bytes.substr(kBeforeBucket, bucket_bytes);
  parts.key = bytes.substr(before_key);
  return parts;
}

Bytes begin_of_slot(std::uint32_t slot) {
  Bytes out;
  append_big_endian(out, static_cast<std::uint16_t>(slot));
  return out;
}

std::optional<HintKeyParts> parse_hint_key(BytesView bytes) {
  if (bytes.size() < kOwnerBytes) return std::nullopt;
  const auto object = parse_object_key(bytes.substr(kOwnerBytes));
  if (!object) return std::nullopt;
  return HintKeyParts{{read_big_endian(bytes.substr(0, 8)), read_big_endian(bytes.substr(8, 8))},
                      object->bucket,
                      object->key};
}

Bytes actor_journal_key(std::uint64_t place) {
  Bytes out(kActorPrefix);
  append_big_endian(out, static_cast<std::uint16_t>(place));
  return out;
}

Bytes peer_key(const NodeId& peer) { return node_key(kPeerPrefix, peer); }
Bytes member_key(const NodeId& member) { return node_key(kMemberPrefix, member); }

Bytes end_of_prefix(BytesView prefix) {
  DYNAKV_CHECK(!prefix.empty() && prefix.back() != '\xff');
  Bytes out(prefix);
  ++out.back();
  return out;
}

}  // namespace dynakv

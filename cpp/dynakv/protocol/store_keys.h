// The keys of the store's spaces. Numbers in keys are big-endian, so that byte order is number
// order.
//
//   objects    := object_key
//   hints      := owner:2*u64 object_key
//   node_state := "identity"
//               | "progress"
//               | "layout"
//               | "actor/" place:u16
//               | "peer/" id:2*u64
//               | "member/" id:2*u64
//
//   object_key := slot:u16 bucket_length:u8 bucket token:u64 key
//
// So a slot is one contiguous range, and a bucket is one range within each slot (DESIGN §8).
#pragma once

#include <optional>

#include "dynakv/base/bytes.h"
#include "dynakv/base/types.h"
#include "dynakv/domain/key_ref.h"

namespace dynakv {

inline constexpr BytesView kIdentityKey = "identity";
inline constexpr BytesView kProgressKey = "progress";
inline constexpr BytesView kLayoutKey = "layout";
inline constexpr BytesView kActorPrefix = "actor/";
inline constexpr BytesView kPeerPrefix = "peer/";
inline constexpr BytesView kMemberPrefix = "member/";

/// REQUIRES: the bucket's name is not longer than kBucketNameBytesMax.
Bytes object_key(const KeyRef& key);

struct ObjectKeyParts {
  Slot slot{};
  BytesView bucket;
  BytesView key;
};
/// Nothing when the bytes are no object_key().
std::optional<ObjectKeyParts> parse_object_key(BytesView bytes);
/// The first key that an object of the slot can have. For kSlotCount: a key behind all objects.
Bytes begin_of_slot(std::uint32_t slot);

/// `object` is an object_key(), or empty for the prefix of all hints of the owner.
Bytes hint_key(const NodeId& owner, BytesView object);
/// The first key behind every hint of the owner; empty = the end of the space.
Bytes end_of_hints(const NodeId& owner);

struct HintKeyParts {
  NodeId owner;
  BytesView bucket;
  BytesView key;
};
/// Nothing when the bytes are no hint_key() of an object.
std::optional<HintKeyParts> parse_hint_key(BytesView bytes);

/// A place of the actors' journal (ActorTable).
Bytes actor_journal_key(std::uint64_t place);
Bytes peer_key(const NodeId& peer);
Bytes member_key(const NodeId& member);

/// The first key behind every key that starts with `prefix`. REQUIRES: its last byte is not 0xff.
Bytes end_of_prefix(BytesView prefix);

}  // namespace dynakv

// The keys of the store's spaces. Numbers in keys are big-endian, so that byte order is number
// order.
//
//   objects     slot:u16 bucket_length:u8 bucket token:u64 key
//               a slot is one contiguous range, a bucket one range within each slot (DESIGN §8)
//   node_state  "identity" | "progress" | "layout" | "actor/" place:u16 | "peer/" id:2*u64
//               | "member/" id:2*u64
#pragma once

#include "dynakv/base/bytes.h"
#include "dynakv/base/types.h"

namespace dynakv {

inline constexpr BytesView kIdentityKey = "identity";
inline constexpr BytesView kProgressKey = "progress";
inline constexpr BytesView kLayoutKey = "layout";
inline constexpr BytesView kActorPrefix = "actor/";
inline constexpr BytesView kPeerPrefix = "peer/";
inline constexpr BytesView kMemberPrefix = "member/";

/// REQUIRES: the bucket's name is not longer than kBucketNameBytesMax.
Bytes object_key(BytesView bucket, BytesView key, Token token);

/// A place of the actors' journal (ActorTable).
Bytes actor_journal_key(std::uint64_t place);
Bytes peer_key(const NodeId& peer);
Bytes member_key(const NodeId& member);

/// The first key behind every key that starts with `prefix`. REQUIRES: its last byte is not 0xff.
Bytes end_of_prefix(BytesView prefix);

}  // namespace dynakv

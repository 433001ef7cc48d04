// ContextToken: a context as users hold it: bound to the (bucket, key) that it was read from.
//
// Actors count for a whole slot, so a context of another key would cover events it never saw
// (DESIGN §4). As bytes it can be stored anywhere; what comes back damaged is refused.
#pragma once

#include <cstdint>

#include "dynakv/base/bytes.h"
#include "dynakv/base/result.h"
#include "dynakv/domain/context.h"

namespace dynakv {

struct ContextToken {
  Context context;
  /// context_scope() of the bucket and key.
  std::uint64_t scope = 0;

  bool operator==(const ContextToken&) const = default;
};

/// token  := 0xdc version:u8(1) scope:u64 context crc32c:u32       context: object_format.h
/// crc32c := CRC-32C of all bytes before it
Bytes encode_token(const ContextToken& token);

/// Errors: context_mismatch for bytes that are cut short, damaged, or no token.
Result<ContextToken> decode_token(BytesView bytes);

/// Errors: context_mismatch when the token is of another key than the one with this scope.
Status check_key(const ContextToken& token, std::uint64_t scope);

/// Errors: context_mismatch when the two are of different keys.
Status check_same_key(const ContextToken& a, const ContextToken& b);

}  // namespace dynakv

// A key of a bucket together with its hash. A request hashes its key once, where it comes in, and
// hands this on.
#pragma once

#include "dynakv/base/bytes.h"
#include "dynakv/base/hash.h"
#include "dynakv/base/types.h"

namespace dynakv {

/// A view: the bytes belong to the request, which must outlive it.
struct KeyRef {
  KeyRef(BytesView bucket_name, BytesView key_bytes)
      : KeyRef(bucket_name, key_bytes, token_of_key(key_bytes)) {}
  /// REQUIRES: `hash` is token_of_key(key_bytes).
  KeyRef(BytesView bucket_name, BytesView key_bytes, Token hash)
      : bucket(bucket_name), key(key_bytes), token(hash) {}

  Slot slot() const { return slot_of(token); }

  BytesView bucket;
  BytesView key;
  Token token;
};

}  // namespace dynakv

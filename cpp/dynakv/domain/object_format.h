// The byte form of contexts and objects: on disk, in replica messages and under digests alike, so
// that an object is encoded once for all of them. Equal objects have equal bytes (I6).
//
//   object   := version:u8(1) kind:u8 context siblings:varint sibling*
//   context  := entries:varint (actor:u64 counter:varint)*  isolated:varint (actor:u64
//   counter:varint)* sibling  := actor:u64 counter:varint flags:u8 written_at:u64
//   [expires_at_ms:u64] write_id:u64
//               content_type:string value:string
//   flags    := 1 deleted | 2 expires_at_ms follows
//   string   := length:varint byte*          fixed numbers are little-endian
//
// Decoding is total and strict: a wrong order, a longer number than needed, an unknown flag or a
// byte too many is refused, never repaired.
#pragma once

#include "dynakv/base/byte_io.h"
#include "dynakv/base/result.h"
#include "dynakv/domain/object.h"

namespace dynakv {

void encode_context(const Context& context, ByteWriter& out);
/// Marks the reader bad when the context is not in canonical form.
Context decode_context(ByteReader& in);

Bytes encode_object(const Object& object);
/// Errors: corruption.
Result<Object> decode_object(BytesView bytes);

/// Reads only the context of an encoded object. Errors: corruption.
Result<Context> decode_object_context(BytesView bytes);

}  // namespace dynakv

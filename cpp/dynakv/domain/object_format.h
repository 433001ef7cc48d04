// The byte form of contexts and objects. Disks, replica messages and digests share it, so that an
// object is encoded once for all of them. Equal objects have equal bytes (I6).
//
//   object  := version:u8(1) kind:u8 context count:varint sibling*
//   context := count:varint dot*          the version vector, in order of the actors
//              count:varint dot*          the isolated dots, in order
//   dot     := actor:u64 counter:varint
//   sibling := dot flags:u8 written_at:u64 [expires_at_ms:u64] write_id:u64
//              content_type:string value:string
//   flags   := 1 deleted | 2 expires_at_ms is there
//   string  := length:varint byte*
//
// A count says how many dots or siblings follow it. Numbers of fixed width are little-endian.
//
// Decoding is total and strict: a wrong order, a number longer than needed, an unknown flag or a
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

// How any object that arrives is taken in: read, join, write, never an overwrite (DESIGN §4).
// Replica puts, hints that come home and repairs all go through here.
#pragma once

#include "dynakv/base/bytes.h"
#include "dynakv/base/result.h"
#include "dynakv/domain/context.h"
#include "dynakv/domain/object.h"

namespace dynakv {

class ActorTable;
class ObjectTable;

/// Joins an encoded object into this node's copy, with the current step; returns the context of
/// what it holds afterwards. Errors: corruption, storage, invalid_argument (another kind).
Result<Context> merge_object(ObjectTable& objects, ActorTable& actors, BytesView bucket,
                             BytesView key, ObjectKind kind, BytesView encoded);

}  // namespace dynakv

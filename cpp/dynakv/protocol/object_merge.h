// How every object that arrives is merged: read, join, write, and never overwrite (DESIGN §4).
// Replica puts, hints that come home and repairs all go through here.
#pragma once

#include "dynakv/base/bytes.h"
#include "dynakv/base/result.h"
#include "dynakv/domain/context.h"
#include "dynakv/domain/object.h"

namespace dynakv {

class ActorTable;
class ObjectTable;

/// Joins an encoded object into this node's copy, with the current step. Returns the context of the
/// copy afterwards. Errors: corruption, storage, invalid_argument (another kind).
Result<Context> merge_object(ObjectTable& objects, ActorTable& actors, BytesView bucket,
                             BytesView key, ObjectKind kind, BytesView encoded);

}  // namespace dynakv

// What a reader may see of an object: the same at every door.
//
// Invariant: expired values and a register's deletion are never shown; siblings of one write, and
// siblings with equal contents, are shown once (DESIGN §4, I13).
#pragma once

#include <vector>

#include "dynakv/base/bytes.h"
#include "dynakv/base/time.h"
#include "dynakv/domain/context.h"
#include "dynakv/domain/object.h"

namespace dynakv {

/// A value for a reader. `covers` holds its dot and those of its copies.
struct ShownSibling {
  const Sibling* sibling = nullptr;
  Context covers;
};

/// The values that a reader may see at `wall`; they point into `object`.
std::vector<ShownSibling> shown_siblings(const Object& object, WallTime wall);

/// The value, if a reader may see exactly one: the cheap way to what most reads want.
const Bytes* only_value(const Object& object, WallTime wall);

}  // namespace dynakv

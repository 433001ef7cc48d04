// What the operating system can say about where a node runs: the evidence that a node's data
// directory is the one it left. Without that proof the node mints new actors (DESIGN §4, Identity).
//
// The place is the machine's id together with the device and inode of the data directory and of a
// marker file in it. A copy, a restored backup or a moved disk differs in at least one of them,
// except a copy that replaced the content of both in place, and an image of the whole disk that
// runs on a machine with the same id; peers catch those (I4, B6).
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string>

#include "dynakv/base/result.h"
#include "dynakv/protocol/node_core.h"

namespace dynakv {

/// The marker file's name in the data directory.
inline constexpr char kPlaceFileName[] = "PLACE";

/// Creates `directory` and the marker in it when they are missing (a new marker is a new place),
/// and reads the evidence. Errors: storage.
Result<StartEvidence> system_evidence(const std::string& directory);

/// 64 random bits from the kernel, to seed Random; blocks until the kernel has gathered enough.
std::uint64_t system_random_seed();

}  // namespace dynakv

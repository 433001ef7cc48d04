// Buckets: named groups of keys with one set of properties.
//
// The properties are part of the layout, so every node has the same ones. A bucket that the layout
// does not name has the cluster's defaults.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dynakv/base/bytes.h"
#include "dynakv/base/result.h"
#include "dynakv/domain/object.h"
#include "dynakv/domain/quorum.h"

namespace dynakv {

/// Property names and values as text, as users write them: {"n": "3", "conflict": "lww"}.
using PropertyList = std::vector<std::pair<std::string, std::string>>;

/// Whether nodes that stand in for owners count towards R and W (DESIGN §6). A bucket's own mode is
/// never bucket_default.
enum class QuorumMode : std::uint8_t { bucket_default = 0, strict = 1, sloppy = 2 };

/// When a read updates owners that answered with less (Dynamo §5): never, after the reply, or
/// before it. "Before" updates enough owners that later reads cannot go back in time (I11).
enum class ReadRepair : std::uint8_t { bucket_default = 0, off = 1, background = 2, blocking = 3 };

struct BucketProperties {
  /// Copies of each key, in nodes; Dynamo's usual (N, R, W) is (3, 2, 2), §4.5.
  int n = 3;
  QuorumSize r = QuorumSize::count(2);
  QuorumSize w = QuorumSize::count(2);
  ObjectKind kind = ObjectKind::siblings;
  QuorumMode mode = QuorumMode::sloppy;
  ReadRepair read_repair = ReadRepair::background;

  bool operator==(const BucketProperties&) const = default;
};

inline constexpr int kReplicasMax = 7;
inline constexpr std::size_t kBucketNameBytesMax = 255;
inline constexpr BytesView kDefaultBucket = "default";

/// `base` with the named properties changed: n, r, w, conflict ("siblings" or "lww"), quorum
/// ("sloppy" or "strict"), read_repair ("off", "background" or "blocking").
/// Errors: invalid_argument for an unknown name or a value that does not fit.
Result<BucketProperties> apply_properties(BucketProperties base, const PropertyList& changes);

/// Errors: invalid_argument when N, R and W do not fit each other or `member_count` nodes.
Status validate(const BucketProperties& properties, std::size_t member_count);

PropertyList to_property_list(const BucketProperties& properties);

/// Errors: invalid_argument for an empty or too long name.
Status validate_bucket_name(BytesView name);

}  // namespace dynakv

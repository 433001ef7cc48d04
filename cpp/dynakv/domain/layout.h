// Layout: the versioned list of members, with capacities and zones, and the buckets' properties.
// The ring is a pure function of it (DESIGN §5).
//
// Invariants: 1. members are sorted by id, each id and each name once; 2. the digest covers every
// field that changes placement or semantics, but no addresses: a changed address does not matter.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dynakv/base/bytes.h"
#include "dynakv/base/hash.h"
#include "dynakv/base/result.h"
#include "dynakv/base/types.h"
#include "dynakv/domain/bucket.h"

namespace dynakv {

struct Member {
  NodeId id;
  std::string name;
  /// "host:port"
  std::string address;
  /// `datacenter/rack`
  std::string zone = "dc1/r1";
  /// Share of the data relative to the others, in percent: 100 = one ordinary node.
  std::uint32_t capacity_percent = 100;

  bool operator==(const Member&) const = default;
};

inline constexpr std::size_t kMemberCountMax = 4096;
inline constexpr std::uint32_t kCapacityPercentMax = 1600;
inline constexpr std::size_t kNameBytesMax = 255;

struct Layout {
  LayoutVersion version{};
  /// Digest of the layout that this one was made from; zero for the first.
  Hash128 parent;
  /// Made at bootstrap; messages from another cluster are refused.
  NodeId cluster;
  std::vector<Member> members;
  BucketProperties defaults;
  std::map<Bytes, BucketProperties> buckets;

  const Member* find(const NodeId& id) const;
  const Member* find_by_name(const std::string& name) const;
  /// The bucket's own properties, or the defaults.
  const BucketProperties& properties_of(BytesView bucket) const;

  bool operator==(const Layout&) const = default;
};

/// A member's name, or its id when the layout does not know it. `layout` may be null.
std::string name_in(const Layout* layout, const NodeId& id);

/// What the operator says of a cluster that is to begin.
struct FirstCluster {
  /// Ids are nil where they are not known yet.
  std::vector<Member> members;
  BucketProperties defaults;
  std::map<Bytes, BucketProperties> buckets;
};

/// The first layout of a cluster. It sorts the members and makes the cluster id from their ids, so
/// that all first members compute the same layout on their own.
/// Errors: invalid_argument for no members, a name or id twice, a capacity out of range, or bucket
/// properties that do not fit the number of members.
Result<Layout> first_layout(std::vector<Member> members, BucketProperties defaults,
                            std::map<Bytes, BucketProperties> buckets);

Hash128 digest_of(const Layout& layout);

/// layout     := format:u8(2) version:u64 parent:2*u64 cluster:2*u64
///               count:varint member*
///               properties                              the defaults
///               count:varint bucket*
/// member     := id:2*u64 name:string address:string zone:string capacity_percent:u32
/// bucket     := name:string properties
/// properties := n:u8 r:u16 w:u16 kind:u8 mode:u8 read_repair:u8
/// string     := length:varint byte*
Bytes encode_layout(const Layout& layout);
/// Errors: corruption.
Result<Layout> decode_layout(BytesView bytes);

}  // namespace dynakv

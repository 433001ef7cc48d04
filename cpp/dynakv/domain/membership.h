// Membership: what one node knows of every other, as a value (DESIGN §7).
//
// A member's state is written only by the member itself, in versions (incarnation, version): the
// incarnation counts the starts of its data directory, the version its heartbeats since. A merge
// keeps, for each id, the greatest state in the order (incarnation, version, bytes). So merging the
// same states in any order, any number of times, gives the same membership (I16), and a late
// message from an old life changes nothing (B38). A removed id has the greatest incarnation there
// is.
//
// A heartbeat is smaller than a state: it says that a member's state, unchanged since version
// `changed`, is still true at a higher version.
//
// Invariant 1: an id that has left never returns (B37). Invariant 2: a name belongs to one id: to
// the layout's member of that name, else to the smallest id that has not left. States of other ids
// are kept, so that the order of messages does not matter, but is_refused() says so. Invariant 3:
// at most kMemberCountMax ids are known; further ones are dropped and counted.
//
// Source: van Renesse et al., "Efficient reconciliation and flow control for anti-entropy
// protocols" (scuttlebutt), 2008.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "dynakv/base/bytes.h"
#include "dynakv/base/flat_map.h"
#include "dynakv/base/result.h"
#include "dynakv/base/types.h"
#include "dynakv/domain/layout.h"

namespace dynakv {

/// The incarnation of an id that was removed: no later life can be greater.
inline constexpr std::uint64_t kLeftIncarnation = std::numeric_limits<std::uint64_t>::max();
/// No directory is started this often. A greater incarnation is an error or an attack, and would
/// shut out the true member for ever (B39).
inline constexpr std::uint64_t kIncarnationMax = std::uint64_t{1} << 48;

/// A line of a digest, or a heartbeat. `changed` matters only in a heartbeat.
struct MemberVersion {
  NodeId id;
  std::uint64_t incarnation = 0;
  std::uint64_t version = 0;
  /// The version since which the rest of the state is as it is now.
  std::uint64_t changed = 0;

  bool operator==(const MemberVersion&) const = default;
  bool is_newer_than(const MemberVersion& other) const {
    if (incarnation != other.incarnation) return incarnation > other.incarnation;
    return version > other.version;
  }
};

/// One version of what a member says of itself.
struct MemberState {
  MemberVersion at;
  Bytes name;
  /// "host:port"
  Bytes address;
  /// It may coordinate writes.
  bool ready = false;
  bool disk_full = false;
  LayoutVersion layout{};
  /// Its copies do not count in R until it has recovered what it lost.
  bool recovering = false;
  /// The directory of its data: another one under the same id took its place (protocol/rejoin.h).
  NodeId directory;

  bool operator==(const MemberState&) const = default;
  bool has_left() const { return at.incarnation == kLeftIncarnation; }
};

struct MembershipDelta {
  std::vector<MemberState> states;
  std::vector<MemberVersion> heartbeats;

  bool operator==(const MembershipDelta&) const = default;
};

class Membership {
 public:
  /// What a merge changed: ids with a newer version, and ids whose state is new as well.
  struct News {
    std::vector<NodeId> beating;
    std::vector<NodeId> changed;
  };

  /// Names of the layout's members belong to them.
  void set_layout(const Layout& layout);

  News merge(const std::vector<MemberState>& states) { return merge(MembershipDelta{states, {}}); }
  /// A heartbeat of an unknown life, or of a state that has changed since, changes nothing.
  News merge(const MembershipDelta& delta);

  /// A line for each known id, in their order.
  const std::vector<MemberVersion>& digest() const;
  /// What the sender of `digest` lacks. Lines out of order of their ids only cost bytes.
  MembershipDelta delta_for(const std::vector<MemberVersion>& digest) const;
  /// For each id that the sender of `digest` knows better, the line as it is here (zero: unknown).
  std::vector<MemberVersion> wanted_from(const std::vector<MemberVersion>& digest) const;
  /// What brings a node with these lines up to date.
  MembershipDelta answer_to(const std::vector<MemberVersion>& wanted) const;

  /// Removes the id for ever, whether it is known or not.
  News mark_left(const NodeId& id);

  const MemberState* find(const NodeId& id) const;
  /// True when the state's name belongs to another id.
  bool is_refused(const NodeId& id) const;
  /// The id that a name belongs to; nil when no id has it.
  NodeId owner_of(const Bytes& name) const;

  const FlatMap<NodeId, MemberState>& states() const { return states_; }
  std::uint64_t refused_count() const;
  std::uint64_t dropped_count() const { return dropped_count_; }

 private:
  void merge_state(const MemberState& state, News& news);
  /// `guess` is where it may be in the order of ids; returns where the next one may be.
  std::size_t merge_heartbeat(const MemberVersion& heartbeat, std::size_t guess, News& news);
  /// Null when no member of the layout has the name.
  const NodeId* layout_owner_of(const Bytes& name) const;
  void note_name(const MemberState& state);
  void forget_name(const MemberState& state);
  /// Adds to the delta what is newer here than `known` (null: nothing is known).
  void add_update(const MemberVersion& own, const MemberVersion* known,
                  MembershipDelta& delta) const;
  void follow_line(const MemberVersion& at);

  FlatMap<NodeId, MemberState> states_;
  /// The digest, in the order of states_. A cluster of a thousand nodes compares it three thousand
  /// times a second, while it rarely hears of a new member: then it is made anew when it is next
  /// needed.
  mutable std::vector<MemberVersion> lines_;
  mutable bool has_lines_ = true;
  /// In the order of the names.
  std::vector<std::pair<Bytes, NodeId>> layout_names_;
  /// Ids that have not left, by name: usually one for each name. Ids that have their names from the
  /// layout are left out.
  std::map<Bytes, std::set<NodeId>> ids_by_name_;
  std::uint64_t dropped_count_ = 0;
};

/// state         := format:u8(2) id:2*u64 incarnation:u64 version:u64 changed:u64
///                  name address flags:u8 layout:u64 directory:2*u64
/// name, address := length:varint byte*
/// flags         := 1 ready | 2 disk_full | 4 recovering
Bytes encode_member_state(const MemberState& state);
/// Errors: corruption.
Result<MemberState> decode_member_state(BytesView bytes);

}  // namespace dynakv

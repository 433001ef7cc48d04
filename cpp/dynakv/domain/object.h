// Object: what is stored under a key: a context and the siblings that are alive.
//
// A `siblings` object keeps every concurrent value, each under the explicit dot of the put that
// wrote it. A `register` object (bucket policy `lww`) keeps one value or one deletion: the one with
// the highest (timestamp, dot).
//
// Invariants: 1. siblings are sorted by dot, each dot once; 2. every sibling's dot is covered by
// the context; 3. join is commutative, associative, idempotent, and equal objects have equal bytes
// (I6); 4. no operation but put makes a dot (I4). An object without siblings is a tombstone.
// Source: DESIGN §4; [DVV]. Departs from Dynamo §4.4: dots instead of plain vector clocks, so two
// clients that read and write in turn never make more than two siblings (I8, B9).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dynakv/base/bytes.h"
#include "dynakv/domain/context.h"
#include "dynakv/domain/hybrid_clock.h"

namespace dynakv {

/// One value as its writer gave it.
struct Payload {
  Bytes value;
  Bytes content_type;
  HybridTime written_at;
  /// Calendar milliseconds after which the value is gone; 0 = never.
  std::int64_t expires_at_ms = 0;
  /// Chosen by the client, the same in each try of one request: siblings that share it are copies
  /// of one write and are shown once (I13). 0 = none.
  std::uint64_t write_id = 0;

  bool operator==(const Payload&) const = default;
};

struct Sibling {
  Dot dot;
  Payload payload;
  /// Only in a register: this "value" is a deletion.
  bool deleted = false;

  bool operator==(const Sibling&) const = default;
};

enum class ObjectKind : std::uint8_t { siblings = 0, last_write_wins = 1 };

class Object {
 public:
  explicit Object(ObjectKind kind = ObjectKind::siblings) : kind_(kind) {}

  /// Rebuilds a decoded object. Nothing when an invariant of the type does not hold.
  static std::optional<Object> from_parts(ObjectKind kind, Context context,
                                          std::vector<Sibling> siblings);

  /// A put that had seen `seen`: drops the siblings that `seen` covers and adds the new one.
  /// REQUIRES: `dot` is fresh and the highest of its actor, here and in `seen`. When a client knows
  /// more of the actor than this node does, a new actor is minted first (DESIGN §4).
  void put(const Context& seen, const Dot& dot, Payload payload);

  /// A delete that had seen `seen`: what it had not seen survives (observed-remove). This is also
  /// right for an absent key, since its values may arrive later. REQUIRES: kind is siblings.
  void remove(const Context& seen);

  /// A register's deletion is a write with a timestamp and a dot. REQUIRES: last_write_wins.
  void put_deletion(const Dot& dot, HybridTime at, std::uint64_t write_id);

  /// The least upper bound of both. REQUIRES: the same kind.
  void join(const Object& other);

  /// Drops the values that have expired and keeps their dots in the context, so that they cannot
  /// come back (B20). An expired register becomes a deletion with the same stamp and dot. Returns
  /// how many values were dropped.
  std::size_t expire(WallTime wall);

  ObjectKind kind() const { return kind_; }
  const Context& context() const { return context_; }
  /// Includes a register's deletion; see `live_count`.
  const std::vector<Sibling>& siblings() const { return siblings_; }
  /// How many values a reader would be shown.
  std::size_t live_count() const;
  /// True when the key was never written: there is no context and no sibling.
  bool is_absent() const { return context_.empty() && siblings_.empty(); }

  bool operator==(const Object&) const = default;

 private:
  void join_siblings(const Object& other);
  void join_register(const Object& other);

  ObjectKind kind_;
  Context context_;
  std::vector<Sibling> siblings_;
};

/// The context that a put's or delete's reply carries: what the request had seen (`seen`), plus its
/// own dot, never what it had not seen. `before` and `after` are the object at the coordinator. If
/// `seen` covered every sibling of `before`, then `after` holds nothing unread, and its (shorter)
/// context is returned.
Context reply_context(const Context& seen, std::optional<Dot> dot, const Object& before,
                      const Object& after);

}  // namespace dynakv

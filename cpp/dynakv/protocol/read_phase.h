// What the owners of one key have answered so far, and the join of it: the pure half of a quorum
// read.
//
// One full object comes from the nearest copy, digests from the others; an owner whose digest
// equals that of a full object has said all it knows, and an owner whose digest differs is asked
// for its object. Only owners that are resolved in this way count towards R (Dynamo §4.5; as in
// Riak's pure get core).
//
// A fallback may be asked for the hints that it keeps. A hint counts as an answer; having none does
// not (B34).
//
// Invariant 1: the joined object is the join of every full object that was answered.
// Invariant 2: an owner counts once (I9), and an error never counts as "not found" (I20).
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "dynakv/base/hash.h"
#include "dynakv/base/result.h"
#include "dynakv/domain/object.h"
#include "dynakv/domain/quorum.h"
#include "dynakv/protocol/messages.h"

namespace dynakv {

/// The digest of an object's byte form; zero for a key that was never written (empty bytes).
Hash128 digest_of_object(BytesView encoded);

class ReadPhase {
 public:
  ReadPhase() = default;
  ReadPhase(ObjectKind kind, int required, std::vector<NodeId> owners);

  /// Asks a fallback as well. REQUIRES: it is not asked yet, and is no owner.
  void ask_fallback(const NodeId& node);
  bool is_asked(const NodeId& node) const { return tally_.is_asked(node); }

  /// The owner may lack what it once acknowledged. What it has is joined, but it counts neither
  /// towards R nor as "not found" (I15).
  void set_incomplete(const NodeId& owner);
  bool is_incomplete(const NodeId& owner) const;

  /// Takes an answer, and notes what it brought. True when the node's full object is needed.
  [[nodiscard]] bool add_reply(Now now, const NodeId& from, ReplicaGetReply reply,
                               Explainer& explain);
  /// The same for the copy of this very node; false when it cannot be read.
  bool add_local(Now now, const NodeId& self, Result<Bytes> encoded, Explainer& explain);

  /// An owner's full object in its byte form (empty = never written). Errors: corruption; the
  /// owner then counts as failed.
  Status add_object(const NodeId& owner, Bytes encoded);

  /// An owner's digest. True when its full object is needed.
  [[nodiscard]] bool add_digest(const NodeId& owner, const Hash128& digest);

  void add_failure(const NodeId& owner, ErrorCode code);

  QuorumState state() const { return tally_.state(); }
  const QuorumTally& tally() const { return tally_; }
  const std::vector<NodeError>& errors() const { return errors_; }

  const Object& joined() const { return joined_; }
  /// The joined object as it is stored; empty when no owner has ever seen a write of the key.
  Bytes joined_encoded() const;
  bool all_owners_answered() const;
  /// R was met by owners alone.
  bool is_strict() const;
  /// Owners and fallbacks whose answers are in the join.
  std::vector<NodeId> owners_answered() const;
  std::vector<NodeId> fallbacks_answered() const;
  /// Owners that have not answered and have not failed.
  std::vector<NodeId> owners_pending() const;
  /// Owners whose answer was less than this; `digest` is that of the joined object.
  std::vector<NodeId> owners_behind(const Hash128& digest) const;
  /// Owners whose digest differs and whose object has not come yet: less, more, or something else.
  std::vector<NodeId> owners_differing() const;
  /// All answers were the same, so no owner can be behind.
  bool is_unanimous() const { return known_digests_.size() <= 1 && waiting_.empty(); }
  /// The joined object in its byte form, without expired values; empty when no owner has ever seen
  /// a write of the key.
  Bytes encoded(WallTime wall) const;

 private:
  /// How a copy compares with the join so far: for a copy that is not in it yet, and for a digest
  /// that equals that of a known object.
  CopyKind compare(BytesView encoded) const;
  CopyKind compare(const Hash128& digest) const;
  bool is_known(const Hash128& digest) const;
  bool is_owner(const NodeId& node) const;
  void add_answer(const NodeId& owner, const Hash128& digest);
  void resolve_waiting();

  QuorumTally tally_;
  Object joined_;
  /// The full object, while all that came are equal: saves encoding it again.
  Bytes only_encoded_;
  std::vector<Hash128> known_digests_;
  std::map<NodeId, Hash128> waiting_;
  /// What each resolved owner has.
  std::vector<std::pair<NodeId, Hash128>> answers_;
  std::size_t owner_count_ = 0;
  std::vector<NodeError> errors_;
  std::vector<NodeId> incomplete_;
};

}  // namespace dynakv

#include "dynakv/protocol/read_phase.h"

#include <algorithm>
#include <utility>

#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {

Hash128 digest_of_object(BytesView encoded) {
  return encoded.empty() ? Hash128{} : hash128(encoded);
}

ReadPhase::ReadPhase(ObjectKind kind, int required, std::vector<NodeId> owners)
    : tally_(required, std::move(owners)), joined_(kind), owner_count_(tally_.asked().size()) {}

void ReadPhase::ask_fallback(const NodeId& node) { tally_.ask(node); }

bool ReadPhase::is_owner(const NodeId& node) const {
  const auto end = tally_.asked().begin() + static_cast<std::ptrdiff_t>(owner_count_);
  return std::find(tally_.asked().begin(), end, node) != end;
}

void ReadPhase::set_incomplete(const NodeId& owner) {
  if (!is_incomplete(owner)) incomplete_.push_back(owner);
}

bool ReadPhase::is_incomplete(const NodeId& owner) const {
  return std::find(incomplete_.begin(), incomplete_.end(), owner) != incomplete_.end();
}

void ReadPhase::add_answer(const NodeId& owner, const Hash128& digest) {
  if (is_incomplete(owner)) {
    sometimes(Sometimes::amnesic_copy_not_counted);
    if (tally_.add_failure(owner)) errors_.push_back({owner, ErrorCode::not_ready});
    return;
  }
  // An owner whose copy changed meanwhile may answer with a second digest.
  if (!tally_.add_success(owner)) return;
  if (is_owner(owner)) answers_.emplace_back(owner, digest);
}

bool ReadPhase::is_known(const Hash128& digest) const {
  return std::find(known_digests_.begin(), known_digests_.end(), digest) != known_digests_.end();
}

Status ReadPhase::add_object(const NodeId& owner, Bytes encoded) {
  if (!tally_.is_pending(owner)) return {};
  if (encoded.empty() && !is_owner(owner) && !canary(Canary::fallback_not_found_counts)) {
    tally_.add_failure(owner);
    return {};
  }
  const Hash128 digest = digest_of_object(encoded);
  if (!is_known(digest)) {
    if (!encoded.empty()) {
      auto object = decode_object(encoded);
      if (!object || object->kind() != joined_.kind()) {
        add_failure(owner, ErrorCode::corruption);
        return fail(ErrorCode::corruption, "an owner answered with a malformed object");
      }
      joined_.join(*object);
    }
    known_digests_.push_back(digest);
    only_encoded_ = known_digests_.size() == 1 ? std::move(encoded) : Bytes{};
  }
  waiting_.erase(owner);
  add_answer(owner, digest);
  resolve_waiting();
  return {};
}

CopyKind ReadPhase::compare(BytesView encoded) const {
  if (encoded.empty()) return CopyKind::empty;
  const auto copy = decode_object(encoded);
  if (!copy || copy->kind() != joined_.kind()) return CopyKind::none;
  if (joined_.is_absent()) return CopyKind::first;
  Object both = joined_;
  both.join(*copy);
  if (both == joined_) return both == *copy ? CopyKind::equal : CopyKind::behind;
  return both == *copy ? CopyKind::ahead : CopyKind::beside;
}

CopyKind ReadPhase::compare(const Hash128& digest) const {
  // A copy that is joined already can only equal the join or be a part of it.
  return digest == digest_of_object(joined_encoded()) ? CopyKind::equal : CopyKind::behind;
}

bool ReadPhase::add_reply(Now now, const NodeId& from, ReplicaGetReply reply, Explainer& explain) {
  if (reply.is_incomplete) set_incomplete(from);
  if (!reply.object.empty() || reply.digest == Hash128{}) {
    const CopyKind copy = explain.is_on() ? compare(reply.object) : CopyKind::none;
    // A malformed object already counts as that owner's failure.
    const bool is_good = add_object(from, std::move(reply.object)).has_value();
    explain.note(now.steady, is_good ? ExplainKind::answered : ExplainKind::failed, from, copy);
    return false;
  }
  if (add_digest(from, reply.digest)) {
    explain.note(now.steady, ExplainKind::digest_differs, from);
    return true;
  }
  const CopyKind copy = explain.is_on() ? compare(reply.digest) : CopyKind::none;
  explain.note(now.steady, ExplainKind::digest_equal, from, copy);
  return false;
}

bool ReadPhase::add_local(Now now, const NodeId& self, Result<Bytes> encoded, Explainer& explain) {
  CopyKind copy = CopyKind::none;
  bool is_good = false;
  if (encoded) {
    if (explain.is_on()) copy = compare(*encoded);
    is_good = add_object(self, std::move(*encoded)).has_value();
  } else {
    add_failure(self, encoded.error().code);
  }
  explain.note(now.steady, is_good ? ExplainKind::answered : ExplainKind::failed, self, copy);
  return is_good;
}

bool ReadPhase::add_digest(const NodeId& owner, const Hash128& digest) {
  if (!tally_.is_pending(owner)) return false;
  if (is_known(digest)) {
    add_answer(owner, digest);
    return false;
  }
  waiting_[owner] = digest;
  return true;
}

void ReadPhase::add_failure(const NodeId& owner, ErrorCode code) {
  if (canary(Canary::error_counts_as_answer)) {
    tally_.add_success(owner);
    return;
  }
  if (!tally_.add_failure(owner)) return;
  waiting_.erase(owner);
  errors_.push_back({owner, code});
}

void ReadPhase::resolve_waiting() {
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    if (is_known(at->second)) {
      add_answer(at->first, at->second);
      at = waiting_.erase(at);
    } else {
      ++at;
    }
  }
}

Bytes ReadPhase::encoded(WallTime wall) const {
  if (joined_.is_absent()) return {};
  const auto& siblings = joined_.siblings();
  const bool may_expire = std::any_of(siblings.begin(), siblings.end(), [](const Sibling& sibling) {
    return sibling.payload.expires_at_ms != 0;
  });
  if (may_expire) {
    Object shown = joined_;
    shown.expire(wall);
    return encode_object(shown);
  }
  return joined_encoded();
}

Bytes ReadPhase::joined_encoded() const {
  if (joined_.is_absent()) return {};
  if (known_digests_.size() == 1) return only_encoded_;
  sometimes(Sometimes::read_joined_copies);
  return encode_object(joined_);
}

bool ReadPhase::all_owners_answered() const { return answers_.size() == owner_count_; }

bool ReadPhase::is_strict() const { return static_cast<int>(answers_.size()) >= tally_.required(); }

std::vector<NodeId> ReadPhase::owners_answered() const {
  std::vector<NodeId> nodes;
  nodes.reserve(answers_.size());
  for (const auto& [owner, digest] : answers_) nodes.push_back(owner);
  return nodes;
}

std::vector<NodeId> ReadPhase::fallbacks_answered() const {
  std::vector<NodeId> nodes;
  if (tally_.asked().size() == owner_count_) return nodes;
  for (const NodeId& node : tally_.succeeded()) {
    if (!is_owner(node)) nodes.push_back(node);
  }
  return nodes;
}

std::vector<NodeId> ReadPhase::owners_pending() const {
  std::vector<NodeId> nodes;
  for (std::size_t i = 0; i < owner_count_; ++i) {
    if (tally_.is_pending(tally_.asked()[i])) nodes.push_back(tally_.asked()[i]);
  }
  return nodes;
}

std::vector<NodeId> ReadPhase::owners_differing() const {
  std::vector<NodeId> nodes;
  for (const auto& [node, digest] : waiting_) {
    if (is_owner(node)) nodes.push_back(node);
  }
  return nodes;
}

std::vector<NodeId> ReadPhase::owners_behind(const Hash128& digest) const {
  std::vector<NodeId> nodes;
  for (const auto& [owner, answered] : answers_) {
    if (answered != digest) nodes.push_back(owner);
  }
  return nodes;
}

}  // namespace dynakv

#include "dynakv/protocol/replica.h"

#include <utility>

#include "dynakv/base/canary.h"
#include "dynakv/base/sometimes.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/read_phase.h"

namespace dynakv {
namespace {

ReplicaError stale_layout() {
  return {Error{ErrorCode::stale_layout, "the sender's layout is not this node's"}};
}

}  // namespace

void Replica::handle_message(Now, const NodeId& from, RequestId id, const ReplicaGet& get,
                             Outbox& out) {
  if (get.layout != view_.version()) return out.send(from, id, stale_layout());
  auto encoded = objects_.load_encoded(get.bucket, get.key);
  sometimes(Sometimes::damaged_copy_answered_error, !encoded);
  if (!encoded) return out.send(from, id, ReplicaError{encoded.error()});
  ReplicaGetReply reply{digest_of_object(*encoded), {}};
  if (!get.digest_only) reply.object = std::move(*encoded);
  out.send(from, id, std::move(reply));
}

void Replica::handle_message(Now, const NodeId& from, RequestId id, const ReplicaPut& put,
                             Outbox& out) {
  if (put.layout != view_.version()) return out.send(from, id, stale_layout());
  const auto context = apply(put);
  if (!context) return out.send(from, id, ReplicaError{context.error()});
  identity_.note_peer_progress(from, put.progress);
  out.send(from, id, ReplicaPutReply{context->highest_counter_of(put.actor)});
}

Result<Context> Replica::apply(const ReplicaPut& put) {
  const Slot slot = slot_of(token_of_key(put.key));
  const ObjectKind kind = view_.layout().properties_of(put.bucket).kind;
  auto incoming = decode_object(put.object);
  if (!incoming) return fail(incoming.error());
  if (incoming->kind() != kind) {
    return fail(ErrorCode::invalid_argument, "the object is not of its bucket's conflict policy");
  }
  actors_.check_against(slot, incoming->context());

  auto local = objects_.load(put.bucket, put.key, kind);
  if (!local) return fail(local.error());
  if (local->is_absent()) {
    objects_.save_encoded(put.bucket, put.key, put.object);
    return incoming->context();
  }
  if (!canary(Canary::overwrite_not_join)) incoming->join(*local);
  sometimes(Sometimes::replica_joined_siblings, incoming->siblings().size() > 1);
  sometimes(Sometimes::replica_put_was_old, *incoming == *local);
  if (*incoming != *local) {
    objects_.save_encoded(put.bucket, put.key, encode_object(*incoming));
  }
  return incoming->context();
}

}  // namespace dynakv

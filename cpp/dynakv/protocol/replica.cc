#include "dynakv/protocol/replica.h"

#include <utility>

#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/read_phase.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {
namespace {

KeyRef key_of(const Envelope& envelope) { return {envelope.bucket, envelope.key}; }

}  // namespace

ObjectKind Replica::kind_of(const Envelope& envelope) const {
  return view_.layout().properties_of(envelope.bucket).kind;
}

MachineInputs Replica::inputs() const {
  return {
      .requests = {kKindOf<ReplicaGet>, kKindOf<ReplicaPut>, kKindOf<HintPut>, kKindOf<HintGet>}};
}

void Replica::handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) {
  dispatch(*this, now, {from, message}, out);
}

void Replica::add_to(Counters& counters) const {
  counters["hints_stored"] += hint_count_;
  counters["replica_gets"] += get_count_;
  counters["replica_puts"] += put_count_;
}

void Replica::handle_message(Now, const Origin& from, const ReplicaGet& get, Outbox& out) {
  ++get_count_;
  auto encoded = objects_.load_encoded(key_of(get.envelope));
  sometimes(Sometimes::damaged_copy_answered_error, !encoded);
  if (!encoded) return out.answer(from, ReplicaError{encoded.error()});
  ReplicaGetReply reply{digest_of_object(*encoded), {}, false};
  if (!get.digest_only) reply.object = std::move(*encoded);
  reply.is_incomplete = !identity_.copy_counts();
  out.answer(from, std::move(reply));
}

void Replica::handle_message(Now, const Origin& from, const ReplicaPut& put, Outbox& out) {
  ++put_count_;
  const auto context = objects_.merge(key_of(put.envelope), kind_of(put.envelope), put.object);
  if (!context) return out.answer(from, ReplicaError{context.error()});
  identity_.peers().note(from.node, put.progress);
  out.answer(from,
             ReplicaPutReply{context->highest_counter_of(put.actor), identity_.promise_step()});
}

void Replica::handle_message(Now now, const Origin& from, const HintPut& put, Outbox& out) {
  ++hint_count_;
  const auto object = decode_object(put.object);
  if (!object) return out.answer(from, ReplicaError{object.error()});
  if (const Status kept = hints_.keep(now, put.owner, key_of(put.envelope), *object); !kept) {
    return out.answer(from, ReplicaError{kept.error()});
  }
  identity_.peers().note(from.node, put.progress);
  out.answer(from, ReplicaPutReply{0, identity_.promise_step()});
}

void Replica::handle_message(Now, const Origin& from, const HintGet& get, Outbox& out) {
  const auto kept = hints_.find(get.owners, key_of(get.envelope), kind_of(get.envelope));
  if (!kept) return out.answer(from, ReplicaError{kept.error()});
  ReplicaGetReply reply;
  if (!kept->is_absent()) {
    reply.object = encode_object(*kept);
    reply.digest = digest_of_object(reply.object);
  }
  out.answer(from, std::move(reply));
}

}  // namespace dynakv

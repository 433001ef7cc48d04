#include "dynakv/protocol/object_merge.h"

#include "dynakv/base/canary.h"
#include "dynakv/base/hash.h"
#include "dynakv/base/sometimes.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/actor_table.h"
#include "dynakv/protocol/object_table.h"

namespace dynakv {

Result<Context> merge_object(ObjectTable& objects, ActorTable& actors, BytesView bucket,
                             BytesView key, ObjectKind kind, BytesView encoded) {
  auto incoming = decode_object(encoded);
  if (!incoming) return fail(incoming.error());
  if (incoming->kind() != kind) {
    return fail(ErrorCode::invalid_argument, "the object is not of its bucket's conflict policy");
  }
  actors.check_against(slot_of(token_of_key(key)), incoming->context());

  // A delete of an absent key by a writer that had seen nothing leaves no state.
  if (incoming->is_absent()) return incoming->context();
  auto local = objects.load(bucket, key, kind);
  if (!local) return fail(local.error());
  if (local->is_absent()) {
    objects.save_encoded(bucket, key, encoded);
    return incoming->context();
  }
  if (!canary(Canary::overwrite_not_join)) incoming->join(*local);
  if (canary(Canary::replica_counts_too) && *incoming != *local && !incoming->siblings().empty()) {
    const Payload payload = incoming->siblings().back().payload;
    const Dot again = actors.next_dot(slot_of(token_of_key(key)));
    incoming->put(incoming->context(), again, payload);
  }
  sometimes(Sometimes::replica_joined_siblings, incoming->siblings().size() > 1);
  sometimes(Sometimes::replica_put_was_old, *incoming == *local);
  if (*incoming != *local) objects.save_encoded(bucket, key, encode_object(*incoming));
  return incoming->context();
}

}  // namespace dynakv

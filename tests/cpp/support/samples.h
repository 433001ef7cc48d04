// Small values for domain tests: dots of few actors with low counters, so that random contexts
// meet, overlap and touch often, and objects that a real history can reach.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "dynakv/base/random.h"
#include "dynakv/domain/object.h"

namespace dynakv::test {

inline Dot dot(std::uint64_t actor, std::uint64_t counter) {
  return {static_cast<ActorId>(actor), counter};
}

inline Payload payload(Bytes value, std::uint64_t written_at = 0) {
  Payload result;
  result.value = std::move(value);
  result.written_at.packed = written_at;
  return result;
}

inline Context vector_context(std::initializer_list<Dot> entries) {
  Context context;
  for (const Dot& entry : entries) context.advance(entry);
  return context;
}

inline Context isolated_context(std::initializer_list<Dot> dots) {
  Context context;
  for (const Dot& each : dots) context.add_isolated(each);
  return context;
}

inline std::vector<Bytes> values_of(const Object& object) {
  std::vector<Bytes> values;
  for (const Sibling& sibling : object.siblings()) values.push_back(sibling.payload.value);
  std::sort(values.begin(), values.end());
  return values;
}

/// The payload of a dot is a function of the dot: one dot names one write (I4).
inline Payload payload_of(const Dot& name) {
  Payload result;
  result.value = Bytes(name.counter % 5, static_cast<char>('a' + to_number(name.actor) % 26));
  result.content_type = name.counter % 2 == 0 ? "text/plain" : "";
  result.written_at.packed = name.counter * 1000;
  result.expires_at_ms =
      name.counter % 3 == 0 ? 1'000 + static_cast<std::int64_t>(name.counter) : 0;
  result.write_id = to_number(name.actor) * 100 + name.counter;
  return result;
}

inline Context random_context(Random& random) {
  Context context;
  for (std::uint64_t actor = 1; actor <= 3; ++actor) {
    if (random.chance(1, 2)) context.advance(dot(actor, random.below(4)));
    for (std::uint64_t i = random.below(3); i > 0; --i) {
      context.add_isolated(dot(actor, 1 + random.below(7)));
    }
  }
  return context;
}

/// Any siblings object that satisfies the type's invariants.
inline Object random_object(Random& random) {
  Context context = random_context(random);
  std::vector<Sibling> siblings;
  for (std::uint64_t actor = 1; actor <= 3; ++actor) {
    for (std::uint64_t counter = 1; counter <= 7; ++counter) {
      const Dot name = dot(actor, counter);
      if (context.covers(name) && random.chance(1, 3)) {
        siblings.push_back({name, payload_of(name), false});
      }
    }
  }
  return *Object::from_parts(ObjectKind::siblings, std::move(context), std::move(siblings));
}

/// A register that has seen at most one write; few stamps, so that ties happen.
inline Object random_register(Random& random) {
  Object object(ObjectKind::last_write_wins);
  if (random.chance(1, 6)) return object;
  const Dot name = dot(1 + random.below(3), 1 + random.below(4));
  // Stamp and kind are functions of the dot, because the dot names one write.
  const std::uint64_t stamp = (to_number(name.actor) * 7 + name.counter * 3) % 4;
  if (name.counter == 4) {
    object.put_deletion(name, {stamp}, 9);
  } else {
    Payload value = payload_of(name);
    value.written_at.packed = stamp;
    object.put({}, name, std::move(value));
  }
  return object;
}

}  // namespace dynakv::test

#include <string>
#include <vector>

#include "dynakv/adapters/wire_codec.h"
#include "dynakv/base/hash.h"
#include "dynakv/base/random.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/domain/ring.h"
#include "bench/floor_wire.h"
#include "bench/rows.h"

namespace dynakv::bench {
namespace {

constexpr std::size_t kValueBytes = 100;
constexpr std::uint64_t kActors = 3;

Dot dot_of(std::uint64_t actor, std::uint64_t counter) {
  return {static_cast<ActorId>(0x1234'5678'9abc'def0u + actor), counter};
}

/// A context of three entries, and one value or one for each of them.
Object object_of(std::uint64_t siblings, std::uint64_t counter) {
  Object object;
  for (std::uint64_t actor = 0; actor < kActors; ++actor) {
    const Context seen = siblings == 1 ? object.context() : Context{};
    object.put(seen, dot_of(actor, counter), {.value = Bytes(kValueBytes, 'v')});
  }
  require(object.siblings().size() == siblings, "siblings of the object");
  return object;
}

RowPlan join_row(const BenchOptions& options, std::uint64_t siblings) {
  const std::uint64_t count = options.count(1'000'000);
  const std::string name = siblings == 1 ? "join_1" : "join_3";
  return {.name = name,
          .what = "join of two objects that differ in one write; 3 actors, siblings: " +
                  std::to_string(siblings),
          .store = [=](int) {
            const Object older = object_of(siblings, 100);
            Object newer = older;
            Context seen;
            seen.add_isolated(older.siblings().front().dot);
            newer.put(seen, dot_of(0, 101), {.value = Bytes(kValueBytes, 'w')});
            return measure(count, [&] {
              for (std::uint64_t i = 0; i < count; ++i) {
                Object joined = newer;
                joined.join(older);
                keep(joined);
              }
            });
          }};
}

void run_object_rows(Report& report) {
  const BenchOptions& options = report.options();
  report.run(join_row(options, 1));
  report.run(join_row(options, 3));
  const std::uint64_t count = options.count(3'000'000);
  const Object object = object_of(1, 100);
  const Bytes encoded = encode_object(object);
  report.run({.name = "object_encode", .what = "object of 100 B, 3 actors", .store = [&](int) {
                return measure(count, [&] {
                  for (std::uint64_t i = 0; i < count; ++i) keep(encode_object(object));
                });
              }});
  report.run({.name = "object_decode", .what = "the same", .store = [&](int) {
                return measure(count, [&] {
                  for (std::uint64_t i = 0; i < count; ++i) keep(decode_object(encoded));
                });
              }});
}

Layout layout_of(std::size_t nodes) {
  std::vector<Member> members(nodes);
  Random random(nodes);
  for (std::size_t i = 0; i < nodes; ++i) {
    members[i].id = {random.next(), random.next()};
    members[i].name = "n" + std::to_string(i);
  }
  return first_layout(std::move(members), BucketProperties{}, {}).value();
}

void run_ring_rows(Report& report) {
  const BenchOptions& options = report.options();
  const std::uint64_t lookups = options.count(20'000'000);
  if (report.wants("ring_lookup")) {
    const Ring ring = Ring::build(layout_of(10));
    report.run({.name = "ring_lookup",
                .what = "hash of a 16 B key and its preference list, 10 nodes, N=3",
                .store = [&](int) {
                  Bytes key(16, 'k');
                  return measure(lookups, [&] {
                    for (std::uint64_t i = 0; i < lookups; ++i) {
                      ++key[i & 15];
                      keep(ring.preference_list(slot_of(token_of_key(key)), 3));
                    }
                  });
                }});
  }
  for (const std::size_t nodes : {3, 10, 100, 1000}) {
    const std::string name = "ring_build_" + std::to_string(nodes);
    if (!report.wants(name)) continue;
    const Layout layout = layout_of(nodes);
    const std::uint64_t builds = nodes >= 1000 ? 1 : 3;
    report.run({.name = name, .what = "the whole table", .store = [&](int) {
                  return measure(builds, [&] {
                    for (std::uint64_t i = 0; i < builds; ++i) keep(Ring::build(layout));
                  });
                }});
  }
}

Message replica_put() {
  return {static_cast<RequestId>(77),
          ReplicaPut{.envelope = {"default", Bytes(16, 'k'), {static_cast<LayoutVersion>(1)}},
                     .object = encode_object(object_of(1, 100)),
                     .actor = dot_of(0, 0).actor,
                     .progress = {1, 2, 3}}};
}

/// The floor's message of the same key and as many bytes of object.
FloorFrame floor_frame(const Message& message) {
  const auto& put = std::get<ReplicaPut>(message.body);
  return {.type = FloorType::kStore, .id = 77, .key = put.envelope.key, .body = put.object};
}

Sample encode_run(std::uint64_t count, const std::function<void(std::string&)>& encode) {
  constexpr std::size_t kBufferBytes = 64 << 10;
  std::string out;
  return measure(count, [&] {
    for (std::uint64_t i = 0; i < count; ++i) {
      if (out.size() > kBufferBytes) out.clear();
      encode(out);
    }
    keep(out);
  });
}

void run_codec_rows(Report& report) {
  const std::uint64_t count = report.options().count(5'000'000);
  const Message message = replica_put();
  report.run({.name = "codec_encode",
              .what = "ReplicaPut, 16 B key, object of 100 B, with checksum",
              .floor_name = "by hand, no checksum",
              .floor =
                  [&](int) {
                    const FloorFrame frame = floor_frame(message);
                    return encode_run(count, [&](std::string& out) { encode_frame(frame, &out); });
                  },
              .store =
                  [&](int) {
                    return encode_run(
                        count, [&](std::string& out) { (void)encode_message(message, out); });
                  }});
  Bytes frame;
  require(encode_message(message, frame), "encode");
  std::string floor_bytes;
  encode_frame(floor_frame(message), &floor_bytes);
  report.run({.name = "codec_decode",
              .what = "the same",
              .floor_name = "views of the bytes",
              .floor =
                  [&](int) {
                    return measure(count, [&] {
                      for (std::uint64_t i = 0; i < count; ++i) keep(decode_frame(floor_bytes));
                    });
                  },
              .store =
                  [&](int) {
                    FrameReader reader;
                    reader.accept(Sender::member);
                    return measure(count, [&] {
                      for (std::uint64_t i = 0; i < count; ++i) {
                        reader.feed(frame);
                        const auto decoded = reader.next();
                        require(decoded && *decoded, "decode");
                        keep(decoded);
                        (void)reader.next();
                      }
                    });
                  }});
}

}  // namespace

void run_value_rows(Report& report) {
  run_object_rows(report);
  run_ring_rows(report);
  run_codec_rows(report);
}

}  // namespace dynakv::bench

#include "dynakv/adapters/wire_codec.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

#include "dynakv/base/hash.h"
#include "tests/cpp/adapters/wire_allocation_count.h"
#include "tests/cpp/adapters/wire_messages_sample.h"

namespace dynakv {
namespace {

constexpr std::size_t kTypeCount = std::variant_size_v<AnyMessage>;

Bytes encoded(const Message& message) {
  Bytes out;
  EXPECT_TRUE(encode_message(message, out));
  return out;
}

/// The only message in `bytes`, read with the large limit.
Result<std::optional<Message>> decode(BytesView bytes) {
  FrameReader reader;
  reader.accept(Sender::member);
  reader.feed(bytes);
  return reader.next();
}

/// Puts the right checksum on a frame that a test has changed.
void seal(Bytes& frame) {
  const BytesView view(frame);
  const std::uint32_t crc = crc32c(view.substr(kFrameHeaderBytes), crc32c(view.substr(0, 20)));
  std::memcpy(frame.data() + 20, &crc, sizeof(crc));
}

template <typename T>
void overwrite(Bytes& frame, std::size_t at, T value) {
  std::memcpy(frame.data() + at, &value, sizeof(value));
}

ErrorCode error_of(BytesView bytes) {
  const auto result = decode(bytes);
  EXPECT_FALSE(result.has_value());
  return result ? ErrorCode::internal : result.error().code;
}

TEST(WireCodec, EveryMessageComesBackAndHasOneForm) {
  MessageSampler sampler(1);
  for (std::size_t round = 0; round < 400; ++round) {
    for (std::size_t type = 0; type < kTypeCount; ++type) {
      const Message message = sampler.message(type);
      const Bytes frame = encoded(message);
      auto back = decode(frame);
      ASSERT_TRUE(back.has_value()) << "type " << type << ": " << back.error().message;
      ASSERT_TRUE(back->has_value()) << "type " << type;
      EXPECT_EQ((*back)->id, message.id);
      ASSERT_EQ((*back)->body.index(), type);
      ASSERT_EQ(encoded(**back), frame) << "type " << type;
    }
  }
}

TEST(WireCodec, FieldsKeepTheirValues) {
  Context context;
  context.advance({ActorId{7}, 3});
  context.add_isolated({ActorId{8}, 5});
  const WriteRequest sent{{"b", Bytes("k\0y", 3), LayoutVersion{9}, milliseconds(250), true},
                          WriteKind::remove,
                          Precondition::if_context,
                          QuorumSize::all(),
                          context,
                          77,
                          "value",
                          "text/plain",
                          seconds(60),
                          42};
  auto back = decode(encoded({RequestId{5}, sent}));
  ASSERT_TRUE(back.has_value() && back->has_value());
  const auto& got = std::get<WriteRequest>((*back)->body);
  EXPECT_EQ(got.head.bucket, "b");
  EXPECT_EQ(got.head.key, Bytes("k\0y", 3));
  EXPECT_EQ(got.head.layout, LayoutVersion{9});
  EXPECT_EQ(got.head.time_left, milliseconds(250));
  EXPECT_TRUE(got.head.forwarded);
  EXPECT_EQ(got.kind, WriteKind::remove);
  EXPECT_EQ(got.precondition, Precondition::if_context);
  EXPECT_EQ(got.w, QuorumSize::all());
  EXPECT_EQ(got.context, context);
  EXPECT_EQ(got.context_scope, 77u);
  EXPECT_EQ(got.value, "value");
  EXPECT_EQ(got.content_type, "text/plain");
  EXPECT_EQ(got.ttl, seconds(60));
  EXPECT_EQ(got.write_id, 42u);
}

TEST(WireCodec, TheFrameIsTheOneOfItsGrammar) {
  const Bytes frame =
      encoded({RequestId{0x0102030405060708}, ReplicaPutReply{0x11, {0x22, 0x33, 0x44}}});
  EXPECT_EQ(to_hex(frame).substr(0, 40),
            "444b56310123000008070605040302012000"
            "0000");
  EXPECT_EQ(to_hex(BytesView(frame).substr(kFrameHeaderBytes)),
            "1100000000000000220000000000000033000000000000004400000000000000");
}

TEST(WireCodec, EverySplitGivesTheSameMessages) {
  MessageSampler sampler(2);
  Bytes stream;
  std::vector<Bytes> frames;
  for (std::size_t type = 0; type < kTypeCount; ++type) {
    frames.push_back(encoded(sampler.message(type)));
    stream += frames.back();
  }
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    FrameReader reader;
    reader.accept(Sender::member);
    std::size_t count = 0;
    const std::array<BytesView, 2> parts = {BytesView(stream).substr(0, split),
                                            BytesView(stream).substr(split)};
    for (const BytesView part : parts) {
      const Bytes copy(part);  // the reader must not look at it later
      reader.feed(copy);
      for (;;) {
        auto message = reader.next();
        ASSERT_TRUE(message.has_value()) << message.error().message;
        if (!message->has_value()) break;
        ASSERT_EQ(encoded(**message), frames[count]);
        ++count;
      }
    }
    ASSERT_EQ(count, kTypeCount) << "split at " << split;
    ASSERT_EQ(reader.kept_bytes(), 0u);
  }
}

TEST(WireCodec, ByteByByteGivesTheSameMessages) {
  MessageSampler sampler(3);
  FrameReader reader;
  reader.accept(Sender::member);
  for (std::size_t i = 0; i < 200; ++i) {
    const Bytes frame = encoded(sampler.any());
    for (std::size_t at = 0; at < frame.size(); ++at) {
      reader.feed(BytesView(frame).substr(at, 1));
      auto message = reader.next();
      ASSERT_TRUE(message.has_value());
      ASSERT_EQ(message->has_value(), at + 1 == frame.size());
      if (message->has_value()) {
        ASSERT_EQ(encoded(**message), frame);
      }
    }
  }
}

TEST(WireCodec, TruncatedFramesWaitAndTruncatedBodiesAreRefused) {
  MessageSampler sampler(4);
  for (std::size_t type = 0; type < kTypeCount; ++type) {
    const Bytes frame = encoded(sampler.message(type));
    for (std::size_t size = 0; size < frame.size(); ++size) {
      auto partial = decode(BytesView(frame).substr(0, size));
      ASSERT_TRUE(partial.has_value());
      ASSERT_FALSE(partial->has_value());
    }
    // The header says the shorter length, honestly summed: the body itself must object.
    for (std::size_t size = kFrameHeaderBytes; size < frame.size(); ++size) {
      Bytes cut = frame.substr(0, size);
      overwrite(cut, 16, static_cast<std::uint32_t>(size - kFrameHeaderBytes));
      seal(cut);
      ASSERT_EQ(error_of(cut), ErrorCode::protocol) << "type " << type << " cut to " << size;
    }
    Bytes longer = frame + '\0';
    overwrite(longer, 16, static_cast<std::uint32_t>(longer.size() - kFrameHeaderBytes));
    seal(longer);
    EXPECT_EQ(error_of(longer), ErrorCode::protocol) << "type " << type;
  }
}

TEST(WireCodec, EveryFlippedBitIsRefused) {
  MessageSampler sampler(5);
  for (std::size_t type = 0; type < kTypeCount; ++type) {
    const Bytes frame = encoded(sampler.message(type));
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
      Bytes flipped = frame;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      auto result = decode(flipped);
      // A length that grew waits for bytes that never come; everything else is an error.
      const bool waits = result.has_value() && !result->has_value();
      ASSERT_TRUE(!result.has_value() || (waits && bit / 8 >= 16 && bit / 8 < 20)) << bit;
    }
  }
}

TEST(WireCodec, VersionTypeFlagsAndMagicAreCheckedFirst) {
  const Bytes frame = encoded({RequestId{1}, LayoutRequest{}});
  Bytes other = frame;
  overwrite(other, 4, std::uint8_t{2});
  EXPECT_EQ(error_of(other), ErrorCode::version_mismatch);
  for (int type = 0; type < 256; ++type) {
    other = frame;
    overwrite(other, 5, static_cast<std::uint8_t>(type));
    seal(other);
    if (type == 48 || type == 50) {
      EXPECT_TRUE(decode(other).has_value());
    } else {
      EXPECT_EQ(error_of(other), ErrorCode::protocol);
    }
  }
  other = frame;
  overwrite(other, 6, std::uint16_t{1});
  seal(other);
  EXPECT_EQ(error_of(other), ErrorCode::protocol);
  other = frame;
  other[0] = 'X';
  EXPECT_EQ(error_of(other), ErrorCode::protocol);
  EXPECT_EQ(error_of("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ErrorCode::protocol);
}

TEST(WireCodec, WhoMayNotSendAMessageIsRefusedByItsHeaderAlone) {  // B49, I26
  MessageSampler sampler(8);
  std::size_t of_clients = 0;
  for (std::size_t type = 0; type < kTypeCount; ++type) {
    const MessageRow& row = kMessageRows[type];
    // A damaged body shows that nobody looked at it.
    Bytes frame = encoded(sampler.message(type));
    const Bytes intact = frame;
    for (std::size_t at = kFrameHeaderBytes; at < frame.size(); ++at) {
      frame[at] = static_cast<char>(~frame[at]);
    }
    for (const Sender sender : {Sender::stranger, Sender::client, Sender::member}) {
      FrameReader reader;
      if (sender != Sender::stranger) reader.accept(sender);
      reader.feed(row.may_come_from(sender) ? intact : frame);
      const auto read = reader.next();
      EXPECT_EQ(read.has_value(), row.may_come_from(sender)) << row.name;
      if (read) continue;
      EXPECT_EQ(read.error().message.substr(0, row.name.size()), row.name);
    }
    EXPECT_EQ(row.may_come_from(Sender::stranger), row.name == "Hello" || row.name == "Refusal");
    EXPECT_TRUE(row.may_come_from(Sender::member)) << row.name;
    of_clients += row.may_come_from(Sender::client) ? 1 : 0;
  }
  // Hello, Refusal, get, write, layout, status: a new one is added here with thought.
  EXPECT_EQ(of_clients, 6u);
}

TEST(WireCodec, AFrameOverTheLimitIsRefusedByItsHeaderAlone) {
  Bytes header = encoded({RequestId{1}, Hello{}});
  overwrite(header, 16, static_cast<std::uint32_t>(kFirstFrameBodyBytesMax + 1));
  FrameReader reader;
  reader.feed(header);
  EXPECT_FALSE(reader.next().has_value());

  overwrite(header, 16, static_cast<std::uint32_t>(kFrameBodyBytesMax + 1));
  FrameReader accepted;
  accepted.accept(Sender::member);
  accepted.feed(header);
  EXPECT_FALSE(accepted.next().has_value());

  // At the limit it waits, without keeping more than came.
  overwrite(header, 16, static_cast<std::uint32_t>(kFrameBodyBytesMax));
  FrameReader waiting;
  waiting.accept(Sender::member);
  reset_allocated_bytes();
  waiting.feed(header);
  const auto result = waiting.next();
  EXPECT_TRUE(result.has_value() && !result->has_value());
  EXPECT_LT(allocated_bytes(), 1024u);
}

TEST(WireCodec, ATooLargeMessageIsNotEncoded) {
  Bytes out = "before";
  EXPECT_FALSE(encode_message({RequestId{1}, LayoutReply{Bytes(kFrameBodyBytesMax, 'x')}}, out));
  EXPECT_EQ(out, "before");
  EXPECT_TRUE(encode_message({RequestId{1}, LayoutReply{Bytes(kValueBytesHardMax, 'x')}}, out));
  const auto back = decode(BytesView(out).substr(6));
  ASSERT_TRUE(back.has_value() && back->has_value());
  EXPECT_EQ(std::get<LayoutReply>((*back)->body).layout.size(), kValueBytesHardMax);
}

TEST(WireCodec, LengthBombsAtEveryPlaceAllocateNothingMuch) {
  MessageSampler sampler(6);
  const Bytes bombs[] = {Bytes("\xff\xff\xff\xff\x0f", 5), Bytes("\xff\xff\xff\x07", 4),
                         Bytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10)};
  for (std::size_t type = 0; type < kTypeCount; ++type) {
    const Bytes frame = encoded(sampler.message(type));
    for (std::size_t at = kFrameHeaderBytes; at < frame.size(); ++at) {
      for (const Bytes& bomb : bombs) {
        Bytes armed = frame;
        armed.replace(at, std::min(bomb.size(), armed.size() - at), bomb);
        overwrite(armed, 16, static_cast<std::uint32_t>(armed.size() - kFrameHeaderBytes));
        seal(armed);
        reset_allocated_bytes();
        const auto result = decode(armed);
        ASSERT_LE(allocated_bytes(), 16 * armed.size() + (64u << 10)) << type << " at " << at;
        if (result.has_value() && result->has_value()) {
          ASSERT_EQ(encoded(**result), armed) << type << " at " << at;
        }
      }
    }
  }
}

TEST(WireCodec, RandomAndDamagedBodiesAreRefusedOrCanonical) {
  MessageSampler sampler(7);
  Random& random = sampler.random();
  std::size_t accepted = 0;
  for (std::size_t round = 0; round < 250'000; ++round) {
    Bytes frame;
    if (round % 2 == 0) {
      frame = encoded(sampler.any());
      for (std::uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
        if (frame.size() == kFrameHeaderBytes) break;
        const std::size_t at = kFrameHeaderBytes + random.below(frame.size() - kFrameHeaderBytes);
        switch (random.below(3)) {
          case 0:
            frame[at] = static_cast<char>(random.next());
            break;
          case 1:
            frame.insert(at, random.bytes(1 + random.below(4)));
            break;
          default:
            frame.erase(at, 1 + random.below(4));
            break;
        }
      }
    } else {
      frame = encoded({RequestId{1}, LayoutRequest{}}) + random.bytes(random.below(120));
      frame[5] = encoded(sampler.any())[5];
    }
    overwrite(frame, 16, static_cast<std::uint32_t>(frame.size() - kFrameHeaderBytes));
    seal(frame);
    reset_allocated_bytes();
    const auto result = decode(frame);
    ASSERT_LE(allocated_bytes(), 16 * frame.size() + (64u << 10)) << "round " << round;
    if (!result.has_value()) continue;
    ASSERT_TRUE(result->has_value());
    ++accepted;
    ASSERT_EQ(encoded(**result), frame) << "round " << round;
  }
  EXPECT_GT(accepted, 1000u);  // or the damage never reached the bodies' insides
}

TEST(WireCodec, DurationsOutOfRangeAreCutBySendersAndRefusedByReceivers) {
  GetRequest request;
  request.head.time_left = milliseconds(-5);
  Bytes frame = encoded({RequestId{1}, request});
  auto back = decode(frame);
  ASSERT_TRUE(back.has_value() && back->has_value());
  EXPECT_EQ(std::get<GetRequest>((*back)->body).head.time_left, Duration{});
  // bucket and key are empty, so the duration stands after two lengths and the layout version.
  overwrite(frame, kFrameHeaderBytes + 2 + 8, ~std::uint64_t{0});
  seal(frame);
  EXPECT_EQ(error_of(frame), ErrorCode::protocol);
}

TEST(WireCodec, LongErrorTextsAreCut) {
  const auto back = decode(encoded({RequestId{}, Refusal{{ErrorCode::auth, Bytes(5000, 'x')}}}));
  ASSERT_TRUE(back.has_value() && back->has_value());
  EXPECT_EQ(std::get<Refusal>((*back)->body).error.message.size(), kErrorTextBytesMax);
}

}  // namespace
}  // namespace dynakv

#include "dynakv/domain/object_format.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/cpp/support/check_guard.h"
#include "tests/cpp/support/samples.h"

namespace dynakv::test {
namespace {

Object sample() {
  Object object;
  object.put({}, dot(1, 200), payload_of(dot(1, 200)));
  object.put(isolated_context({dot(3, 9), dot(4, 5)}), dot(1, 201), payload_of(dot(1, 201)));
  object.put({}, dot(2, 3), payload_of(dot(2, 3)));
  return object;
}

Object register_sample() {
  Object object(ObjectKind::last_write_wins);
  object.put_deletion(dot(1, 5), {77}, 8);
  return object;
}

TEST(ObjectFormat, FixedBytes) {
  // The form on disk and on the wire; a change here needs a new format version.
  Object object;
  Payload value = payload("v");
  value.content_type = "t";
  value.written_at.packed = 0x0102;
  value.write_id = 7;
  object.put(isolated_context({dot(2, 300)}), dot(1, 1), value);
  EXPECT_EQ(to_hex(encode_object(object)),
            "0100"  // version, kind
            "01"
            "0100000000000000"
            "01"  // vector
            "01"
            "0200000000000000"
            "ac02"  // isolated
            "01"
            "0100000000000000"
            "01"  // one sibling, its dot
            "00"
            "0201000000000000"
            "0700000000000000"
            "0174"
            "0176");
}

TEST(ObjectFormat, RoundTripIsExactAndCanonical) {
  Random random(1);
  for (int run = 0; run < 20'000; ++run) {
    Object object = random.chance(1, 4) ? random_register(random) : random_object(random);
    if (random.chance(1, 4)) object.expire({1'003});
    const Bytes bytes = encode_object(object);
    const Result<Object> decoded = decode_object(bytes);
    ASSERT_TRUE(decoded);
    ASSERT_EQ(*decoded, object);
    ASSERT_EQ(encode_object(*decoded), bytes);
    ASSERT_EQ(*decode_object_context(bytes), object.context());
  }
}

TEST(ObjectFormat, EqualObjectsHaveEqualBytesI6) {
  Random random(2);
  for (int run = 0; run < 5'000; ++run) {
    const Object a = random_object(random);
    const Object b = random_object(random);
    ASSERT_EQ(a == b, encode_object(a) == encode_object(b));
  }
}

TEST(ObjectFormat, TruncationAtEveryByteIsRefused) {
  for (const Object& object : {sample(), register_sample(), Object()}) {
    const Bytes bytes = encode_object(object);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const Result<Object> decoded = decode_object(BytesView(bytes).substr(0, size));
      ASSERT_FALSE(decoded) << size;
      EXPECT_EQ(decoded.error().code, ErrorCode::corruption);
    }
    EXPECT_FALSE(decode_object(bytes + '\0')) << "a byte too many";
  }
}

TEST(ObjectFormat, EveryByteChangedIsRefusedOrReadInItsOnlyForm) {
  const CheckGuard guard;  // a check that fails on foreign bytes would stop the node
  for (const Object& object : {sample(), register_sample()}) {
    const Bytes good = encode_object(object);
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        Bytes bytes = good;
        bytes[at] = static_cast<char>(byte);
        Result<Object> decoded = Object();
        ASSERT_NO_THROW(decoded = decode_object(bytes)) << at << " " << byte;
        ASSERT_NO_THROW((void)decode_object_context(bytes));
        if (decoded) {
          ASSERT_EQ(encode_object(*decoded), bytes) << at << " " << byte;
        }
      }
    }
  }
}

TEST(ObjectFormat, RandomBytesAreRefusedOrReadInTheirOnlyForm) {
  Random random(3);
  for (int run = 0; run < 100'000; ++run) {
    Bytes bytes = Bytes("\1\0", 2) + random.bytes(random.below(60));
    // Small numbers make believable counts.
    for (std::size_t i = 2; i < bytes.size(); ++i) {
      if (random.chance(2, 3)) bytes[i] = static_cast<char>(random.below(3));
    }
    const Result<Object> decoded = decode_object(bytes);
    if (decoded) {
      ASSERT_EQ(encode_object(*decoded), bytes);
    }
  }
}

Bytes context_bytes(const std::vector<Dot>& entries, const std::vector<Dot>& isolated) {
  Bytes bytes;
  ByteWriter out(bytes);
  for (const auto* dots : {&entries, &isolated}) {
    out.varint(dots->size());
    for (const Dot& each : *dots) {
      out.fixed(to_number(each.actor));
      out.varint(each.counter);
    }
  }
  return bytes;
}

bool accepts(const Bytes& bytes) {
  ByteReader in(bytes);
  decode_context(in);
  return in.finished();
}

TEST(ObjectFormat, RefusesContextsThatAreNotCanonical) {
  EXPECT_TRUE(accepts(context_bytes({dot(1, 2), dot(2, 1)}, {dot(1, 4), dot(1, 6), dot(3, 2)})));
  EXPECT_TRUE(accepts(context_bytes({dot(0, 1)}, {})));
  EXPECT_FALSE(accepts(context_bytes({dot(2, 1), dot(1, 2)}, {}))) << "order";
  EXPECT_FALSE(accepts(context_bytes({dot(1, 1), dot(1, 2)}, {}))) << "an actor twice";
  EXPECT_FALSE(accepts(context_bytes({dot(1, 0)}, {}))) << "counter 0";
  EXPECT_FALSE(accepts(context_bytes({}, {dot(1, 0)})));
  EXPECT_FALSE(accepts(context_bytes({}, {dot(1, 5), dot(1, 4)}))) << "order";
  EXPECT_FALSE(accepts(context_bytes({}, {dot(1, 5), dot(1, 5)}))) << "a dot twice";
  EXPECT_FALSE(accepts(context_bytes({dot(1, 5)}, {dot(1, 4)}))) << "covered";
  EXPECT_FALSE(accepts(context_bytes({dot(1, 5)}, {dot(1, 6)}))) << "belongs to the vector";
  EXPECT_FALSE(accepts(context_bytes({}, {dot(1, 1)}))) << "belongs to the vector";
  EXPECT_FALSE(accepts(context_bytes({}, {dot(1, 3), dot(2, 1), dot(2, 2)})));
}

TEST(ObjectFormat, RefusesUnknownVersionsKindsAndFlagsI27) {
  for (const auto& [at, byte] : {std::pair{0, 2}, {0, 0}, {1, 2}, {1, 255}}) {
    Bytes bytes = encode_object(sample());
    bytes[static_cast<std::size_t>(at)] = static_cast<char>(byte);
    EXPECT_FALSE(decode_object(bytes)) << at << " " << byte;
    EXPECT_FALSE(decode_object_context(bytes)) << at << " " << byte;
  }
}

TEST(ObjectFormat, AHostileContextCostsNoMoreThanItsLengthI26) {
  // Quadratic work would take minutes here: half the dots are isolated, half belong to the vector.
  std::vector<Dot> isolated;
  for (std::uint64_t i = 0; i < 100'000; ++i) isolated.push_back(dot(1, 10 + 2 * i));
  const Bytes honest = context_bytes({}, isolated);
  for (std::uint64_t i = 0; i < 100'000; ++i) isolated.push_back(dot(10 + i, 1));
  const Bytes hostile = context_bytes({}, isolated);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(accepts(honest));
  EXPECT_FALSE(accepts(hostile));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

}  // namespace
}  // namespace dynakv::test

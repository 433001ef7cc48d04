#include "dynakv/domain/bucket.h"

#include <gtest/gtest.h>

#include <string>

namespace dynakv {
namespace {

void expect_advice(const Error& error, const std::string& advice) {
  EXPECT_EQ(error.code, ErrorCode::invalid_argument);
  EXPECT_NE(error.message.find(advice), std::string::npos) << error.message;
}

TEST(BucketProperties, DefaultsAreDynamosUsualOnes) {
  const BucketProperties properties;
  EXPECT_EQ(properties.n, 3);
  EXPECT_EQ(*properties.r.resolve(3), 2);
  EXPECT_EQ(*properties.w.resolve(3), 2);
  EXPECT_EQ(properties.kind, ObjectKind::siblings);
  EXPECT_EQ(properties.mode, QuorumMode::sloppy);
  EXPECT_EQ(properties.read_repair, ReadRepair::background);
  EXPECT_TRUE(validate(properties, 3));
}

TEST(BucketProperties, ChangesOnlyWhatIsNamed) {
  const Result<BucketProperties> changed =
      apply_properties({}, {{"n", "5"}, {"w", "quorum"}, {"conflict", "lww"}});
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->n, 5);
  EXPECT_EQ(changed->r, QuorumSize::count(2));
  EXPECT_EQ(changed->w, QuorumSize::majority());
  EXPECT_EQ(changed->kind, ObjectKind::last_write_wins);
  EXPECT_EQ(*apply_properties({}, {}), BucketProperties{});
}

TEST(BucketProperties, TextRoundTrip) {
  for (const char* r : {"1", "3", "quorum", "all"}) {
    for (const char* conflict : {"siblings", "lww"}) {
      for (const char* quorum : {"sloppy", "strict"}) {
        for (const char* repair : {"off", "background", "blocking"}) {
          const PropertyList list = {{"n", "4"},         {"r", r},
                                     {"w", "2"},         {"conflict", conflict},
                                     {"quorum", quorum}, {"read_repair", repair}};
          EXPECT_EQ(to_property_list(*apply_properties({}, list)), list);
        }
      }
    }
  }
}

TEST(BucketProperties, EachRefusalSaysWhatToDo) {
  for (const char* text : {"0", "8", "-1", "", "three", "3x", " 3", "99999999999"}) {
    const auto n = apply_properties({}, {{"n", text}});
    ASSERT_FALSE(n) << text;
    expect_advice(n.error(), "use a number from 1 to 7");
    const auto r = apply_properties({}, {{"r", text}});
    ASSERT_FALSE(r) << text;
    expect_advice(r.error(), "or \"all\"");
  }
  expect_advice(apply_properties({}, {{"conflict", "crdt"}}).error(), "use 'siblings' or 'lww'");
  expect_advice(apply_properties({}, {{"quorum", "lax"}}).error(), "use 'sloppy' or 'strict'");
  expect_advice(apply_properties({}, {{"read_repair", "on"}}).error(), "'blocking'");
  expect_advice(apply_properties({}, {{"N", "3"}}).error(), "use n, r, w, conflict, quorum or");
}

TEST(BucketProperties, MustFitTheClusterAndEachOther) {
  BucketProperties properties;
  expect_advice(validate(properties, 2).error(), "add nodes or lower n");
  properties.r = QuorumSize::count(4);
  expect_advice(validate(properties, 5).error(), "r: a quorum of 4 does not fit N=3; use 1 to 3");
  properties.r = QuorumSize::all();
  properties.w = QuorumSize::from_number(-9);
  expect_advice(validate(properties, 5).error(), "w: a quorum of -9 does not fit N=3");
}

TEST(BucketProperties, NumbersOutOfRangeAreRefusedWhereverTheyComeFrom) {
  // Programs and the wire fill the structure without apply_properties.
  BucketProperties properties;
  properties.r = QuorumSize::all();
  properties.w = QuorumSize::all();
  for (const int n : {0, -1, kReplicasMax + 1, 300}) {
    properties.n = n;
    const Status valid = validate(properties, 400);
    ASSERT_FALSE(valid) << n;
    expect_advice(valid.error(), "use 1 to 7");
  }
  properties.n = 3;
  properties.w = QuorumSize::bucket_default();
  const Status valid = validate(properties, 3);
  ASSERT_FALSE(valid) << "a default cannot be defined by itself";
  expect_advice(valid.error(), "use 1 to 3");
}

TEST(BucketName, Bounds) {
  EXPECT_TRUE(validate_bucket_name("b"));
  EXPECT_TRUE(validate_bucket_name(Bytes(255, '\xff')));
  expect_advice(validate_bucket_name("").error(), "has 1 to 255 bytes; this one has 0");
  expect_advice(validate_bucket_name(Bytes(256, 'b')).error(), "this one has 256");
}

}  // namespace
}  // namespace dynakv

// The objects of a node, and the memory of recent ones: it must never answer anything that the
// store would not.
#include "dynakv/protocol/object_table.h"

#include <gtest/gtest.h>

#include <optional>

#include "dynakv/adapters/memory_store.h"
#include "dynakv/base/random.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/domain/ring.h"
#include "dynakv/protocol/store_keys.h"
#include "tests/cpp/support/samples.h"

namespace dynakv::testing {
namespace {

/// Counts the reads, and fails them where a test says so.
class WatchedStore final : public Store {
 public:
  Result<std::optional<Bytes>> get(Space space, BytesView key) override {
    ++reads;
    if (error) return fail(*error);
    return memory.get(space, key);
  }
  void put(Space space, BytesView key, BytesView value) override { memory.put(space, key, value); }
  void erase(Space space, BytesView key) override { memory.erase(space, key); }
  Result<std::vector<std::pair<Bytes, Bytes>>> scan(Space space, BytesView first, BytesView last,
                                                    std::size_t count_max) override {
    return memory.scan(space, first, last, count_max);
  }
  StoreCondition condition() const override { return memory.condition(); }

  MemoryStore memory;
  int reads = 0;
  std::optional<Error> error;
};

class Objects : public ::testing::Test {
 protected:
  void start(std::size_t bytes, std::size_t item_bytes = 4096) {
    options.cache_bytes = bytes;
    options.cache_item_bytes_max = item_bytes;
    table.emplace(store, actors, options);
  }
  Bytes load(BytesView key) { return table->load_encoded({"b", key}).value(); }
  void save(BytesView key, BytesView encoded) { table->save_encoded({"b", key}, encoded); }
  /// What the store has, past the memory.
  std::optional<Bytes> stored(BytesView key) {
    return store.memory.get(Space::objects, object_key({"b", key})).value();
  }
  /// Whether the next load is answered without the store.
  bool is_remembered(BytesView key) {
    const int before = store.reads;
    load(key);
    return store.reads == before;
  }
  static Slot slot(BytesView key) { return slot_of(token_of_key(key)); }
  static Bytes object_with(const Bytes& value) {
    Object object;
    object.put(Context(), test::dot(1, 1), test::payload(value));
    return encode_object(object);
  }

  WatchedStore store;
  ActorTable actors{store, Random(1)};
  ObjectTableOptions options;
  std::optional<ObjectTable> table;
};

TEST_F(Objects, AKeyThatWasNeverWrittenIsEmptyAndNoError) {
  start(1 << 20);
  EXPECT_EQ(load("k"), "");
  const auto object = table->load({"b", "k"}, ObjectKind::last_write_wins);
  ASSERT_TRUE(object.has_value());
  EXPECT_TRUE(object->is_absent());
  EXPECT_EQ(object->kind(), ObjectKind::last_write_wins);
}

TEST_F(Objects, WhatIsSavedGoesToTheStoreAndIsReadFromMemory) {
  start(1 << 20);
  save("k", "one");
  EXPECT_EQ(stored("k"), "one");
  EXPECT_TRUE(is_remembered("k"));
  EXPECT_EQ(load("k"), "one");
  save("k", "the second");
  EXPECT_EQ(stored("k"), "the second");
  EXPECT_EQ(load("k"), "the second");
}

TEST_F(Objects, AReadFillsTheMemory) {
  start(1 << 20);
  store.memory.put(Space::objects, object_key({"b", "k"}), "stored");
  EXPECT_FALSE(is_remembered("k"));
  EXPECT_TRUE(is_remembered("k"));
  EXPECT_EQ(load("k"), "stored");
}

// What another machine writes for the key goes through save_encoded(), so it cannot be missed; a
// key that was absent is read again.
TEST_F(Objects, ThatAKeyIsAbsentIsNotRemembered) {
  start(1 << 20);
  EXPECT_FALSE(is_remembered("k"));
  EXPECT_FALSE(is_remembered("k"));
}

TEST_F(Objects, BucketsAreToldApart) {
  start(1 << 20);
  table->save_encoded({"b", "k"}, "one");
  table->save_encoded({"other", "k"}, "two");
  EXPECT_EQ(table->load_encoded({"b", "k"}).value(), "one");
  EXPECT_EQ(table->load_encoded({"other", "k"}).value(), "two");
}

TEST_F(Objects, LargeObjectsAreStoredAndNotRemembered) {
  start(1 << 20, 10);
  const Bytes large(11, 'v');
  save("k", large);
  EXPECT_FALSE(is_remembered("k"));
  EXPECT_EQ(load("k"), large);
  save("k", "small");
  EXPECT_TRUE(is_remembered("k"));
  // One that has grown leaves the memory; what is forgotten must not be the old value.
  save("k", large);
  EXPECT_FALSE(is_remembered("k"));
  EXPECT_EQ(load("k"), large);
}

TEST_F(Objects, AnObjectThatIsLargerThanTheWholeMemoryIsNotRemembered) {
  start(100);
  save("k", "v");
  EXPECT_FALSE(is_remembered("k"));
  EXPECT_EQ(load("k"), "v");
}

TEST_F(Objects, I23TheMemoryIsBounded) {
  start(2000);
  for (int i = 0; i < 100; ++i) save("key" + std::to_string(i), Bytes(100, 'v'));
  // The newest first: each miss takes the place of another.
  int remembered = 0;
  for (int i = 99; i >= 0; --i) remembered += is_remembered("key" + std::to_string(i)) ? 1 : 0;
  EXPECT_GT(remembered, 0);
  EXPECT_LT(remembered, 2000 / 200);
}

TEST_F(Objects, AnObjectThatGrowsInMemoryCountsWithItsNewSize) {
  start(1000);
  for (const char* key : {"a", "b", "c", "d"}) save(key, "v");
  save("a", Bytes(700, 'v'));
  int remembered = 0;
  for (const char* key : {"b", "c", "d"}) remembered += is_remembered(key) ? 1 : 0;
  EXPECT_LT(remembered, 3);
  EXPECT_EQ(load("a"), Bytes(700, 'v'));
}

// CLOCK: what was used since the hand's last visit gets a second chance.
TEST_F(Objects, WhatIsUsedStaysLongerThanWhatIsNot) {
  start(2000);
  save("used", "v");
  int kept = 0;
  for (int i = 0; i < 200; ++i) {
    kept += is_remembered("used") ? 1 : 0;
    save("once" + std::to_string(i), "v");
  }
  EXPECT_GT(kept, 190);
}

// I20, B1: an error is never "not found", and the slot's actor is not written under again.
TEST_F(Objects, I20AReadErrorIsAnErrorAndRetiresTheActorOfTheSlot) {
  start(1 << 20);
  const Dot before = actors.next_dot(slot("k"));
  store.error = Error{ErrorCode::corruption, "planted"};
  const auto read = table->load_encoded({"b", "k"});
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::corruption);
  EXPECT_EQ(table->load({"b", "k"}, ObjectKind::siblings).error().code, ErrorCode::corruption);
  store.error.reset();
  EXPECT_NE(actors.next_dot(slot("k")).actor, before.actor);
}

TEST_F(Objects, B1AMalformedObjectIsCorruptionAndRetiresTheActor) {
  start(1 << 20);
  const Dot before = actors.next_dot(slot("k"));
  save("k", "no object");
  EXPECT_EQ(table->load({"b", "k"}, ObjectKind::siblings).error().code, ErrorCode::corruption);
  const Dot after = actors.next_dot(slot("k"));
  EXPECT_NE(after.actor, before.actor);
  // Damage that is found in the store, not in memory, is the same.
  start(0);
  EXPECT_EQ(table->load({"b", "k"}, ObjectKind::siblings).error().code, ErrorCode::corruption);
  EXPECT_NE(actors.next_dot(slot("k")).actor, after.actor);
}

TEST_F(Objects, AnObjectOfAnotherConflictPolicyIsCorruption) {
  start(1 << 20);
  save("k", object_with("v"));
  EXPECT_TRUE(table->load({"b", "k"}, ObjectKind::siblings).has_value());
  EXPECT_EQ(table->load({"b", "k"}, ObjectKind::last_write_wins).error().code,
            ErrorCode::corruption);
}

TEST_F(Objects, ADamagedSlotLeavesTheActorsOfOthersAlone) {
  start(1 << 20);
  ASSERT_NE(slot("k"), slot("other"));
  const Dot before = actors.next_dot(slot("other"));
  store.error = Error{ErrorCode::storage, "planted"};
  EXPECT_FALSE(table->load_encoded({"b", "k"}).has_value());
  EXPECT_EQ(actors.next_dot(slot("other")), (Dot{before.actor, before.counter + 1}));
}

// Invariant 1 against the store itself, with a memory so small that entries come and go.
TEST_F(Objects, TheMemoryNeverAnswersAnythingThatTheStoreWouldNot) {
  start(1500, 300);
  Random random(7);
  for (int i = 0; i < 20'000; ++i) {
    const Bytes key = "k" + std::to_string(random.below(40));
    if (random.chance(1, 3)) save(key, random.bytes(1 + random.below(400)));
    if (random.chance(1, 100)) {
      ASSERT_TRUE(store.memory.write_step().has_value());
    }
    ASSERT_EQ(load(key), stored(key).value_or(Bytes())) << key << " after " << i;
  }
}

}  // namespace
}  // namespace dynakv::testing

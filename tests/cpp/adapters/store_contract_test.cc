// One suite for every DurableStore: what the port's comments promise (protocol/store.h).

#include <gtest/gtest.h>

#include "dynakv/adapters/memory_store.h"
#include "dynakv/base/random.h"
#include "tests/cpp/adapters/rocksdb_testing.h"

namespace dynakv {
namespace {

using Records = std::vector<std::pair<Bytes, Bytes>>;

class MemoryFixture {
 public:
  DurableStore& store() { return store_; }
  /// A memory store that is opened again is what was written.
  void reopen() { store_.drop_pending(); }

 private:
  MemoryStore store_;
};

class RocksDbFixture {
 public:
  DurableStore& store() { return *store_; }
  void reopen() {
    store_.reset();
    store_ = open_or_die(small_options(directory_.path()));
  }

 private:
  TempDirectory directory_;
  std::unique_ptr<RocksDbStore> store_ = open_or_die(small_options(directory_.path()));
};

template <typename Fixture>
class StoreContract : public testing::Test {
 protected:
  DurableStore& store() { return fixture_.store(); }

  std::optional<Bytes> get(BytesView key, Space space = Space::objects) {
    const auto value = store().get(space, key);
    EXPECT_TRUE(value);
    return *value;
  }
  Records scan(BytesView first, BytesView last, std::size_t count_max = 100,
               Space space = Space::objects) {
    const auto records = store().scan(space, first, last, count_max);
    EXPECT_TRUE(records);
    return *records;
  }
  void put(BytesView key, BytesView value) { store().put(Space::objects, key, value); }
  void erase(BytesView key) { store().erase(Space::objects, key); }
  void write() { ASSERT_TRUE(store().write_step()); }
  void reopen() { fixture_.reopen(); }

 private:
  Fixture fixture_;
};

using Fixtures = testing::Types<MemoryFixture, RocksDbFixture>;
TYPED_TEST_SUITE(StoreContract, Fixtures);

TYPED_TEST(StoreContract, FreshStoreIsEmptyAndHealthy) {
  EXPECT_EQ(this->get("a"), std::nullopt);
  EXPECT_EQ(this->scan("", ""), Records());
  EXPECT_FALSE(this->store().has_pending());
  EXPECT_EQ(this->store().condition(), StoreCondition::healthy);
  EXPECT_TRUE(this->store().write_step());
  EXPECT_TRUE(this->store().sync());
}

TYPED_TEST(StoreContract, ReadsSeeThePendingBatch) {
  this->put("a", "1");
  EXPECT_TRUE(this->store().has_pending());
  EXPECT_EQ(this->get("a"), "1");
  this->put("a", "2");
  EXPECT_EQ(this->get("a"), "2");
  this->erase("a");
  EXPECT_EQ(this->get("a"), std::nullopt);
  this->put("a", "3");
  this->write();
  EXPECT_FALSE(this->store().has_pending());
  EXPECT_EQ(this->get("a"), "3");
}

TYPED_TEST(StoreContract, EraseHidesAWrittenKey) {
  this->put("a", "1");
  this->write();
  this->erase("a");
  EXPECT_EQ(this->get("a"), std::nullopt);
  EXPECT_EQ(this->scan("", ""), Records());
  this->write();
  EXPECT_EQ(this->get("a"), std::nullopt);
  this->erase("never there");
  this->write();
}

TYPED_TEST(StoreContract, ScanMergesPendingAndWrittenInOrder) {
  for (const char* key : {"b", "d", "f", "h"}) this->put(key, "old");
  this->write();
  this->put("a", "new");
  this->put("d", "new");
  this->erase("f");
  this->put("g", "new");
  this->put("i", "new");
  const Records all{{"a", "new"}, {"b", "old"}, {"d", "new"},
                    {"g", "new"}, {"h", "old"}, {"i", "new"}};
  EXPECT_EQ(this->scan("", ""), all);
  EXPECT_EQ(this->scan("b", "h"), Records(all.begin() + 1, all.begin() + 4));
  EXPECT_EQ(this->scan("c", ""), Records(all.begin() + 2, all.end()));
  EXPECT_EQ(this->scan("", "", 3), Records(all.begin(), all.begin() + 3));
  EXPECT_EQ(this->scan("", "", 0), Records());
  EXPECT_EQ(this->scan("h", "b"), Records());
  this->write();
  EXPECT_EQ(this->scan("", ""), all);
}

TYPED_TEST(StoreContract, ReopenSeesWrittenStepsAndNothingElse) {
  this->put("a", "1");
  this->store().put(Space::hints, "h", "1");
  this->write();
  this->put("a", "2");
  this->put("b", "2");
  this->reopen();
  EXPECT_FALSE(this->store().has_pending());
  EXPECT_EQ(this->get("a"), "1");
  EXPECT_EQ(this->get("b"), std::nullopt);
  EXPECT_EQ(this->get("h", Space::hints), "1");
}

TYPED_TEST(StoreContract, SpacesAreSeparate) {
  for (const Space space : {Space::objects, Space::hints, Space::node_state}) {
    this->store().put(space, "key", std::to_string(static_cast<int>(space)));
  }
  EXPECT_EQ(this->get("key", Space::hints), "1");
  this->write();
  this->store().erase(Space::hints, "key");
  EXPECT_EQ(this->scan("", "", 9, Space::hints), Records());
  this->write();
  EXPECT_EQ(this->get("key", Space::objects), "0");
  EXPECT_EQ(this->get("key", Space::hints), std::nullopt);
  EXPECT_EQ(this->get("key", Space::node_state), "2");
}

TYPED_TEST(StoreContract, KeysAndValuesAreAnyBytes) {
  const Bytes zero(1, '\0');
  const Bytes zeros(2, '\0');
  const Bytes high("\xff", 1);
  const Bytes mixed("a\0b\xff", 4);
  for (const Bytes& key : {high, zeros, mixed, zero}) this->put(key, key + key);
  const Records all{
      {zero, zero + zero}, {zeros, zeros + zeros}, {mixed, mixed + mixed}, {high, high + high}};
  EXPECT_EQ(this->scan("", ""), all);
  this->write();
  this->reopen();
  EXPECT_EQ(this->scan("", ""), all);
  EXPECT_EQ(this->get(zero), zero + zero);
  EXPECT_EQ(this->scan(zeros, high).size(), 2U);
}

TYPED_TEST(StoreContract, AnEmptyValueIsAValue) {
  this->put("a", "");
  EXPECT_EQ(this->get("a"), "");
  this->write();
  EXPECT_EQ(this->get("a"), "");
  EXPECT_EQ(this->scan("", ""), (Records{{"a", ""}}));
}

TYPED_TEST(StoreContract, TheLargestValueIsKept) {
  const Bytes value = Random(1).bytes(16 << 20);
  this->put("a", value);
  this->write();
  EXPECT_TRUE(this->get("a") == value);
  this->reopen();
  EXPECT_TRUE(this->get("a") == value);
}

TYPED_TEST(StoreContract, AgreesWithAMapOverManyRandomSteps) {
  Random random(7);
  std::map<Bytes, Bytes> model;
  const auto key = [&random] { return "k" + std::to_string(random.below(60)); };
  for (int step = 0; step < 300; ++step) {
    for (std::uint64_t change = random.below(6); change > 0; --change) {
      const Bytes changed = key();
      if (random.chance(1, 3)) {
        this->erase(changed);
        model.erase(changed);
      } else {
        const Bytes value = random.bytes(random.below(40));
        this->put(changed, value);
        model[changed] = value;
      }
    }
    const Bytes read = key();
    const auto found = model.find(read);
    ASSERT_EQ(this->get(read),
              found == model.end() ? std::nullopt : std::optional<Bytes>(found->second));
    const Bytes first = key();
    const std::size_t count_max = random.below(20);
    Records expected;
    for (auto at = model.lower_bound(first); at != model.end() && expected.size() < count_max;
         ++at) {
      expected.push_back(*at);
    }
    ASSERT_EQ(this->scan(first, "", count_max), expected);
    if (random.chance(1, 2)) this->write();
    if (random.chance(1, 40)) {
      this->write();
      this->reopen();
    }
  }
}

TEST(MemoryStore, AFailedStoreTakesNoMoreSteps) {
  MemoryStore store;
  store.put(Space::objects, "a", "1");
  store.set_condition(StoreCondition::failed);
  EXPECT_EQ(store.write_step().error().code, ErrorCode::storage);
  EXPECT_EQ(store.sync().error().code, ErrorCode::storage);
  EXPECT_TRUE(store.written(Space::objects).empty());
}

}  // namespace
}  // namespace dynakv

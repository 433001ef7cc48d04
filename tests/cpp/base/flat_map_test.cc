// FlatMap against std::map.
#include "dynakv/base/flat_map.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "dynakv/base/random.h"
#include "tests/cpp/support/seeds.h"

namespace dynakv {
namespace {

using Model = std::map<std::uint64_t, std::string>;
using Flat = FlatMap<std::uint64_t, std::string>;

void expect_equal(const Flat& map, const Model& model) {
  ASSERT_EQ(map.size(), model.size());
  ASSERT_EQ(map.empty(), model.empty());
  auto expected = model.begin();
  for (const auto& [key, value] : map) {
    ASSERT_EQ(key, expected->first);
    ASSERT_EQ(value, expected->second);
    ++expected;
  }
}

TEST(FlatMap, AnswersAsAnOrderedMapDoes) {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    Random random(test::seed_from_environment().value_or(seed));
    SCOPED_TRACE(test::replay_command(seed, "build/dev/bin/dynakv_base_tests"));
    Flat map;
    Model model;
    for (int i = 0; i < 60; ++i) {
      const std::uint64_t key = random.below(20);
      if (random.chance(1, 3)) {
        map.erase(key);
        model.erase(key);
      } else if (random.chance(1, 2)) {
        const auto [value, is_new] = map.try_emplace(key);
        ASSERT_EQ(is_new, model.try_emplace(key).second);
        ASSERT_EQ(value, model[key]);
      } else {
        map[key] = model[key] = std::to_string(i);
      }
      const std::uint64_t wanted = random.below(20);
      const auto known = model.find(wanted);
      const std::string* found = map.find(wanted);
      ASSERT_EQ(found != nullptr, known != model.end());
      ASSERT_EQ(map.contains(wanted), known != model.end());
      if (found != nullptr) {
        ASSERT_EQ(*found, known->second);
      }
      // No guess, however wrong, changes the answer.
      const std::size_t position = map.position_of(wanted);
      ASSERT_EQ(map.position_of(wanted, random.below(22)), position);
      if (found != nullptr) {
        ASSERT_EQ(map.key_at(position), wanted);
      }
    }
    expect_equal(map, model);
  }
}

TEST(FlatMap, EqualityAsksForKeysAndValuesNotForTheOrderOfTheirComing) {
  Flat a;
  Flat b;
  a[1] = "x";
  a[2] = "y";
  b[2] = "y";
  EXPECT_FALSE(a == b);
  b[1] = "z";
  EXPECT_FALSE(a == b);
  b[1] = "x";
  EXPECT_TRUE(a == b);
  b[3] = "w";
  b.erase(1);
  EXPECT_FALSE(a == b);
}

TEST(FlatMap, ValuesCanBeChangedInAWalk) {
  Flat map;
  for (const std::uint64_t key : {3u, 1u, 2u}) map[key] = "old";
  for (auto [key, value] : map) value = std::to_string(key);
  EXPECT_EQ(*map.find(1), "1");
  EXPECT_EQ(*map.find(3), "3");
}

}  // namespace
}  // namespace dynakv

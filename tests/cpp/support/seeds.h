// Seeds of random tests: a fixed list, or the one in the environment variable DYNAKV_SEED.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

namespace dynakv::test {

inline std::optional<std::uint64_t> seed_from_environment() {
  const char* text = std::getenv("DYNAKV_SEED");
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 0);
}

/// The command that runs the current test again with this one seed.
inline std::string replay_command(std::uint64_t seed, const std::string& program) {
  const testing::TestInfo* info = testing::UnitTest::GetInstance()->current_test_info();
  return "DYNAKV_SEED=" + std::to_string(seed) + " " + program +
         " --gtest_filter=" + info->test_suite_name() + "." + info->name();
}

}  // namespace dynakv::test

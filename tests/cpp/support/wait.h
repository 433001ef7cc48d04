// Waiting for what other threads bring about.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "dynakv/base/time.h"

namespace dynakv {

inline constexpr Duration kTestTimeout = seconds(20);

/// Asks again and again until it is true or the time is over.
inline bool wait_until(const std::function<bool()>& is_true, Duration timeout = kTestTimeout) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(timeout.nanoseconds);
  while (!is_true()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace dynakv

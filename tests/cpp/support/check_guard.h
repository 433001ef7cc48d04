// While one of these lives, a failed DYNAKV_CHECK throws instead of aborting, so that a test can
// expect it without a death test's fork.
#pragma once

#include <stdexcept>
#include <string>

#include "dynakv/base/check.h"

namespace dynakv::test {

struct CheckFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class CheckGuard {
 public:
  CheckGuard() { set_check_handler(&CheckGuard::raise); }
  ~CheckGuard() { set_check_handler(nullptr); }
  CheckGuard(const CheckGuard&) = delete;
  CheckGuard& operator=(const CheckGuard&) = delete;

 private:
  [[noreturn]] static void raise(const char*, int, const char* expression) {
    throw CheckFailed(expression);
  }
};

}  // namespace dynakv::test

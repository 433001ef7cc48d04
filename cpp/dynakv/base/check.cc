#include "dynakv/base/check.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace dynakv {
namespace {

std::atomic<CheckHandler> installed_handler{nullptr};

}  // namespace

void set_check_handler(CheckHandler handler) { installed_handler.store(handler); }

void check_failed(const char* file, int line, const char* expression) {
  if (const CheckHandler handler = installed_handler.load()) handler(file, line, expression);
  std::fprintf(stderr, "%s:%d: DYNAKV_CHECK failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace dynakv

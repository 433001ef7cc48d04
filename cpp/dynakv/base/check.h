// DYNAKV_CHECK: an invariant whose failure is a programmer error. It is on in every build: stopping
// is better than going on with wrong state.
//
// The default handler prints the expression and aborts. The Python module installs one that throws,
// after which the node concerned is stopped for good.
#pragma once

namespace dynakv {

/// Called with the place and the text of a failed check; must not return.
using CheckHandler = void (*)(const char* file, int line, const char* expression);

/// Installs a handler for the process; nullptr puts the default back.
void set_check_handler(CheckHandler handler);

[[noreturn]] void check_failed(const char* file, int line, const char* expression);

}  // namespace dynakv

#define DYNAKV_CHECK(expression)                               \
  do {                                                         \
    if (!(expression)) [[unlikely]] {                          \
      ::dynakv::check_failed(__FILE__, __LINE__, #expression); \
    }                                                          \
  } while (false)

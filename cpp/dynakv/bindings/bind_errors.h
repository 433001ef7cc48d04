// The only place that turns an Error into a Python exception. The table in base/error_code.h names
// the classes, which are in python/dynakv/_exceptions.py.
//
// Threads: with the interpreter lock held.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dynakv/base/result.h"
#include "dynakv/bindings/results.h"
#include "dynakv/domain/layout.h"
#include "dynakv/protocol/messages.h"

namespace dynakv {

/// Which verb failed, and what the error may need to say about its key.
struct Failed {
  /// "get", "put", "delete" or "status".
  const char* verb = "";
  std::uint64_t scope = 0;
  /// Names the nodes; may be null.
  std::shared_ptr<const Layout> layout;
  /// As in Got.
  std::optional<WallTime> wall;
};

pybind11::object to_exception(const Error& error);
pybind11::object to_exception(ErrorReply reply, const Failed& failed);

[[noreturn]] void raise_error(const Error& error);
[[noreturn]] void raise_reply(ErrorReply reply, const Failed& failed);
/// For exception classes that share a code with another.
[[noreturn]] void raise(std::string_view class_name, const std::string& message, ErrorCode code);

/// Returns the value or throws the exception.
template <typename T>
T unwrap(Result<T> result) {
  if (!result) raise_error(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// Adds error_table() and the translation of failed checks, and installs the check handler.
void bind_errors(pybind11::module_& module);

}  // namespace dynakv

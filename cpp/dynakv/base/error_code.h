// The one table of errors: a code exists only if a caller would react to it differently.
//
// Python's exception tree (python/dynakv/_exceptions.py) is built from this table, and a test
// compares the two.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace dynakv {

// clang-format off
/// X(name, number on the wire, Python class, retryable on another node or later)
#define DYNAKV_ERROR_TABLE(X)                                        \
  X(invalid_argument,     1, "ConfigError",        false)            \
  X(closed,               2, "ClosedError",        false)            \
  X(no_nodes_available,   3, "NoNodesAvailable",   true)             \
  X(timeout,              4, "RequestTimeout",     true)             \
  X(quorum_unavailable,   5, "QuorumUnavailable",  true)             \
  X(quorum_timeout,       6, "QuorumTimeout",      true)             \
  X(condition_failed,     7, "ConditionFailed",    false)            \
  X(too_many_siblings,    8, "TooManySiblings",    false)            \
  X(key_too_large,        9, "KeyTooLarge",        false)            \
  X(value_too_large,     10, "ValueTooLarge",      false)            \
  X(overloaded,          11, "Overloaded",         true)             \
  X(storage,             12, "StorageError",       true)             \
  X(corruption,          13, "CorruptionError",    true)             \
  X(disk_full,           14, "DiskFull",           true)             \
  X(auth,                15, "AuthError",          false)            \
  X(protocol,            16, "ProtocolError",      false)            \
  X(version_mismatch,    17, "VersionMismatch",    false)            \
  X(internal,            18, "InternalError",      false)            \
  X(stale_layout,        19, "DynakvError",        true)             \
  X(not_ready,           20, "NoNodesAvailable",   true)             \
  X(context_mismatch,    21, "ContextError",       false)            \
  X(clock_skew,          22, "ClockSkewError",     false)            \
  X(stale,               23, "StaleError",         true)
// clang-format on

enum class ErrorCode : std::uint16_t {
#define DYNAKV_ERROR_ENUM(name, number, python, retryable) name = number,
  DYNAKV_ERROR_TABLE(DYNAKV_ERROR_ENUM)
#undef DYNAKV_ERROR_ENUM
};

/// The code's name as written in the table, for example "quorum_timeout".
std::string_view error_name(ErrorCode code);

/// The name of the Python exception class.
std::string_view error_python_class(ErrorCode code);

/// True when the same request may succeed on another node or later.
bool error_is_retryable(ErrorCode code);

/// The code behind a number from the wire; nothing when the number is not in the table.
std::optional<ErrorCode> error_code_from_number(std::uint16_t number);

}  // namespace dynakv

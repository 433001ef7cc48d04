// rocksdb::Status ends here: the one place that turns it into our errors (INVARIANTS §1.6).
#pragma once

#include <rocksdb/status.h>

#include <string>

#include "dynakv/base/result.h"

namespace dynakv {

/// No space is disk_full; Corruption (a checksum, a missing or impossible file) is corruption;
/// every other failure is storage. REQUIRES: !status.ok(), and not NotFound, which is an answer.
Error error_of(const rocksdb::Status& status, const std::string& what);

/// Out of space on the disk, or beyond a limit of it.
bool is_no_space(const rocksdb::Status& status);

/// Why `directory` was not opened. As error_of, with two exceptions: a directory in use is
/// invalid_argument, and the message names the process; missing files are corruption, and the
/// message says what to do.
Error open_error(const rocksdb::Status& status, const std::string& directory);

/// The end of every message about a directory that must not be used again.
extern const char kRejoinRemedy[];

}  // namespace dynakv

#include "dynakv/adapters/rocksdb_status.h"

#include <fcntl.h>
#include <unistd.h>

#include "dynakv/base/check.h"

namespace dynakv {
namespace {

bool mentions(const rocksdb::Status& status, const char* words) {
  return status.ToString().find(words) != std::string::npos;
}

/// The process that holds the lock, 0 when that cannot be known.
/// REQUIRES: this process does not hold it, because closing any descriptor of a file gives up all
/// of a process's locks on it.
pid_t lock_holder(const std::string& lock_path) {
  const int file = ::open(lock_path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return 0;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool known = ::fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(file);
  return known ? lock.l_pid : 0;
}

Error in_use(const std::string& directory, pid_t holder) {
  std::string text = "the data directory " + directory + " is in use by another process";
  if (holder > 0) text += ", pid " + std::to_string(holder);
  return {ErrorCode::invalid_argument, text};
}

}  // namespace

const char kRejoinRemedy[] =
    "; move the directory away and let the node rejoin empty, its data comes back from its peers; "
    "do not run a repair tool: deleted data could show through";

bool is_no_space(const rocksdb::Status& status) {
  return status.IsNoSpace() ||
         (status.IsIOError() && status.subcode() == rocksdb::Status::kSpaceLimit);
}

Error error_of(const rocksdb::Status& status, const std::string& what) {
  DYNAKV_CHECK(!status.ok() && !status.IsNotFound());
  const std::string text = what + ": " + status.ToString();
  if (is_no_space(status)) return {ErrorCode::disk_full, text};
  if (status.IsCorruption()) return {ErrorCode::corruption, text};
  return {ErrorCode::storage, text};
}

Error open_error(const rocksdb::Status& status, const std::string& directory) {
  // RocksDB has no code of its own for a lock that is held.
  if (status.IsIOError() && mentions(status, "lock hold by current process")) {
    return {ErrorCode::invalid_argument, "the data directory " + directory +
                                             " is in use by this process, pid " +
                                             std::to_string(::getpid())};
  }
  if (status.IsIOError() && mentions(status, "While lock file")) {
    return in_use(directory, lock_holder(directory + "/LOCK"));
  }
  Error error = error_of(status, "cannot open " + directory);
  // A missing CURRENT is InvalidArgument, another missing file PathNotFound.
  if (status.IsInvalidArgument() || status.IsPathNotFound()) error.code = ErrorCode::corruption;
  if (error.code == ErrorCode::corruption) error.message += kRejoinRemedy;
  return error;
}

}  // namespace dynakv

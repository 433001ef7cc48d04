#include "dynakv/adapters/system_identity.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "dynakv/base/check.h"

namespace dynakv {
namespace {

/// A file of one line, without the end of the line; empty when it cannot be read.
Bytes line_of(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Error errno_error(const std::string& what) {
  return {ErrorCode::storage, what + ": " + std::strerror(errno)};
}

Result<std::string> device_and_inode(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail(errno_error("cannot stat " + path));
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
}

/// A marker that vanishes in a power loss would be a new place, so it is made durable at once.
Status create_marker(const std::string& directory, const std::string& marker) {
  const int file = ::open(marker.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (file < 0) return fail(errno_error("cannot create " + marker));
  const bool file_synced = ::fsync(file) == 0;
  ::close(file);
  if (!file_synced) return fail(errno_error("cannot sync " + marker));
  const int folder = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return fail(errno_error("cannot open " + directory));
  const bool folder_synced = ::fsync(folder) == 0;
  ::close(folder);
  if (!folder_synced) return fail(errno_error("cannot sync " + directory));
  return {};
}

}  // namespace

Result<StartEvidence> system_evidence(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return fail(ErrorCode::storage, "cannot create " + directory + ": " + error.message());
  }
  const std::string marker = directory + "/" + kPlaceFileName;
  if (Status created = create_marker(directory, marker); !created) return fail(created.error());
  const Result<std::string> folder = device_and_inode(directory);
  if (!folder) return fail(folder.error());
  const Result<std::string> file = device_and_inode(marker);
  if (!file) return fail(file.error());
  StartEvidence evidence;
  evidence.boot_id = line_of("/proc/sys/kernel/random/boot_id");
  // An unknown boot id counts as a new start of the machine, to be on the safe side.
  if (evidence.boot_id.empty()) evidence.boot_id = std::to_string(system_random_seed());
  evidence.place = line_of("/etc/machine-id") + "/" + *folder + "/" + *file;
  return evidence;
}

std::uint64_t system_random_seed() {
  std::uint64_t seed = 0;
  ssize_t count = -1;
  do {
    count = ::getrandom(&seed, sizeof(seed), 0);
  } while (count < 0 && errno == EINTR);
  DYNAKV_CHECK(count == sizeof(seed));
  return seed;
}

}  // namespace dynakv

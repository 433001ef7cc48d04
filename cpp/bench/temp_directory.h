// A directory below the system's place for temporary files, removed with what is in it: by its
// destructor, and also when the program ends early, by a failure or by an interrupt.
#pragma once

#include <string>

namespace dynakv::bench {

class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Removes every directory that is left and ends the program at once, other threads included.
[[noreturn]] void leave_nothing_and_exit(int code);

/// From now on SIGINT and SIGTERM end the program that way. REQUIRES: no thread was started yet.
void leave_nothing_when_interrupted();

}  // namespace dynakv::bench

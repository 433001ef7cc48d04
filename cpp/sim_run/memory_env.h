// The world that a RocksDB sees in the simulator: files in memory, and one thread of its own for
// all background work, which runs only while wait_until_quiet() waits for it. So it never runs
// beside a call, and the files, numbers and all, are the same in each run with the same seed.
//
// Time is real, because RocksDB waits by it; nothing that is compared holds any.
#pragma once

#include <rocksdb/env.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sim_run/memory_files.h"

namespace dynakv {

class MemoryEnv final : public rocksdb::EnvWrapper {
 public:
  explicit MemoryEnv(MemoryFiles& files);
  ~MemoryEnv() override;

  /// Lets background work run; returns when none is queued or runs, or when it rests after a
  /// failure, as RocksDB lets it do for a second: then the next call here goes on with it.
  void wait_until_quiet();
  /// Lets it run without rest beside a call that waits for it, until the next wait_until_quiet().
  void let_work();
  /// What GetFreeSpace tells, unless the files have less room.
  void set_free_bytes(std::uint64_t bytes) { free_bytes_ = bytes; }

  const char* Name() const override { return "MemoryEnv"; }
  rocksdb::Status NewSequentialFile(const std::string& path,
                                    std::unique_ptr<rocksdb::SequentialFile>* file,
                                    const rocksdb::EnvOptions&) override;
  rocksdb::Status NewRandomAccessFile(const std::string& path,
                                      std::unique_ptr<rocksdb::RandomAccessFile>* file,
                                      const rocksdb::EnvOptions&) override;
  rocksdb::Status NewWritableFile(const std::string& path,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions&) override;
  rocksdb::Status ReopenWritableFile(const std::string& path,
                                     std::unique_ptr<rocksdb::WritableFile>* file,
                                     const rocksdb::EnvOptions&) override;
  rocksdb::Status ReuseWritableFile(const std::string& path, const std::string& old_path,
                                    std::unique_ptr<rocksdb::WritableFile>* file,
                                    const rocksdb::EnvOptions&) override;
  rocksdb::Status NewRandomRWFile(const std::string& path,
                                  std::unique_ptr<rocksdb::RandomRWFile>* file,
                                  const rocksdb::EnvOptions&) override;
  rocksdb::Status NewDirectory(const std::string& path,
                               std::unique_ptr<rocksdb::Directory>* directory) override;
  rocksdb::Status FileExists(const std::string& path) override;
  rocksdb::Status GetChildren(const std::string& path, std::vector<std::string>* names) override;
  rocksdb::Status GetChildrenFileAttributes(const std::string& path,
                                            std::vector<FileAttributes>* files) override;
  rocksdb::Status DeleteFile(const std::string& path) override;
  rocksdb::Status RenameFile(const std::string& from, const std::string& to) override;
  rocksdb::Status LinkFile(const std::string&, const std::string&) override;
  rocksdb::Status GetFileSize(const std::string& path, std::uint64_t* bytes) override;
  rocksdb::Status GetFileModificationTime(const std::string&, std::uint64_t* time) override;
  rocksdb::Status CreateDir(const std::string&) override { return rocksdb::Status::OK(); }
  rocksdb::Status CreateDirIfMissing(const std::string&) override { return rocksdb::Status::OK(); }
  rocksdb::Status DeleteDir(const std::string&) override { return rocksdb::Status::OK(); }
  rocksdb::Status IsDirectory(const std::string& path, bool* is_directory) override;
  rocksdb::Status GetAbsolutePath(const std::string& path, std::string* absolute) override;
  rocksdb::Status LockFile(const std::string&, rocksdb::FileLock** lock) override;
  rocksdb::Status UnlockFile(rocksdb::FileLock* lock) override;
  rocksdb::Status GetFreeSpace(const std::string&, std::uint64_t* bytes) override;

  void Schedule(void (*function)(void*), void* argument, Priority, void* tag,
                void (*unscheduled)(void*)) override;
  int UnSchedule(void* tag, Priority) override;
  void SetBackgroundThreads(int, Priority) override {}
  void IncBackgroundThreadsIfNeeded(int, Priority) override {}
  /// RocksDB lets its background work rest for a second after a failure, and then tries again.
  void SleepForMicroseconds(int) override;

 private:
  struct Job {
    void (*function)(void*);
    void* argument;
    void* tag;
    void (*unscheduled)(void*);
  };

  void work();

  MemoryFiles& files_;
  std::uint64_t free_bytes_ = std::uint64_t{1} << 40;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  /// Somebody waits for the jobs.
  bool may_work_ = false;
  bool is_working_ = false;
  bool is_resting_ = false;
  /// False while a call may wait inside RocksDB for what would rest.
  bool may_rest_ = true;
  bool is_ending_ = false;
  std::thread worker_;
};

}  // namespace dynakv

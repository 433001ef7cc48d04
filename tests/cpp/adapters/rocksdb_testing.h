// What the tests of RocksDbStore share: a temporary directory, a small store, and an environment
// whose disk fills up and fails on command.
#pragma once

#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dynakv/adapters/rocksdb_store.h"

namespace dynakv {

/// A new directory, removed at the end; in memory where possible, since opening a store waits for
/// many syncs and none of these tests cuts the power.
class TempDirectory {
 public:
  TempDirectory() {
    const char* shared_memory = "/dev/shm";
    const std::string parent = ::access(shared_memory, W_OK) == 0
                                   ? shared_memory
                                   : std::filesystem::temp_directory_path().string();
    std::string pattern = parent + "/dynakv-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Small memtables, so that flushes and compactions take part.
inline RocksDbOptions small_options(std::string directory) {
  RocksDbOptions options;
  options.directory = std::move(directory);
  options.boot_id = "boot 1";
  options.memtable_bytes = 256 << 10;
  options.block_cache_bytes = 1 << 20;
  options.reserve_bytes = 0;
  return options;
}

inline std::unique_ptr<RocksDbStore> open_or_die(const RocksDbOptions& options) {
  auto store = RocksDbStore::open(options);
  if (!store) {
    ADD_FAILURE() << store.error().message;
    return nullptr;
  }
  return std::move(*store);
}

inline Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::string& path, const Bytes& content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
}

/// The paths of all files of `directory` with this beginning and end of their names, oldest first.
inline std::vector<std::string> find_files(const std::string& directory, const std::string& begin,
                                           const std::string& end) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(begin) && name.ends_with(end)) found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// The newest of them; empty when there is none.
inline std::string find_file(const std::string& directory, const std::string& begin,
                             const std::string& end) {
  const std::vector<std::string> found = find_files(directory, begin, end);
  return found.empty() ? std::string() : found.back();
}

/// Faults of the disk, switched by a test while RocksDB's threads run.
struct DiskFaults {
  std::atomic<bool> sync_fails{false};       // of the log
  std::atomic<bool> log_is_full{false};      // appends to the log
  std::atomic<bool> tables_are_full{false};  // appends to table files
  std::atomic<std::uint64_t> free_bytes{1 << 30};
  std::atomic<int> sync_count{0};
};

class FaultyFile final : public rocksdb::WritableFileWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::WritableFile> file, const std::string& name,
             DiskFaults& faults)
      : WritableFileWrapper(file.get()),
        file_(std::move(file)),
        is_log_(name.ends_with(".log")),
        is_table_(name.ends_with(".sst")),
        faults_(faults) {}

  rocksdb::Status Append(const rocksdb::Slice& data) override {
    const bool full = (is_log_ && faults_.log_is_full) || (is_table_ && faults_.tables_are_full);
    if (!full) return file_->Append(data);
    // Half of it arrives, as on a real disk.
    file_->Append(rocksdb::Slice(data.data(), data.size() / 2)).PermitUncheckedError();
    return rocksdb::Status::NoSpace("planted");
  }
  rocksdb::Status Append(const rocksdb::Slice& data,
                         const rocksdb::DataVerificationInfo&) override {
    return Append(data);
  }
  rocksdb::Status Sync() override {
    if (is_log_) ++faults_.sync_count;
    if (is_log_ && faults_.sync_fails) return rocksdb::Status::IOError("planted");
    return file_->Sync();
  }

 private:
  std::unique_ptr<rocksdb::WritableFile> file_;
  const bool is_log_;
  const bool is_table_;
  DiskFaults& faults_;
};

class FaultyEnv final : public rocksdb::EnvWrapper {
 public:
  explicit FaultyEnv(rocksdb::Env* base = rocksdb::Env::Default()) : EnvWrapper(base) {}

  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    std::unique_ptr<rocksdb::WritableFile> inner;
    const rocksdb::Status status = EnvWrapper::NewWritableFile(name, &inner, options);
    if (status.ok()) *file = std::make_unique<FaultyFile>(std::move(inner), name, faults);
    return status;
  }
  rocksdb::Status GetFreeSpace(const std::string&, std::uint64_t* free_bytes) override {
    *free_bytes = faults.free_bytes;
    return rocksdb::Status::OK();
  }
  /// RocksDB rests a second after a failed flush.
  void SleepForMicroseconds(int) override {}
  const char* Name() const override { return "FaultyEnv"; }

  DiskFaults faults;
};

}  // namespace dynakv

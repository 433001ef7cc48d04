// What RocksDB sees of a file in memory: its own kinds of open files, over MemoryFiles.
#pragma once

#include <rocksdb/env.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "sim_run/memory_files.h"

namespace dynakv {

/// Copies into RocksDB's buffer, as files do.
inline rocksdb::Status read_into(const MemoryFiles& files, const MemoryFiles::File& file,
                                 std::size_t offset, std::size_t count, rocksdb::Slice* result,
                                 char* scratch) {
  const Bytes bytes = files.read(file, offset, count);
  std::memcpy(scratch, bytes.data(), bytes.size());
  *result = rocksdb::Slice(scratch, bytes.size());
  return rocksdb::Status::OK();
}

inline rocksdb::Status written(bool has_room) {
  return has_room ? rocksdb::Status::OK() : rocksdb::Status::NoSpace("the simulated disk is full");
}

inline rocksdb::Status sync_file(MemoryFiles& files, const MemoryFiles::FilePtr& file) {
  return files.sync(file) ? rocksdb::Status::OK()
                          : rocksdb::Status::IOError("the simulated sync failed");
}

class MemorySequentialFile final : public rocksdb::SequentialFile {
 public:
  MemorySequentialFile(MemoryFiles& files, MemoryFiles::FilePtr file)
      : files_(files), file_(std::move(file)) {}

  rocksdb::Status Read(std::size_t count, rocksdb::Slice* result, char* scratch) override {
    const rocksdb::Status status = read_into(files_, *file_, at_, count, result, scratch);
    at_ += result->size();
    return status;
  }
  rocksdb::Status Skip(std::uint64_t count) override {
    at_ = std::min(at_ + count, files_.size(*file_));
    return rocksdb::Status::OK();
  }

 private:
  MemoryFiles& files_;
  MemoryFiles::FilePtr file_;
  std::size_t at_ = 0;
};

class MemoryRandomAccessFile final : public rocksdb::RandomAccessFile {
 public:
  MemoryRandomAccessFile(MemoryFiles& files, MemoryFiles::FilePtr file)
      : files_(files), file_(std::move(file)) {}

  rocksdb::Status Read(std::uint64_t offset, std::size_t count, rocksdb::Slice* result,
                       char* scratch) const override {
    return read_into(files_, *file_, offset, count, result, scratch);
  }

 private:
  MemoryFiles& files_;
  MemoryFiles::FilePtr file_;
};

class MemoryWritableFile final : public rocksdb::WritableFile {
 public:
  MemoryWritableFile(MemoryFiles& files, MemoryFiles::FilePtr file)
      : files_(files), file_(std::move(file)) {}

  using rocksdb::WritableFile::Append;
  rocksdb::Status Append(const rocksdb::Slice& data) override {
    return written(files_.append(*file_, {data.data(), data.size()}));
  }
  rocksdb::Status Close() override { return rocksdb::Status::OK(); }
  rocksdb::Status Flush() override { return rocksdb::Status::OK(); }
  rocksdb::Status Sync() override { return sync_file(files_, file_); }
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize() override { return files_.size(*file_); }

 private:
  MemoryFiles& files_;
  MemoryFiles::FilePtr file_;
};

class MemoryRandomRWFile final : public rocksdb::RandomRWFile {
 public:
  MemoryRandomRWFile(MemoryFiles& files, MemoryFiles::FilePtr file)
      : files_(files), file_(std::move(file)) {}

  rocksdb::Status Write(std::uint64_t offset, const rocksdb::Slice& data) override {
    return written(files_.overwrite(*file_, offset, {data.data(), data.size()}));
  }
  rocksdb::Status Read(std::uint64_t offset, std::size_t count, rocksdb::Slice* result,
                       char* scratch) const override {
    return read_into(files_, *file_, offset, count, result, scratch);
  }
  rocksdb::Status Flush() override { return rocksdb::Status::OK(); }
  rocksdb::Status Sync() override { return sync_file(files_, file_); }
  rocksdb::Status Close() override { return rocksdb::Status::OK(); }

 private:
  MemoryFiles& files_;
  MemoryFiles::FilePtr file_;
};

class MemoryDirectory final : public rocksdb::Directory {
 public:
  explicit MemoryDirectory(MemoryFiles& files) : files_(files) {}
  rocksdb::Status Fsync() override {
    files_.sync_names();
    return rocksdb::Status::OK();
  }
  rocksdb::Status Close() override { return rocksdb::Status::OK(); }

 private:
  MemoryFiles& files_;
};

}  // namespace dynakv

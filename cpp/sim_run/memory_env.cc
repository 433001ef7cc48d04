#include "sim_run/memory_env.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "sim_run/memory_env_files.h"

namespace dynakv {
namespace {

using DbStatus = rocksdb::Status;

DbStatus not_found(const std::string& path) { return DbStatus::NotFound(path, "no such file"); }

/// `Opened` on the file at `path`.
template <typename Opened, typename Base>
DbStatus open_file(MemoryFiles& files, const std::string& path, std::unique_ptr<Base>* opened) {
  MemoryFiles::FilePtr file = files.find(path);
  if (!file) return not_found(path);
  *opened = std::make_unique<Opened>(files, std::move(file));
  return DbStatus::OK();
}

constexpr std::chrono::seconds kPatience{2};
/// Longer than a whole run takes.
constexpr std::chrono::seconds kRestMax{60};

}  // namespace

MemoryEnv::MemoryEnv(MemoryFiles& files)
    : EnvWrapper(rocksdb::Env::Default()), files_(files), worker_([this] { work(); }) {}

MemoryEnv::~MemoryEnv() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

void MemoryEnv::wait_until_quiet() {
  std::unique_lock lock(mutex_);
  may_work_ = may_rest_ = true;
  is_resting_ = false;
  changed_.notify_all();
  changed_.wait(lock, [this] { return is_resting_ || (jobs_.empty() && !is_working_); });
  may_work_ = false;
}

void MemoryEnv::let_work() {
  {
    const std::lock_guard lock(mutex_);
    may_work_ = true;
    may_rest_ = is_resting_ = false;
  }
  changed_.notify_all();
}

void MemoryEnv::SleepForMicroseconds(int) {
  std::unique_lock lock(mutex_);
  if (std::this_thread::get_id() != worker_.get_id() || !may_rest_) return;
  is_resting_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, kRestMax, [this] { return is_ending_ || !is_resting_; });
  is_resting_ = false;
}

void MemoryEnv::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return is_ending_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    // A call that waits inside RocksDB for its jobs gets them late rather than never.
    changed_.wait_for(lock, kPatience, [this] { return is_ending_ || may_work_; });
    if (jobs_.empty()) continue;
    const Job job = jobs_.front();
    jobs_.pop_front();
    is_working_ = true;
    lock.unlock();
    job.function(job.argument);
    lock.lock();
    is_working_ = false;
    changed_.notify_all();
  }
}

void MemoryEnv::Schedule(void (*function)(void*), void* argument, Priority, void* tag,
                         void (*unscheduled)(void*)) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({function, argument, tag, unscheduled});
  }
  changed_.notify_all();
}

int MemoryEnv::UnSchedule(void* tag, Priority) {
  std::deque<Job> dropped;
  {
    const std::lock_guard lock(mutex_);
    const auto kept = std::stable_partition(jobs_.begin(), jobs_.end(),
                                            [tag](const Job& job) { return job.tag != tag; });
    dropped.assign(kept, jobs_.end());
    jobs_.erase(kept, jobs_.end());
  }
  changed_.notify_all();
  for (const Job& job : dropped) {
    if (job.unscheduled != nullptr) job.unscheduled(job.argument);
  }
  return static_cast<int>(dropped.size());
}

DbStatus MemoryEnv::NewSequentialFile(const std::string& path,
                                      std::unique_ptr<rocksdb::SequentialFile>* file,
                                      const rocksdb::EnvOptions&) {
  return open_file<MemorySequentialFile>(files_, path, file);
}

DbStatus MemoryEnv::NewRandomAccessFile(const std::string& path,
                                        std::unique_ptr<rocksdb::RandomAccessFile>* file,
                                        const rocksdb::EnvOptions&) {
  return open_file<MemoryRandomAccessFile>(files_, path, file);
}

DbStatus MemoryEnv::NewWritableFile(const std::string& path,
                                    std::unique_ptr<rocksdb::WritableFile>* file,
                                    const rocksdb::EnvOptions&) {
  *file = std::make_unique<MemoryWritableFile>(files_, files_.create(path));
  return DbStatus::OK();
}

DbStatus MemoryEnv::ReopenWritableFile(const std::string& path,
                                       std::unique_ptr<rocksdb::WritableFile>* file,
                                       const rocksdb::EnvOptions& options) {
  if (!files_.find(path)) return NewWritableFile(path, file, options);
  return open_file<MemoryWritableFile>(files_, path, file);
}

DbStatus MemoryEnv::ReuseWritableFile(const std::string& path, const std::string& old_path,
                                      std::unique_ptr<rocksdb::WritableFile>* file,
                                      const rocksdb::EnvOptions& options) {
  files_.remove(old_path);
  return NewWritableFile(path, file, options);
}

DbStatus MemoryEnv::NewRandomRWFile(const std::string& path,
                                    std::unique_ptr<rocksdb::RandomRWFile>* file,
                                    const rocksdb::EnvOptions&) {
  return open_file<MemoryRandomRWFile>(files_, path, file);
}

DbStatus MemoryEnv::NewDirectory(const std::string&,
                                 std::unique_ptr<rocksdb::Directory>* directory) {
  *directory = std::make_unique<MemoryDirectory>(files_);
  return DbStatus::OK();
}

DbStatus MemoryEnv::FileExists(const std::string& path) {
  return files_.find(path) ? DbStatus::OK() : not_found(path);
}

DbStatus MemoryEnv::GetChildren(const std::string& path, std::vector<std::string>* names) {
  *names = files_.names_in(path);
  return DbStatus::OK();
}

DbStatus MemoryEnv::GetChildrenFileAttributes(const std::string& path,
                                              std::vector<FileAttributes>* files) {
  files->clear();
  for (const std::string& name : files_.names_in(path)) {
    FileAttributes attributes{name, 0};
    if (GetFileSize(path + "/" + name, &attributes.size_bytes).ok()) files->push_back(attributes);
  }
  return DbStatus::OK();
}

DbStatus MemoryEnv::DeleteFile(const std::string& path) {
  return files_.remove(path) ? DbStatus::OK() : not_found(path);
}

DbStatus MemoryEnv::RenameFile(const std::string& from, const std::string& to) {
  return files_.rename(from, to) ? DbStatus::OK() : not_found(from);
}

DbStatus MemoryEnv::LinkFile(const std::string&, const std::string&) {
  return DbStatus::NotSupported("links");
}

DbStatus MemoryEnv::GetFileSize(const std::string& path, std::uint64_t* bytes) {
  const MemoryFiles::FilePtr file = files_.find(path);
  if (!file) return not_found(path);
  *bytes = files_.size(*file);
  return DbStatus::OK();
}

DbStatus MemoryEnv::GetFileModificationTime(const std::string&, std::uint64_t* time) {
  *time = 0;
  return DbStatus::OK();
}

DbStatus MemoryEnv::IsDirectory(const std::string& path, bool* is_directory) {
  *is_directory = !files_.find(path);
  return DbStatus::OK();
}

DbStatus MemoryEnv::GetAbsolutePath(const std::string& path, std::string* absolute) {
  *absolute = path;
  return DbStatus::OK();
}

DbStatus MemoryEnv::LockFile(const std::string&, rocksdb::FileLock** lock) {
  *lock = new rocksdb::FileLock();
  return DbStatus::OK();
}

DbStatus MemoryEnv::UnlockFile(rocksdb::FileLock* lock) {
  delete lock;
  return DbStatus::OK();
}

DbStatus MemoryEnv::GetFreeSpace(const std::string&, std::uint64_t* bytes) {
  *bytes = std::min<std::uint64_t>(free_bytes_, files_.room().value_or(free_bytes_));
  return DbStatus::OK();
}

}  // namespace dynakv

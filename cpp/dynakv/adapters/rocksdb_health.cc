#include "dynakv/adapters/rocksdb_health.h"

#include <utility>

#include "dynakv/adapters/rocksdb_status.h"

namespace dynakv {

RocksDbHealth::RocksDbHealth(rocksdb::Env& env, std::string directory, std::uint64_t reserve_bytes)
    : env_(env), directory_(std::move(directory)), reserve_bytes_(reserve_bytes) {
  below_reserve_ = !has_reserve();
}

StoreCondition RocksDbHealth::condition(rocksdb::DB& db) {
  if (!failed_ && (writes_stopped_ || below_reserve_) && ++calls_ % kCheckedCalls == 0) {
    try_to_recover(db);
  }
  if (failed_) return StoreCondition::failed;
  const bool full = writes_stopped_ || below_reserve_;
  return full ? StoreCondition::disk_full : StoreCondition::healthy;
}

std::optional<Error> RocksDbHealth::failure() const {
  if (!failed_) return std::nullopt;
  const std::lock_guard<std::mutex> lock(mutex_);
  return failure_;
}

Error RocksDbHealth::note_failure(Error error) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!failure_) failure_ = std::move(error);
  failed_ = true;
  return *failure_;
}

void RocksDbHealth::note_step(std::size_t bytes) {
  bytes_ += bytes;
  if (++steps_ < kCheckedSteps && bytes_ < kCheckedBytes) return;
  steps_ = 0;
  bytes_ = 0;
  below_reserve_ = !has_reserve();
}

void RocksDbHealth::try_to_recover(rocksdb::DB& db) {
  below_reserve_ = !has_reserve();
  if (below_reserve_ || !writes_stopped_ || failed_) return;
  const rocksdb::Status status = db.Resume();
  if (status.ok()) {
    writes_stopped_ = false;
  } else if (!is_no_space(status) && !status.IsBusy()) {
    note_failure(error_of(status, "cannot go on after the disk was full"));
  }
}

void RocksDbHealth::OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                                      rocksdb::Status* status) {
  const bool compaction = reason == rocksdb::BackgroundErrorReason::kCompaction;
  if (is_no_space(*status) && reason != rocksdb::BackgroundErrorReason::kWriteCallback) {
    // A compaction without space changes nothing and stops nothing; the reserve reports the lack of
    // space.
    if (!compaction) writes_stopped_ = true;
    return;
  }
  // RocksDB does not count this as an error of the database and compacts again by itself.
  if (compaction && status->IsIOError() &&
      status->severity() == rocksdb::Status::Severity::kNoError) {
    return;
  }
  Error error = error_of(*status, "the store has failed");
  // disk_full would promise that it ends by itself.
  if (error.code == ErrorCode::disk_full) error.code = ErrorCode::storage;
  note_failure(std::move(error));
}

void RocksDbHealth::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                                         bool* auto_recovery) {
  *auto_recovery = false;
}

bool RocksDbHealth::has_reserve() const {
  if (reserve_bytes_ == 0) return true;
  std::uint64_t free_bytes = 0;
  const rocksdb::Status status = env_.GetFreeSpace(directory_, &free_bytes);
  return !status.ok() || free_bytes >= reserve_bytes_;
}

}  // namespace dynakv

// A small file beside the database that says how far its log must reach.
//
// Why: after a loss of power the tail of RocksDB's log may be torn, with later blocks on disk and
// earlier ones not. Only point-in-time recovery opens such a log and keeps a prefix of history, but
// it also ends quietly at a damaged record in the middle, and then counters run backwards (B6) and
// acknowledged writes are gone. RocksDB cannot tell the two apart; the mark can: it holds the
// sequence number of the last change that was written, and of the last that was synced. A log that
// was replayed to less than that has lost what it had promised.
//
// Invariant 1: `synced` is stored only after the sync of everything up to it returned.
// Invariant 2: `written` counts only within one start of the operating system, because a page that
// the kernel has survives the end of a process, not a loss of power.
// Invariant 3: a directory is formatted only when it has no mark and no files of RocksDB, so that a
// lost CURRENT never reads as a new, empty store.
//
//   mark     := magic:8 formatted:u64 written:u64 synced:u64 boot:2*u64 manifest crc32c:u32
//   manifest := number:u64 size:u64                 ManifestExtent
//   crc32c   := CRC-32C of all bytes before it
//
// It is written in one piece, 68 bytes within a sector, and never synced after the directory is
// formatted: an older mark only claims less.
//
// Threads: any (the sync helper and the loop both note).
#pragma once

#include <rocksdb/env.h>

#include <memory>
#include <mutex>
#include <string>

#include "dynakv/adapters/rocksdb_manifest.h"
#include "dynakv/base/hash.h"
#include "dynakv/base/result.h"

namespace dynakv {

class RocksDbMark {
 public:
  /// Reads the mark of `directory`, or makes one in an empty directory.
  /// Errors: corruption when it is damaged, or missing beside files of RocksDB; storage; disk_full.
  static Result<std::unique_ptr<RocksDbMark>> open(rocksdb::Env& env, const std::string& directory,
                                                   BytesView boot_id);

  /// False until the database was created completely.
  bool is_formatted() const { return formatted_; }

  /// The last sequence number that a recovered log has to reach.
  std::uint64_t sequence_min() const { return sequence_min_; }

  /// How far the manifest has to reach.
  const ManifestExtent& manifest() const { return manifest_; }

  /// The database is open at `sequence`; from now on the mark belongs to this start of the system.
  Status begin(std::uint64_t sequence, const ManifestExtent& manifest);

  Status note_written(std::uint64_t sequence);
  Status note_synced(std::uint64_t sequence);
  /// REQUIRES: the extent was synced.
  Status note_manifest(const ManifestExtent& manifest);

 private:
  RocksDbMark() = default;
  Bytes encode() const;
  /// False when `bytes` is no mark.
  bool decode(BytesView bytes, const Hash128& boot_now);
  Status store();

  std::mutex mutex_;
  std::unique_ptr<rocksdb::RandomRWFile> file_;
  bool formatted_ = false;
  std::uint64_t written_ = 0;
  std::uint64_t synced_ = 0;
  Hash128 boot_;
  ManifestExtent manifest_;
  std::uint64_t sequence_min_ = 0;
};

}  // namespace dynakv

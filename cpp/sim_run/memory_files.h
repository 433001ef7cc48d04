// Files in memory, with the memory of a disk: what was written, what of it is durable, and what a
// loss of power may do to the rest.
//
// Written bytes are the operating system's: they survive the end of the process. A loss of power
// keeps what was synced, and of the rest a part that is drawn for each file: the first bytes of
// what was appended (a torn tail), sometimes with a hole where a block did not make it before later
// ones did, and the first of the writes in place. Names are files too: creations, removals and
// renames are durable once the directory was synced, and of later ones the first few survive.
//
// Room can be limited: an append that finds none for all of it leaves its first bytes behind, as
// write(2) does.
//
// Source: Pillai et al., All File Systems Are Not Created Equal (2014); INVARIANTS §3.1.
//
// Threads: any; RocksDB's background work writes too.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dynakv/base/bytes.h"
#include "dynakv/base/random.h"
#include "dynakv/sim/sim_store.h"

namespace dynakv {

class MemoryFiles {
 public:
  struct File;
  using FilePtr = std::shared_ptr<File>;
  /// Durable content by path.
  struct Image : SimFiles {
    std::map<std::string, Bytes> files;
  };

  /// A new empty file, in the place of any other.
  FilePtr create(const std::string& path);
  /// Null when there is none.
  FilePtr find(const std::string& path) const;
  bool remove(const std::string& path);
  bool rename(const std::string& from, const std::string& to);
  /// The names within a directory.
  std::vector<std::string> names_in(const std::string& directory) const;
  void sync_names();

  /// False when there was no room for all of it: what found room is there.
  bool append(File& file, BytesView data);
  /// The same; bytes that are there already need no room.
  bool overwrite(File& file, std::size_t offset, BytesView data);
  Bytes read(const File& file, std::size_t offset, std::size_t count) const;
  std::size_t size(const File& file) const;
  /// False when the sync failed: its pages are clean now, and may be gone with the process.
  bool sync(const FilePtr& file);

  /// Damages the medium itself.
  void flip_bit(File& file, std::size_t bit);
  /// The next sync of a log fails.
  void fail_next_sync();

  /// So many bytes more find room, and so do those of files that are removed; nullopt = no limit.
  void limit_room(std::optional<std::size_t> bytes);
  std::optional<std::size_t> room() const;

  /// From now on a dying process changes nothing any more.
  void freeze();
  /// It is gone. Of pages whose sync failed, the operating system may have kept none.
  void thaw(Random& random);
  /// True when a file was cut within what was not synced.
  bool lose_power(Random& random);
  std::shared_ptr<const Image> durable_image() const;
  void restore(const Image& image);

 private:
  /// The new files of some paths, all at once; null = no file.
  using NameChange = std::vector<std::pair<std::string, FilePtr>>;

  void change_names(NameChange change);
  std::size_t named_bytes() const;
  /// How many of `bytes` find room; they take it.
  std::size_t take_room(std::size_t bytes);

  mutable std::mutex mutex_;
  std::map<std::string, FilePtr> names_;
  std::map<std::string, FilePtr> durable_names_;
  std::deque<NameChange> unsynced_names_;
  /// Their sync failed.
  std::vector<FilePtr> lost_;
  std::optional<std::size_t> room_;
  bool is_frozen_ = false;
  bool next_sync_fails_ = false;
};

}  // namespace dynakv

#include "sim_run/memory_files.h"

#include <algorithm>

namespace dynakv {
namespace {

/// Pages that stay dirty are written back by and by. This many writes in place are still open.
constexpr std::size_t kOverwritesMax = 32;
/// One torn tail in this many has a hole.
constexpr std::uint64_t kHoleOneIn = 4;

}  // namespace

struct MemoryFiles::File {
  std::string path;  // at its creation
  Bytes data;
  /// So many bytes of it are durable, without the latest writes in place.
  std::size_t synced = 0;
  /// Of each unsynced write in place: where it went, and what was there.
  std::deque<std::pair<std::size_t, Bytes>> overwritten;

  void undo_overwrites(std::size_t kept) {
    for (; overwritten.size() > kept; overwritten.pop_back()) {
      const auto& [offset, before] = overwritten.back();
      data.replace(offset, before.size(), before);
    }
  }
  void settle() {
    synced = data.size();
    overwritten.clear();
  }
};

MemoryFiles::FilePtr MemoryFiles::create(const std::string& path) {
  const std::lock_guard lock(mutex_);
  auto file = std::make_shared<File>();
  file->path = path;
  change_names({{path, file}});
  return file;
}

MemoryFiles::FilePtr MemoryFiles::find(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto at = names_.find(path);
  return at != names_.end() ? at->second : nullptr;
}

bool MemoryFiles::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!names_.contains(path)) return false;
  change_names({{path, nullptr}});
  return true;
}

bool MemoryFiles::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  const auto at = names_.find(from);
  if (at == names_.end()) return false;
  change_names({{to, at->second}, {from, nullptr}});
  return true;
}

void MemoryFiles::change_names(NameChange change) {
  if (is_frozen_) return;
  const std::size_t before = room_ ? named_bytes() : 0;
  for (const auto& [path, file] : change) {
    if (file) {
      names_[path] = file;
    } else {
      names_.erase(path);
    }
  }
  if (room_) *room_ += before - named_bytes();
  unsynced_names_.push_back(std::move(change));
}

std::vector<std::string> MemoryFiles::names_in(const std::string& directory) const {
  const std::lock_guard lock(mutex_);
  const std::string prefix = directory + "/";
  std::vector<std::string> names;
  for (const auto& [path, file] : names_) {
    if (path.starts_with(prefix)) names.push_back(path.substr(prefix.size()));
  }
  return names;
}

void MemoryFiles::sync_names() {
  const std::lock_guard lock(mutex_);
  if (is_frozen_) return;
  durable_names_ = names_;
  unsynced_names_.clear();
}

std::size_t MemoryFiles::named_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [path, file] : names_) bytes += file->data.size();
  return bytes;
}

std::size_t MemoryFiles::take_room(std::size_t bytes) {
  if (!room_) return bytes;
  const std::size_t taken = std::min(bytes, *room_);
  *room_ -= taken;
  return taken;
}

bool MemoryFiles::append(File& file, BytesView data) {
  const std::lock_guard lock(mutex_);
  if (is_frozen_) return true;
  const std::size_t taken = take_room(data.size());
  file.data.append(data.substr(0, taken));
  return taken == data.size();
}

bool MemoryFiles::overwrite(File& file, std::size_t offset, BytesView data) {
  const std::lock_guard lock(mutex_);
  if (is_frozen_) return true;
  const std::size_t end = offset + data.size();
  if (end > file.data.size()) {
    const std::size_t more = end - file.data.size();
    const std::size_t taken = take_room(more);
    file.data.resize(file.data.size() + taken);
    if (taken < more) return false;
  }
  file.overwritten.emplace_back(offset, file.data.substr(offset, data.size()));
  if (file.overwritten.size() > kOverwritesMax) file.overwritten.pop_front();
  file.data.replace(offset, data.size(), data);
  return true;
}

Bytes MemoryFiles::read(const File& file, std::size_t offset, std::size_t count) const {
  const std::lock_guard lock(mutex_);
  return offset < file.data.size() ? file.data.substr(offset, count) : Bytes();
}

std::size_t MemoryFiles::size(const File& file) const {
  const std::lock_guard lock(mutex_);
  return file.data.size();
}

bool MemoryFiles::sync(const FilePtr& file) {
  const std::lock_guard lock(mutex_);
  if (is_frozen_) return true;
  if (next_sync_fails_ && file->path.ends_with(".log")) {
    next_sync_fails_ = false;
    lost_.push_back(file);
    return false;
  }
  file->settle();
  return true;
}

void MemoryFiles::flip_bit(File& file, std::size_t bit) {
  const std::lock_guard lock(mutex_);
  char& byte = file.data.at(bit / 8);
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1u << bit % 8));
}

void MemoryFiles::fail_next_sync() {
  const std::lock_guard lock(mutex_);
  next_sync_fails_ = true;
}

void MemoryFiles::limit_room(std::optional<std::size_t> bytes) {
  const std::lock_guard lock(mutex_);
  room_ = bytes;
}

std::optional<std::size_t> MemoryFiles::room() const {
  const std::lock_guard lock(mutex_);
  return room_;
}

void MemoryFiles::freeze() {
  const std::lock_guard lock(mutex_);
  is_frozen_ = true;
}

void MemoryFiles::thaw(Random& random) {
  const std::lock_guard lock(mutex_);
  is_frozen_ = next_sync_fails_ = false;
  for (const FilePtr& file : std::exchange(lost_, {})) {
    if (random.chance(1, 2)) file->data.resize(file->synced);
  }
}

bool MemoryFiles::lose_power(Random& random) {
  const std::lock_guard lock(mutex_);
  const std::size_t names_kept = random.below(unsynced_names_.size() + 1);
  for (std::size_t i = 0; i < names_kept; ++i) {
    for (const auto& [path, file] : unsynced_names_[i]) {
      if (file) {
        durable_names_[path] = file;
      } else {
        durable_names_.erase(path);
      }
    }
  }
  unsynced_names_.clear();
  names_ = durable_names_;
  bool was_torn = false;
  for (const auto& [path, file] : names_) {
    file->undo_overwrites(random.below(file->overwritten.size() + 1));
    const std::size_t unsynced = file->data.size() - file->synced;
    const std::size_t kept = random.below(unsynced + 1);
    was_torn = was_torn || (kept > 0 && kept < unsynced);
    file->data.resize(file->synced + kept);
    if (kept > 0 && random.chance(1, kHoleOneIn)) {
      const std::size_t from = file->synced + random.below(kept);
      const std::size_t count = 1 + random.below(file->data.size() - from);
      file->data.replace(from, count, count, '\0');
    }
    file->settle();
  }
  return was_torn;
}

std::shared_ptr<const MemoryFiles::Image> MemoryFiles::durable_image() const {
  const std::lock_guard lock(mutex_);
  auto image = std::make_shared<Image>();
  for (const auto& [path, file] : durable_names_) {
    File copy = *file;
    copy.undo_overwrites(0);
    image->files[path] = copy.data.substr(0, copy.synced);
  }
  return image;
}

void MemoryFiles::restore(const Image& image) {
  const std::lock_guard lock(mutex_);
  names_.clear();
  unsynced_names_.clear();
  lost_.clear();
  for (const auto& [path, data] : image.files) {
    auto file = std::make_shared<File>();
    file->path = path;
    file->data = data;
    file->settle();
    names_[path] = std::move(file);
  }
  durable_names_ = names_;
}

}  // namespace dynakv

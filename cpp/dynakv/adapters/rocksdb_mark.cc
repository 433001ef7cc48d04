#include "dynakv/adapters/rocksdb_mark.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "dynakv/adapters/rocksdb_status.h"
#include "dynakv/base/byte_io.h"

namespace dynakv {
namespace {

// Not beginning with LOG: RocksDB takes such a file for its own and deletes it.
constexpr char kFileName[] = "DYNAKV-MARK";
constexpr BytesView kMagic = "DKVMARK1";
constexpr std::size_t kMarkBytes = 68;

bool belongs_to_rocksdb(const std::string& name) {
  const auto ends_with = [&name](BytesView end) { return BytesView(name).ends_with(end); };
  return name == "CURRENT" || name.starts_with("MANIFEST-") || ends_with(".sst") ||
         ends_with(".log");
}

/// Writes the file under another name first: half a mark, for want of room or power, would look
/// like damage.
Status create_file(rocksdb::Env& env, const std::string& directory, const std::string& path,
                   const Bytes& content) {
  std::vector<std::string> names;
  rocksdb::Status status = env.GetChildren(directory, &names);
  if (!status.ok()) return fail(error_of(status, "cannot list " + directory));
  if (std::any_of(names.begin(), names.end(), belongs_to_rocksdb)) {
    return fail(ErrorCode::corruption,
                directory + " holds files of a database, but not its " + kFileName + kRejoinRemedy);
  }
  const std::string unfinished = path + ".new";
  std::unique_ptr<rocksdb::WritableFile> file;
  status = env.NewWritableFile(unfinished, &file, rocksdb::EnvOptions());
  if (status.ok()) status = file->Append(content);
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = file->Close();
  if (status.ok()) status = env.RenameFile(unfinished, path);
  std::unique_ptr<rocksdb::Directory> folder;
  if (status.ok()) status = env.NewDirectory(directory, &folder);
  if (status.ok()) status = folder->Fsync();
  if (!status.ok()) return fail(error_of(status, "cannot create " + path));
  return {};
}

}  // namespace

Result<std::unique_ptr<RocksDbMark>> RocksDbMark::open(rocksdb::Env& env,
                                                       const std::string& directory,
                                                       BytesView boot_id) {
  std::unique_ptr<RocksDbMark> mark(new RocksDbMark());
  const Hash128 boot_now = boot_id.empty() ? Hash128{} : hash128(boot_id);
  const std::string path = directory + "/" + kFileName;
  rocksdb::Status status = env.FileExists(path);
  if (status.IsNotFound()) {
    if (Status created = create_file(env, directory, path, mark->encode()); !created) {
      return fail(created.error());
    }
    status = rocksdb::Status::OK();
  }
  if (status.ok()) status = env.NewRandomRWFile(path, &mark->file_, rocksdb::EnvOptions());
  char buffer[kMarkBytes + 1];
  rocksdb::Slice content;
  if (status.ok()) status = mark->file_->Read(0, sizeof(buffer), &content, buffer);
  if (!status.ok()) return fail(error_of(status, "cannot read " + path));
  if (!mark->decode({content.data(), content.size()}, boot_now)) {
    return fail(ErrorCode::corruption, path + " is damaged" + kRejoinRemedy);
  }
  mark->boot_ = boot_now;
  return mark;
}

Bytes RocksDbMark::encode() const {
  Bytes bytes(kMagic);
  ByteWriter writer(bytes);
  writer.fixed<std::uint64_t>(formatted_ ? 1 : 0);
  writer.fixed(written_);
  writer.fixed(synced_);
  writer.fixed(boot_.high);
  writer.fixed(boot_.low);
  writer.fixed(manifest_.number);
  writer.fixed(manifest_.size);
  writer.fixed(crc32c(bytes));
  return bytes;
}

bool RocksDbMark::decode(BytesView bytes, const Hash128& boot_now) {
  if (bytes.size() != kMarkBytes || !bytes.starts_with(kMagic)) return false;
  ByteReader reader(bytes.substr(kMagic.size()));
  formatted_ = reader.fixed<std::uint64_t>() != 0;
  written_ = reader.fixed<std::uint64_t>();
  synced_ = reader.fixed<std::uint64_t>();
  boot_.high = reader.fixed<std::uint64_t>();
  boot_.low = reader.fixed<std::uint64_t>();
  manifest_.number = reader.fixed<std::uint64_t>();
  manifest_.size = reader.fixed<std::uint64_t>();
  const BytesView covered = bytes.substr(0, kMarkBytes - sizeof(std::uint32_t));
  if (reader.fixed<std::uint32_t>() != crc32c(covered)) return false;
  const bool same_start = boot_ == boot_now && boot_now != Hash128{};
  sequence_min_ = same_start ? std::max(written_, synced_) : synced_;
  return true;
}

Status RocksDbMark::begin(std::uint64_t sequence, const ManifestExtent& manifest) {
  const std::lock_guard<std::mutex> lock(mutex_);
  written_ = sequence;
  manifest_ = manifest;
  const bool is_new = !formatted_;
  formatted_ = true;
  if (Status stored = store(); !stored) return stored;
  if (!is_new) return {};
  const rocksdb::Status status = file_->Sync();
  if (!status.ok()) return fail(error_of(status, "cannot sync the mark"));
  return {};
}

Status RocksDbMark::note_written(std::uint64_t sequence) {
  const std::lock_guard<std::mutex> lock(mutex_);
  written_ = std::max(written_, sequence);
  return store();
}

Status RocksDbMark::note_synced(std::uint64_t sequence) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (sequence <= synced_) return {};
  synced_ = sequence;
  return store();
}

Status RocksDbMark::note_manifest(const ManifestExtent& manifest) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // Two of RocksDB's threads may come in either order.
  if (std::pair(manifest.number, manifest.size) <= std::pair(manifest_.number, manifest_.size)) {
    return {};
  }
  manifest_ = manifest;
  return store();
}

Status RocksDbMark::store() {
  const rocksdb::Status status = file_->Write(0, encode());
  if (!status.ok()) return fail(error_of(status, "cannot write the mark"));
  return {};
}

}  // namespace dynakv

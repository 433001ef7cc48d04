#include "dynakv/adapters/rocksdb_manifest.h"

#include <algorithm>
#include <memory>

#include "dynakv/adapters/rocksdb_status.h"
#include "dynakv/base/byte_io.h"
#include "dynakv/base/hash.h"

namespace dynakv {
namespace {

// RocksDB's log format: blocks of 32 KiB; a record is crc(u32, masked) length(u16) type(u8)
// payload; fewer bytes than a header at the end of a block are zeros. The checksum covers type and
// payload.
constexpr std::size_t kBlockBytes = 32 << 10;
constexpr std::size_t kHeaderBytes = 7;

std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; }

/// True when `content` is a row of whole, undamaged records that ends exactly at its end.
bool is_whole(BytesView content) {
  std::size_t at = 0;
  while (at < content.size()) {
    const std::size_t left_in_block = kBlockBytes - at % kBlockBytes;
    if (left_in_block < kHeaderBytes) {
      at += left_in_block;
      continue;
    }
    ByteReader reader(content.substr(at));
    const auto crc = reader.fixed<std::uint32_t>();
    const std::size_t length = reader.fixed<std::uint16_t>();
    const std::size_t record_bytes = kHeaderBytes + length;
    const bool fits = record_bytes <= left_in_block && record_bytes <= content.size() - at;
    if (!reader.ok() || !fits) return false;
    if (crc != masked(crc32c(content.substr(at + 6, 1 + length)))) return false;
    at += record_bytes;
  }
  return true;
}

std::string manifest_path(const std::string& directory, std::uint64_t number) {
  std::string digits = std::to_string(number);
  digits.insert(0, 6 - std::min<std::size_t>(6, digits.size()), '0');
  return directory + "/MANIFEST-" + digits;
}

/// Which manifest CURRENT names.
Result<std::uint64_t> current_number(rocksdb::Env& env, const std::string& directory) {
  std::string name;
  const rocksdb::Status status = rocksdb::ReadFileToString(&env, directory + "/CURRENT", &name);
  if (!status.ok()) return fail(open_error(status, directory));
  constexpr BytesView kPrefix = "MANIFEST-";
  const std::string digits = name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : "";
  if (digits.size() < 2 || digits.size() > 19 || digits.back() != '\n' ||
      digits.find_first_not_of("0123456789") != digits.size() - 1) {
    return fail(ErrorCode::corruption, directory + "/CURRENT is damaged" + kRejoinRemedy);
  }
  return std::stoull(digits);
}

}  // namespace

Result<ManifestExtent> sync_manifest(rocksdb::Env& env, const std::string& directory) {
  const Result<std::uint64_t> number = current_number(env, directory);
  if (!number) return fail(number.error());
  const std::string path = manifest_path(directory, *number);
  ManifestExtent extent{.number = *number};
  rocksdb::Status status = env.GetFileSize(path, &extent.size);
  std::unique_ptr<rocksdb::RandomRWFile> file;
  if (status.ok()) status = env.NewRandomRWFile(path, &file, rocksdb::EnvOptions());
  if (status.ok()) status = file->Sync();
  if (!status.ok()) return fail(error_of(status, "cannot sync " + path));
  return extent;
}

Status check_manifest(rocksdb::Env& env, const std::string& directory,
                      const ManifestExtent& known) {
  if (known.number == 0) return {};
  const Result<std::uint64_t> number = current_number(env, directory);
  if (!number) return fail(number.error());
  const std::string path = manifest_path(directory, *number);
  if (*number > known.number) return {};  // a new one starts with all that the old one held
  std::string content;
  if (*number == known.number) {
    const rocksdb::Status status = rocksdb::ReadFileToString(&env, path, &content);
    if (!status.ok()) return fail(open_error(status, directory));
  }
  if (content.size() < known.size || !is_whole(BytesView(content).substr(0, known.size))) {
    return fail(ErrorCode::corruption, path + " has lost records" + kRejoinRemedy);
  }
  return {};
}

}  // namespace dynakv

// Writing and reading little-endian numbers, varints and length-prefixed byte strings in one
// contiguous buffer.
//
// Reading is total: a reader that runs past its end or meets a malformed number goes bad and
// returns zeros from then on; ok() says so at the end. Each length is compared with the bytes that
// are left before it is used, so hostile input can never make us allocate more than it sent.
#pragma once

#include <concepts>
#include <cstring>

#include "dynakv/base/bytes.h"

namespace dynakv {

class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}

  template <std::unsigned_integral T>
  void fixed(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    out_.append(raw, sizeof(T));
  }

  /// Base-128, least significant group first; 1 to 10 bytes.
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
  }

  /// A varint length, then the bytes.
  void string(BytesView bytes) {
    varint(bytes.size());
    out_.append(bytes);
  }

 private:
  Bytes& out_;
};

class ByteReader {
 public:
  explicit ByteReader(BytesView in) : in_(in) {}

  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }
  std::size_t left() const { return in_.size(); }

  /// True when everything was read and nothing was malformed.
  bool finished() const { return ok_ && in_.empty(); }

  template <std::unsigned_integral T>
  T fixed() {
    T value = 0;
    if (in_.size() < sizeof(T)) return bad<T>();
    std::memcpy(&value, in_.data(), sizeof(T));
    in_.remove_prefix(sizeof(T));
    return value;
  }

  /// Refuses a form longer than needed, so that equal values have equal bytes.
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (in_.empty()) return bad<std::uint64_t>();
      const auto byte = static_cast<unsigned char>(in_.front());
      in_.remove_prefix(1);
      const std::uint64_t group = byte & 0x7f;
      if (shift == 63 && group > 1) return bad<std::uint64_t>();
      value |= group << shift;
      if (byte < 0x80) {
        if (byte == 0 && shift > 0) return bad<std::uint64_t>();
        return value;
      }
    }
    return bad<std::uint64_t>();
  }

  /// A view into the input; valid as long as the input is.
  BytesView string() {
    const std::uint64_t size = varint();
    if (size > in_.size()) return bad<BytesView>();
    const BytesView bytes = in_.substr(0, static_cast<std::size_t>(size));
    in_.remove_prefix(static_cast<std::size_t>(size));
    return bytes;
  }

  /// A count of items that take at least `item_bytes_min` bytes each. Marks the input as malformed
  /// when the rest of it cannot hold that many.
  std::size_t count(std::size_t item_bytes_min) {
    const std::uint64_t value = varint();
    if (value > in_.size() / item_bytes_min) return bad<std::size_t>();
    return static_cast<std::size_t>(value);
  }

  /// Marks the input as malformed.
  void refuse() { bad<int>(); }

 private:
  template <typename T>
  T bad() {
    ok_ = false;
    in_ = {};
    return T{};
  }

  BytesView in_;
  bool ok_ = true;
};

}  // namespace dynakv

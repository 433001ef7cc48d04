// The two cereal archives of the wire: one appends to a byte buffer, one reads from a view of one.
//
// cereal's own archives go through streams, and its loaders resize a container to whatever count
// the sender chose. These write straight into the connection's buffer, and read through ByteReader:
// a count or a length is compared with the bytes that are left before anything is allocated.
//
// Invariant 1: reading is total. After the first malformed byte the reader is bad, everything else
// reads as zero, and ok() is false; no exception is thrown (cereal throws only for pointers and
// named values, which neither archive knows). Invariant 2: one value has one form: what was read
// and is written again gives the same bytes.
//
//   integer  := little-endian, as wide as the type
//   bool     := 0 | 1                                one byte
//   enum     := its underlying type                  only known values
//   bytes    := length:varint byte*
//   vector   := count:varint element*
//   pair     := first second
//   duration := nanoseconds:u64                      at most kDurationMax
//   struct   := its fields
#pragma once

#include <algorithm>
#include <concepts>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>
#include <cereal/cereal.hpp>

#include "dynakv/base/byte_io.h"
#include "dynakv/base/time.h"
#include "dynakv/protocol/message_fields.h"

namespace dynakv {

/// Longest duration on the wire, 100 years: added to any clock it stays in range.
inline constexpr Duration kDurationMax = seconds(std::int64_t{3600} * 24 * 36525);

/// Values that an enum may have on the wire; specialised for each enum of a message.
template <typename Enum>
struct WireEnum;

/// Fewest bytes that one element of a vector takes; specialised for each such type.
template <typename T>
struct WireBytesMin;

class WireOutput : public cereal::OutputArchive<WireOutput, cereal::AllowEmptyClassElision> {
 public:
  /// Appends to `out`, completely only after flush(). The archive may be used again after
  /// set_buffer(): it is larger to build than a message is to encode.
  explicit WireOutput(Bytes* out = nullptr)
      : cereal::OutputArchive<WireOutput, cereal::AllowEmptyClassElision>(this), out_(out) {}

  void set_buffer(Bytes* out) {
    out_ = out;
    used_ = 0;
  }
  void flush() {
    out_->append(scratch_, used_);
    used_ = 0;
  }
  /// What has been written so far, for encoders that append by themselves.
  Bytes& buffer() {
    flush();
    return *out_;
  }

  template <std::unsigned_integral T>
  void fixed(T value) {
    if (used_ + sizeof(T) > sizeof(scratch_)) flush();
    std::memcpy(scratch_ + used_, &value, sizeof(T));
    used_ += sizeof(T);
  }

  void varint(std::uint64_t value) {
    if (used_ + 10 > sizeof(scratch_)) flush();
    while (value >= 0x80) {
      scratch_[used_++] = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    scratch_[used_++] = static_cast<char>(value);
  }

  void string(BytesView bytes) {
    varint(bytes.size());
    if (used_ + bytes.size() > sizeof(scratch_)) {
      flush();
      out_->append(bytes);
      return;
    }
    if (bytes.empty()) return;
    std::memcpy(scratch_ + used_, bytes.data(), bytes.size());
    used_ += bytes.size();
  }

 private:
  Bytes* out_;
  std::size_t used_ = 0;
  /// Small fields are collected here, so that the buffer grows once for many of them.
  char scratch_[512];
};

class WireInput : public cereal::InputArchive<WireInput, cereal::AllowEmptyClassElision> {
 public:
  explicit WireInput(BytesView in = {})
      : cereal::InputArchive<WireInput, cereal::AllowEmptyClassElision>(this), in_(in) {}

  void set_input(BytesView in) { in_ = ByteReader(in); }
  ByteReader& reader() { return in_; }

 private:
  ByteReader in_;
};

}  // namespace dynakv

CEREAL_SETUP_ARCHIVE_TRAITS(dynakv::WireInput, dynakv::WireOutput)

/// cereal takes any number for an enum; ours are checked.
template <typename T>
requires std::is_enum_v<T>
struct cereal::specialize<dynakv::WireOutput, T, cereal::specialization::non_member_load_save>
    : std::true_type {
};
template <typename T>
requires std::is_enum_v<T>
struct cereal::specialize<dynakv::WireInput, T, cereal::specialization::non_member_load_save>
    : std::true_type {
};

namespace dynakv {

template <std::integral T>
void CEREAL_SAVE_FUNCTION_NAME(WireOutput& ar, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    ar.fixed(static_cast<std::uint8_t>(value ? 1 : 0));
  } else {
    ar.fixed(static_cast<std::make_unsigned_t<T>>(value));
  }
}
template <std::integral T>
void CEREAL_LOAD_FUNCTION_NAME(WireInput& ar, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    const auto number = ar.reader().fixed<std::uint8_t>();
    if (number > 1) ar.reader().refuse();
    value = number == 1;
  } else {
    value = static_cast<T>(ar.reader().fixed<std::make_unsigned_t<T>>());
  }
}

template <typename T>
requires std::is_enum_v<T>
void CEREAL_SAVE_FUNCTION_NAME(WireOutput& ar, const T& value) {
  ar.fixed(static_cast<std::make_unsigned_t<std::underlying_type_t<T>>>(value));
}
template <typename T>
requires std::is_enum_v<T>
void CEREAL_LOAD_FUNCTION_NAME(WireInput& ar, T& value) {
  const auto number = ar.reader().fixed<std::make_unsigned_t<std::underlying_type_t<T>>>();
  value = static_cast<T>(number);
  if (!WireEnum<T>::is_known(value)) {
    // Zero reads as zero after an error too, and is not known to every enum.
    ar.reader().refuse();
    value = T{};
  }
}

template <typename String>
void CEREAL_SAVE_FUNCTION_NAME(WireOutput& ar, const Bounded<String>& field) {
  ar.string(field.bytes);
}
template <typename String>
void CEREAL_LOAD_FUNCTION_NAME(WireInput& ar, Bounded<String>& field) {
  const BytesView view = ar.reader().string();
  if (view.size() > field.size_max) return ar.reader().refuse();
  field.bytes.assign(view);
}

inline void CEREAL_SAVE_FUNCTION_NAME(WireOutput& ar, const Duration& value) {
  const std::int64_t kept =
      std::clamp<std::int64_t>(value.nanoseconds, 0, kDurationMax.nanoseconds);
  ar.fixed(static_cast<std::uint64_t>(kept));
}
inline void CEREAL_LOAD_FUNCTION_NAME(WireInput& ar, Duration& value) {
  const auto number = ar.reader().fixed<std::uint64_t>();
  if (number > static_cast<std::uint64_t>(kDurationMax.nanoseconds)) return ar.reader().refuse();
  value = {static_cast<std::int64_t>(number)};
}

template <typename T>
void CEREAL_SAVE_FUNCTION_NAME(WireOutput& ar, const std::vector<T>& items) {
  ar.varint(items.size());
  for (const T& item : items) ar(item);
}
template <typename T>
void CEREAL_LOAD_FUNCTION_NAME(WireInput& ar, std::vector<T>& items) {
  const std::size_t count = ar.reader().count(WireBytesMin<T>::value);
  items.clear();
  items.reserve(count);
  for (std::size_t i = 0; i < count && ar.reader().ok(); ++i) ar(items.emplace_back());
}

}  // namespace dynakv

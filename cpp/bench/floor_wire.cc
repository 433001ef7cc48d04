#include "bench/floor_wire.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace dynakv::bench {
namespace {

template <typename T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

template <typename T>
void store(T value, char* to) {
  std::memcpy(to, &value, sizeof(value));
}

}  // namespace

void encode_frame(const FloorFrame& frame, std::string* out) { encode_frame(frame, {}, out); }

void encode_frame(const FloorFrame& frame, std::string_view rest, std::string* out) {
  char header[kFloorHeaderBytes];
  const std::size_t size = kFloorHeaderBytes + frame.key.size() + frame.body.size() + rest.size();
  store(static_cast<std::uint32_t>(size - sizeof(std::uint32_t)), header);
  store(frame.id, header + 4);
  header[8] = static_cast<char>(frame.type);
  header[9] = frame.found ? 1 : 0;
  store(static_cast<std::uint16_t>(frame.key.size()), header + 10);
  out->append(header, sizeof(header));
  out->append(frame.key);
  out->append(frame.body);
  out->append(rest);
}

std::size_t frame_size(std::string_view input) {
  if (input.size() < sizeof(std::uint32_t)) return 0;
  const std::size_t size = sizeof(std::uint32_t) + load<std::uint32_t>(input.data());
  floor_require(size >= kFloorHeaderBytes && size <= kFloorFrameBytesMax, "frame length");
  return size;
}

FloorFrame decode_frame(std::string_view input) {
  const std::size_t key_size = load<std::uint16_t>(input.data() + 10);
  floor_require(kFloorHeaderBytes + key_size <= input.size(), "key size");
  FloorFrame frame;
  frame.type = static_cast<FloorType>(input[8]);
  frame.found = input[9] != 0;
  frame.id = load<std::uint32_t>(input.data() + 4);
  frame.key = input.substr(kFloorHeaderBytes, key_size);
  frame.body = input.substr(kFloorHeaderBytes + key_size);
  return frame;
}

std::uint64_t mix64(std::uint64_t value) {
  value ^= value >> 30U;
  value *= 0xbf58476d1ce4e5b9U;
  value ^= value >> 27U;
  value *= 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

std::uint64_t hash_bytes(std::string_view bytes) {
  std::uint64_t hash = 0x9e3779b97f4a7c15U ^ bytes.size();
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    hash = (hash ^ load<std::uint64_t>(at)) * 0xff51afd7ed558ccdU;
    hash ^= hash >> 32U;
  }
  std::uint64_t tail = 0;
  std::memcpy(&tail, at, left);
  return mix64(hash ^ tail);
}

void floor_require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "floor: %s (errno: %s)\n", what, std::strerror(errno));
  std::abort();
}

}  // namespace dynakv::bench

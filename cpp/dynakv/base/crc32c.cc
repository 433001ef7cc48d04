// CRC-32C, by the processor's own instruction where it has one (x86 with SSE 4.2), otherwise by a
// table of 256 entries. Debian 12 packages no C++ library for it.
#include <array>
#include <cstring>

#include "dynakv/base/hash.h"

namespace dynakv {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78U : 0U);
    table[i] = crc;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

std::uint32_t extend_by_table(BytesView bytes, std::uint32_t crc) {
  for (const char c : bytes) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  }
  return crc;
}

#if defined(__x86_64__) && defined(__GNUC__)

__attribute__((target("sse4.2"))) std::uint32_t extend_by_instruction(BytesView bytes,
                                                                      std::uint32_t crc) {
  std::uint64_t state = crc;
  const char* next = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; next += 8, left -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, next, 8);
    state = __builtin_ia32_crc32di(state, word);
  }
  auto short_state = static_cast<std::uint32_t>(state);
  for (; left > 0; ++next, --left) {
    short_state = __builtin_ia32_crc32qi(short_state, static_cast<unsigned char>(*next));
  }
  return short_state;
}

std::uint32_t extend(BytesView bytes, std::uint32_t crc) {
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  return has_instruction ? extend_by_instruction(bytes, crc) : extend_by_table(bytes, crc);
}

#else

std::uint32_t extend(BytesView bytes, std::uint32_t crc) { return extend_by_table(bytes, crc); }

#endif

}  // namespace

std::uint32_t crc32c(BytesView bytes, std::uint32_t crc) { return ~extend(bytes, ~crc); }

}  // namespace dynakv

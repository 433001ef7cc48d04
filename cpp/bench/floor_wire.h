// Frames of the floor, encoded by hand.
//
// What: the frame header, its encoder, a decoder that yields views, and the digest of a value.
//
// Why: what a codec may cost at least: no copies, no checksum, no version.
//
// Invariants:
// 1. The length counts all bytes after itself. Numbers have the native byte order: both ends are
//    one process.
//
//      frame := length:u32 id:u32 type:u8 found:u8 key_size:u16 key body
//
// 2. `id` is chosen by the asker and comes back in the answer.
//
// Source: PERFORMANCE.md §1 ("by hand"); departs from DESIGN.md §9 on purpose.
#ifndef DYNAKV_BENCH_FLOOR_WIRE_H_
#define DYNAKV_BENCH_FLOOR_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dynakv::bench {

enum class FloorType : std::uint8_t {
  kPut,  // Client to coordinator: key, value. Answer: kPutReply.
  kPutReply,
  kGet,       // Client to coordinator: key. Answer: kGetReply.
  kGetReply,  // The value, if found.
  kStore,     // Coordinator to replica: key, record. Answer: kStored.
  kStored,
  kAsk,     // Coordinator to replica: key. Answer: kDigest.
  kDigest,  // The value's digest, if found.
  kFetch,   // As kAsk, where the coordinator has no copy of its own. Answer: kValue.
  kValue,
};

struct FloorFrame {
  FloorType type = FloorType::kPut;
  bool found = true;
  std::uint32_t id = 0;
  std::string_view key = {};
  std::string_view body = {};
};

inline constexpr std::size_t kFloorHeaderBytes = 12;
inline constexpr std::size_t kFloorFrameBytesMax = 32U << 20;

// Appends the frame to `out`.
void encode_frame(const FloorFrame& frame, std::string* out);

// The same with a body in two parts, `frame.body` and `rest`.
void encode_frame(const FloorFrame& frame, std::string_view rest, std::string* out);

// Returns the size of the frame that `input` begins with, 0 where the length is still missing.
std::size_t frame_size(std::string_view input);

// Decodes a complete frame into views of `input`. Aborts on a malformed one.
FloorFrame decode_frame(std::string_view input);

std::uint64_t mix64(std::uint64_t value);  // A bijection.
std::uint64_t hash_bytes(std::string_view bytes);

// Aborts with `what` and errno's text unless `condition` holds.
void floor_require(bool condition, const char* what);

}  // namespace dynakv::bench

#endif  // DYNAKV_BENCH_FLOOR_WIRE_H_

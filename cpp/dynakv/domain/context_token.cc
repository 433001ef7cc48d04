#include "dynakv/domain/context_token.h"

#include <utility>

#include "dynakv/base/hash.h"
#include "dynakv/domain/object_format.h"

namespace dynakv {
namespace {

constexpr std::uint8_t kMagic = 0xdc;
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kTokenBytesMin = 2 + 8 + 2 + kCrcBytes;

tl::unexpected<Error> refused_token(const char* what) {
  return fail(ErrorCode::context_mismatch,
              std::string(what) + "; read the key again and use the result's context");
}

}  // namespace

Bytes encode_token(const ContextToken& token) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.fixed(kMagic);
  out.fixed(kVersion);
  out.fixed(token.scope);
  encode_context(token.context, out);
  out.fixed(crc32c(bytes));
  return bytes;
}

Result<ContextToken> decode_token(BytesView bytes) {
  if (bytes.empty() || static_cast<std::uint8_t>(bytes.front()) != kMagic) {
    return refused_token("these bytes are no context token");
  }
  if (bytes.size() < kTokenBytesMin) return refused_token("the context token is cut short");
  const BytesView body = bytes.substr(0, bytes.size() - kCrcBytes);
  ByteReader end(bytes.substr(body.size()));
  if (end.fixed<std::uint32_t>() != crc32c(body)) {
    return refused_token("the context token is damaged or cut short");
  }
  ByteReader in(body.substr(1));
  if (in.fixed<std::uint8_t>() != kVersion) {
    return refused_token("the context token is of another version");
  }
  ContextToken token;
  token.scope = in.fixed<std::uint64_t>();
  token.context = decode_context(in);
  if (!in.finished()) return refused_token("the context token is malformed");
  return token;
}

Status check_key(const ContextToken& token, std::uint64_t scope) {
  if (token.scope == scope) return {};
  return fail(ErrorCode::context_mismatch,
              "the context was read from another key or bucket; read this key and use its own");
}

Status check_same_key(const ContextToken& a, const ContextToken& b) {
  if (a.scope == b.scope) return {};
  return fail(ErrorCode::context_mismatch,
              "the contexts are of different keys and cannot be compared or united");
}

}  // namespace dynakv

#include "dynakv/protocol/admission.h"

#include "dynakv/base/canary.h"
#include "dynakv/domain/bucket.h"

namespace dynakv {

Status validate_head(const RequestHead& head) {
  if (const Status valid = validate_bucket_name(head.bucket); !valid) return fail(valid.error());
  if (head.key.empty()) {
    return fail(ErrorCode::invalid_argument, "the key is empty; a key has 1 to 4096 bytes");
  }
  if (head.key.size() > kKeyBytesMax) {
    return fail(ErrorCode::key_too_large, "the key has " + std::to_string(head.key.size()) +
                                              " bytes; a key has 1 to 4096 bytes");
  }
  return {};
}

Status validate_write(const WriteRequest& request, const ProtocolOptions& options) {
  if (const Status valid = validate_head(request.head); !valid) return fail(valid.error());
  if (request.value.size() > options.value_bytes_max) {
    return fail(ErrorCode::value_too_large,
                "the value has " + std::to_string(request.value.size()) + " bytes; at most " +
                    std::to_string(options.value_bytes_max) +
                    " are allowed; split it, or raise value_bytes_max (hard limit 16 MiB)");
  }
  if (request.content_type.size() > kContentTypeBytesMax) {
    return fail(ErrorCode::invalid_argument, "a content type has at most 255 bytes");
  }
  if (request.ttl < Duration{}) {
    return fail(ErrorCode::invalid_argument, "ttl is negative; give seconds above 0, or none");
  }
  if (!request.context.empty() && !canary(Canary::foreign_context_accepted) &&
      request.context_scope != context_scope(request.head.bucket, request.head.key)) {
    return fail(ErrorCode::context_mismatch,
                "the context was read from another key or bucket; read this key and use its own");
  }
  return {};
}

}  // namespace dynakv

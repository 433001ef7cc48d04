// What a client's request must satisfy before any machine sees it. Every refusal names the remedy,
// and is definite: nothing was stored or sent (I13).
#pragma once

#include "dynakv/base/result.h"
#include "dynakv/protocol/messages.h"
#include "dynakv/protocol/options.h"

namespace dynakv {

/// Errors: invalid_argument (empty key, bucket's name), key_too_large.
Status validate_head(const RequestHead& head);

/// Errors: as validate_head; value_too_large; context_mismatch when the context belongs to another
/// key; invalid_argument.
Status validate_write(const WriteRequest& request, const ProtocolOptions& options);

}  // namespace dynakv

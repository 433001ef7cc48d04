#include "dynakv/protocol/local_requests.h"

#include <utility>

#include "dynakv/protocol/request_error.h"

namespace dynakv {
Message LocalRequests::begin(LocalRequest request, LayoutVersion layout, LocalDone done) {
  const auto id = static_cast<RequestId>(++count_);
  pending_[id] = {std::holds_alternative<WriteRequest>(request), std::move(done)};
  return std::visit(
      [&](auto& body) {
        body.head.layout = layout;
        return Message{id, std::move(body)};
      },
      request);
}

void LocalRequests::deliver(Message&& reply) {
  const auto at = pending_.find(reply.id);
  if (at == pending_.end()) return;
  const LocalDone done = std::move(at->second.done);
  pending_.erase(at);
  done(std::move(reply.body));
}

void LocalRequests::close() {
  for (auto& [id, pending] : std::exchange(pending_, {})) {
    ErrorReply reply =
        refused(ErrorCode::closed, pending.is_write ? "the node ended; the write may be applied"
                                                    : "the node ended; nothing was changed");
    reply.in_doubt = pending.is_write;
    pending.done(std::move(reply));
  }
}

}  // namespace dynakv

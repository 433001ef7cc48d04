#include "dynakv/protocol/outbox.h"

namespace dynakv {

Reply::Reply() = default;
Reply::Reply(OperationId of, Outcome end) : operation(of), outcome(std::move(end)) {}
Reply::Reply(const Reply&) = default;
Reply::Reply(Reply&&) noexcept = default;
Reply& Reply::operator=(const Reply&) = default;
Reply& Reply::operator=(Reply&&) noexcept = default;
Reply::~Reply() = default;

Outbox::Outbox() = default;
Outbox::Outbox(Outbox&&) noexcept = default;
Outbox& Outbox::operator=(Outbox&&) noexcept = default;
Outbox::~Outbox() = default;

void Outbox::send(const NodeId& to, RequestId id, Body body) {
  effects_.emplace_back(Send{{to}, Message{id, std::move(body)}});
}

void Outbox::send(std::vector<NodeId> to, RequestId id, Body body) {
  if (to.empty()) return;
  effects_.emplace_back(Send{std::move(to), Message{id, std::move(body)}});
}

void Outbox::answer(const Origin& origin, Body body) {
  send(origin.node, origin.request, std::move(body));
}

void Outbox::set_timer(TimerId timer, Instant at) { effects_.emplace_back(SetTimer{timer, at}); }

void Outbox::cancel_timer(TimerId timer) { effects_.emplace_back(CancelTimer{timer}); }

void Outbox::reply(Reply reply) { effects_.emplace_back(std::move(reply)); }

}  // namespace dynakv

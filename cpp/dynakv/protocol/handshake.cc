#include "dynakv/protocol/handshake.h"

#include <utility>

namespace dynakv {
namespace {

Handshake::Outcome refuse(Refusal refusal) {
  return {Handshake::Verdict::refuse, std::move(refusal)};
}

}  // namespace

Handshake::Outcome Handshake::handle_message(const Greeter& self, const Body& body) {
  if (const auto* refusal = std::get_if<Refusal>(&body)) return {Verdict::refused, *refusal};
  const auto* hello = std::get_if<Hello>(&body);
  if (ready_ != (hello == nullptr)) {
    return refuse({{ErrorCode::protocol, "the first message, and only that, must be a Hello"}, {}});
  }
  if (ready_) return {};
  if (const Status valid = check(self, *hello); !valid) {
    return refuse(self.refusal_for(*hello, valid.error()));
  }
  peer_ = hello->sender;
  ready_ = true;
  return {Verdict::ready, {}};
}

Status Handshake::check(const Greeter& self, const Hello& hello) const {
  if (const Status valid = self.check_hello(hello); !valid) return valid;
  if (hello.sender.is_nil() || hello.sender == self.own_id()) {
    return fail(ErrorCode::auth, "a peer needs an id of its own");
  }
  if (dialled_ && hello.role != Role::node) {
    return fail(ErrorCode::auth, "a client cannot be dialled");
  }
  if (!peer_.is_nil() && hello.sender != peer_) {
    return fail(ErrorCode::auth, "another node answers at the address of " + to_string(peer_));
  }
  return {};
}

}  // namespace dynakv

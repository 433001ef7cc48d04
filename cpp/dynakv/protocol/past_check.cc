#include "dynakv/protocol/past_check.h"

#include <algorithm>

#include "dynakv/protocol/sometimes.h"

namespace dynakv {
namespace {

constexpr TimerId kTimer{TimerKind::identity_check, 0};

}  // namespace

void lose_past(EventSources& sources, Identity& identity) {
  sources.actors.retire_all();
  sources.hints.distrust_past();
  identity.set_past_proven();
}

Status PastCheck::start(Now now, Outbox& out) {
  review();
  if (!identity_.is_past_checked()) {
    out.set_timer(kTimer, now.steady + options_.timeout);
  }
  return {};
}

void PastCheck::review() {
  if (identity_.is_past_checked() || !view_.has_layout()) return;
  const auto& members = view_.layout().members;
  if (std::all_of(members.begin(), members.end(), [this](const Member& member) {
        return member.id == identity_.id() || members_heard_.contains(member.id);
      })) {
    identity_.set_past_proven();
    identity_.set_past_checked();
  }
}

void PastCheck::handle_peer_up(Now, const Hello& hello, Outbox& out) {
  if (!identity_.is_past_checked()) members_heard_.insert(hello.sender);
  review();
  if (identity_.is_past_checked()) out.cancel_timer(kTimer);
}

void PastCheck::handle_timer(Now, TimerId, Outbox&) {
  sometimes(Sometimes::identity_check_timed_out, !identity_.is_past_proven());
  if (!identity_.is_past_proven()) lose_past(sources_, identity_);
  identity_.set_past_checked();
}

}  // namespace dynakv

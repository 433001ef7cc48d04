#include "dynakv/protocol/rollback_detector.h"

#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/sometimes.h"

namespace dynakv {

void RollbackDetector::handle_peer_up(Now, const Hello& hello, Outbox&) {
  if (identity_.was_rolled_back(hello.progress_seen) && !canary(Canary::actor_outlives_rollback)) {
    sometimes(Sometimes::rollback_found_by_peer);
    be_rolled_back();
  }
  identity_.peers().note(hello.sender, hello.progress);
}

void RollbackDetector::note_lost_incarnation(std::uint64_t incarnation) {
  if (canary(Canary::actor_outlives_rollback)) return;
  identity_.go_beyond(incarnation);
  be_rolled_back();
}

void RollbackDetector::be_rolled_back() {
  ++found_count_;
  lose_past(sources_, identity_);
  if (identity_.become_amnesic()) is_amnesia_new_ = true;
}

void RollbackDetector::add_to(Counters& counters) const {
  counters["actors_minted"] += sources_.actors.minted_count();
  counters["actors_retired"] += sources_.actors.retired_count();
  counters["rollbacks_found"] += found_count_;
}

}  // namespace dynakv

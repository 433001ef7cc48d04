// Notices that this node was rolled back: others know of steps that its directory has forgotten,
// of its events, and of data that it acknowledged (B6, I15).
//
// The proof comes in two ways: each Hello says how far its sender has seen this node get, and
// gossip may know the node in a later life than it remembers. Either way the node goes on under new
// actors, behind what it lost, and is amnesic from then on.
//
// Invariant 1: what a Hello proves is acted on before anything else is done with that peer.
#pragma once

#include <utility>

#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/machine.h"
#include "dynakv/protocol/past_check.h"

namespace dynakv {

class RollbackDetector final : public Machine {
 public:
  RollbackDetector(Identity& identity, EventSources sources)
      : identity_(identity), sources_(sources) {}

  /// Others know this node in that life, and it does not.
  void note_lost_incarnation(std::uint64_t incarnation);
  /// The node has become amnesic since this was last asked.
  bool take_amnesia() { return std::exchange(is_amnesia_new_, false); }

  void handle_peer_up(Now now, const Hello& hello, Outbox& out) override;
  void add_to(Counters& counters) const override;

 private:
  void be_rolled_back();

  Identity& identity_;
  EventSources sources_;
  bool is_amnesia_new_ = false;
  std::uint64_t found_count_ = 0;
};

}  // namespace dynakv

// The first message on a connection, in both directions: what this node says of itself, whom it
// lets in, and what it tells those whom it refuses.
//
// Nodes that are no members are welcome: they own nothing. Refused are strangers that claim what
// belongs to others: another cluster, a name or an id that is known with something else, an
// identity that was removed or lives on in another directory.
//
// Invariant 1: nothing here changes the node; what was said in a Hello is acted on only by the
// machines, after both sides agreed.
#pragma once

#include "dynakv/base/result.h"
#include "dynakv/protocol/contacts.h"
#include "dynakv/protocol/messages.h"

namespace dynakv {

class NodeGreeter {
 public:
  explicit NodeGreeter(KnownPeers known) : known_(known) {}

  /// What this node says of itself to `peer` (nil: not known yet, or a client).
  Hello hello_for(const NodeId& peer) const;
  /// Errors: auth (another cluster, a name with another id, a removed id).
  Status check(const Hello& hello) const;
  /// What to send whoever said this Hello, which check() refused with `error`.
  Refusal refusal_for(const Hello& hello, Error error) const;

 private:
  Status check_first_member(const Hello& hello) const;
  /// The sender's id is known in another life, or in another directory.
  Status check_life(const Hello& hello) const;
  Status check_name(const Hello& hello) const;
  IdentityClaim claim_for(const Hello& hello) const;

  KnownPeers known_;
};

}  // namespace dynakv

// The handshake: how two sides of a connection learn who is at the other end, before anything else
// passes.
//
// The side that dialled says Hello first. The other side checks it, and answers with a Hello of its
// own, which the first one checks. Either side may send a Refusal instead, with the reason, and
// then closes the connection. A server runs a Handshake for each connection, and so does the
// simulator.
//
// Invariant 1: no message passes before the other side's Hello was accepted (I26). Invariant 2:
// each side says Hello once. Invariant 3: a client is never dialled, and nobody connects to itself
// or to a node that answers for another one (I16). What a client may send afterwards is in the
// table of messages; how many bytes and how much time a stranger may take is the driver's business.
// Source: DESIGN §9.
#pragma once

#include "dynakv/base/result.h"
#include "dynakv/protocol/messages.h"

namespace dynakv {

/// Who a side is, and whom it lets in: a node or a client.
class Greeter {
 public:
  virtual ~Greeter() = default;
  virtual NodeId own_id() const = 0;
  /// What this side says of itself to `peer`; nil: not known yet.
  virtual Hello hello_for(const NodeId& peer) const = 0;
  /// Errors: protocol, version_mismatch, auth.
  virtual Status check_hello(const Hello& hello) const = 0;
  /// What the other side is told when its Hello is not accepted.
  virtual Refusal refusal_for(const Hello& hello, const Error& error) const = 0;
};

class Handshake {
 public:
  /// `expected` is the node that was dialled; nil: whoever answers.
  static Handshake dialled(const NodeId& expected = {}) { return {true, expected}; }
  static Handshake accepted() { return {false, {}}; }

  enum class Verdict {
    /// The message is for the core or the session.
    pass,
    /// The other side's Hello was accepted. The side that was dialled answers with its own now.
    ready,
    /// The other side is to be sent `refusal`, and the connection ends.
    refuse,
    /// The other side sent `refusal`: it does not talk to this one, and the connection ends.
    refused,
  };
  struct Outcome {
    Verdict verdict = Verdict::pass;
    Refusal refusal;
  };

  /// Judges the next message of the other side.
  Outcome handle_message(const Greeter& self, const Body& body);

  bool is_dialled() const { return dialled_; }
  bool is_ready() const { return ready_; }
  /// Before the other side's Hello the expected node, after it the one that said it.
  const NodeId& peer() const { return peer_; }

 private:
  Handshake(bool dialled, const NodeId& expected) : dialled_(dialled), peer_(expected) {}

  Status check(const Greeter& self, const Hello& hello) const;

  bool dialled_;
  bool ready_ = false;
  NodeId peer_;
};

}  // namespace dynakv

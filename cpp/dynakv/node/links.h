// Links: the connections of one node or client as links to named peers: who is at the other end,
// how far its handshake is, and when to dial again.
//
// Between two nodes each dials the other: a node sends everything on the connection that it dialled
// and reads the accepted one. A client's single connection goes both ways. An accepted link is used
// for sending too while there is no dialled one, so that a reply is not lost to a dial's backoff.
//
// Invariant 1: no message passes before both Hellos were accepted; until then a frame has at most
// 16 KiB, a link lives at most the handshake timeout, and no answer is longer than what was
// received (I26). Invariant 2: for each peer at most one dialled and one accepted link exist; the
// newer replaces the older. Invariant 3: handle_peer_up and handle_peer_down alternate for each
// peer.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "dynakv/adapters/asio_transport.h"
#include "dynakv/adapters/wire_codec.h"
#include "dynakv/base/random.h"
#include "dynakv/base/timer_queue.h"
#include "dynakv/node/link_faults.h"
#include "dynakv/protocol/handshake.h"

namespace dynakv {

struct LinksOptions {
  TransportOptions transport;
  /// From the connection's start to the accepted Hello; a stranger holds a place no longer (I26).
  Duration handshake_timeout = seconds(5);
};

/// Pause before the next dial; doubled with each failure, up to the maximum, plus up to a half.
inline constexpr Duration kRedialPauseFirst = milliseconds(50);
inline constexpr Duration kRedialPauseMax = seconds(1);
/// Pause before contacts that did not answer are dialled again.
inline constexpr Duration kContactPause = milliseconds(100);

class LinksHandler {
 public:
  virtual ~LinksHandler() = default;
  virtual Now link_now() = 0;
  /// Who this side is, for the handshakes of its connections.
  virtual const Greeter& greeter() const = 0;
  /// The other side will not talk to this one. The handler may hang up everything.
  virtual void handle_refusal(const Refusal& refusal) = 0;
  /// The dialled link to a node works in both directions, or has ended.
  virtual void handle_peer_up(const Hello& hello) = 0;
  virtual void handle_peer_down(const NodeId& peer) = 0;
  virtual void handle_peer_message(const NodeId& from, Message&& message) = 0;
  /// A dial failed, was refused, or its link ended.
  virtual void handle_dial_failed(const std::string& address, const std::string& reason) = 0;
};

struct LinkCounters {
  std::uint64_t dials = 0;
  std::uint64_t handshakes_refused = 0;
  std::uint64_t handshakes_timed_out = 0;
  std::uint64_t protocol_errors = 0;
  std::uint64_t messages_received = 0;
};

class Links final : private TransportHandler {
 public:
  struct Target {
    NodeId id;
    std::string address;
  };

  Links(AsioReactor& reactor, const LinksOptions& options, LinksHandler& handler, Random random);

  AsioTransport& transport() { return transport_; }
  const AsioTransport& transport() const { return transport_; }
  const LinkCounters& counters() const { return counters_; }
  std::uint64_t lost_to_faults() const { return faults_.lost_count(); }

  /// The peers to keep a dialled link to; others are hung up.
  void set_targets(const std::vector<Target>& targets);
  /// Addresses to keep dialling, whoever answers there. Once the caller knows who does, that node
  /// becomes a target, and its link stays.
  void set_contacts(std::vector<std::string> addresses);

  /// Ends every connection; targets and contacts are dialled again.
  void hang_up_all(const std::string& reason);

  /// What befalls messages between this node and others from now on.
  void set_faults(const std::vector<LinkFault>& faults);

  /// Where to append frames for this peer; nullptr when it is not connected. One frame at a time,
  /// because each may meet a fault of its own.
  Bytes* output(const NodeId& peer);
  bool is_up(const NodeId& peer) const;
  std::size_t up_count() const { return up_count_; }
  /// True when no target is being dialled for the first time.
  bool targets_are_settled() const;

  /// Ends handshakes that are too old and dials again what is due.
  void run_timers(Instant now);
  Instant next_timer() const;

 private:
  struct Link {
    Link(ConnectionId at, Handshake shake) : connection(at), handshake(std::move(shake)) {}

    const NodeId& peer() const { return handshake.peer(); }

    ConnectionId connection;
    Handshake handshake;
    /// Its end was not noticed, because nothing is heard of the peer.
    bool ended_unheard = false;
    /// Of a dialled one.
    std::string address;
    std::size_t bytes_received = 0;
    FrameReader reader;
  };
  struct Peer {
    /// Empty when it is not a target.
    std::string address;
    /// 0: none. A dialled one may not be ready yet.
    ConnectionId dialled{};
    ConnectionId accepted{};
    bool up = false;
    int dial_failures = 0;
    bool settled = false;
  };

  void handle_open(ConnectionId connection, bool dialled) override;
  void handle_bytes(ConnectionId connection, BytesView bytes) override;
  void handle_closed(ConnectionId connection, const std::string& reason) override;

  void dial(const NodeId& id, const std::string& address);
  void dial_contacts(Instant now);
  void send_hello(Link& link);
  /// False when the link is gone.
  bool handle_message(Link& link, Message&& message);
  void handle_ready(Link& link, const Hello& hello);
  void accept_link(Link& link);
  void establish_dialled(Link& link, const Hello& hello);
  void refuse(Link& link, Refusal refusal);
  /// Forgets the link and tells who needs to know.
  void forget(ConnectionId connection, const std::string& reason);
  void hang_up(ConnectionId connection, const std::string& reason);
  void plan_redial(const NodeId& id, Peer& peer);
  void erase_if_idle(const NodeId& id);

  const Duration handshake_timeout_;
  LinksHandler& handler_;
  Random random_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Link>> links_;
  std::map<NodeId, Peer> peers_;
  std::size_t up_count_ = 0;
  TimerQueue<ConnectionId> handshakes_;
  TimerQueue<NodeId> redials_;
  std::vector<std::string> contacts_;
  Instant contact_at_ = Instant::far_future();
  LinkCounters counters_;
  LinkFaults faults_;
  /// Last: its end may not call into what is gone already.
  AsioTransport transport_;
};

}  // namespace dynakv

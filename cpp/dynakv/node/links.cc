#include "dynakv/node/links.h"

#include <algorithm>
#include <set>
#include <utility>

namespace dynakv {

Links::Links(AsioReactor& reactor, const LinksOptions& options, LinksHandler& handler,
             Random random)
    : handshake_timeout_(options.handshake_timeout),
      handler_(handler),
      random_(random.stream("dials")),
      faults_(random.stream("faults")),
      transport_(reactor, options.transport, *this) {}

void Links::set_targets(const std::vector<Target>& targets) {
  std::set<NodeId> wanted;
  for (const Target& target : targets) {
    wanted.insert(target.id);
    Peer& peer = peers_[target.id];
    if (peer.address == target.address) continue;
    peer.address = target.address;
    if (peer.dialled == ConnectionId{}) redials_.set(target.id, handler_.link_now().steady);
    if (peer.up) peer.settled = true;
  }
  std::vector<NodeId> unwanted;
  for (const auto& [id, peer] : peers_) {
    if (!peer.address.empty() && !wanted.contains(id)) unwanted.push_back(id);
  }
  for (const NodeId& id : unwanted) {
    Peer& peer = peers_[id];
    peer.address.clear();
    redials_.cancel(id);
    if (peer.dialled != ConnectionId{}) hang_up(peer.dialled, "not a member any more");
    erase_if_idle(id);
  }
}

void Links::set_contacts(std::vector<std::string> addresses) {
  contacts_ = std::move(addresses);
  contact_at_ = contacts_.empty() ? Instant::far_future() : handler_.link_now().steady;
}

void Links::dial_contacts(Instant now) {
  if (now < contact_at_) return;
  for (const std::string& address : contacts_) {
    const bool is_dialled = std::any_of(links_.begin(), links_.end(), [&](const auto& entry) {
      return entry.second->handshake.is_dialled() && entry.second->address == address;
    });
    if (!is_dialled) dial({}, address);
  }
  contact_at_ = now + kContactPause;
}

void Links::dial(const NodeId& id, const std::string& address) {
  ++counters_.dials;
  const ConnectionId connection = transport_.dial(address);
  auto link = std::make_unique<Link>(connection, Handshake::dialled(id));
  link->address = address;
  links_.emplace(to_number(connection), std::move(link));
  handshakes_.set(connection, handler_.link_now().steady + handshake_timeout_);
  if (!id.is_nil()) peers_[id].dialled = connection;
}

Bytes* Links::output(const NodeId& peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return nullptr;
  const Peer& known = found->second;
  const ConnectionId connection = known.up ? known.dialled : known.accepted;
  if (connection == ConnectionId{}) return nullptr;
  if (Bytes* elsewhere = faults_.divert(peer, handler_.link_now().steady)) return elsewhere;
  return transport_.output(connection);
}

void Links::set_faults(const std::vector<LinkFault>& faults) {
  faults_.set(faults);
  std::vector<ConnectionId> ended;
  for (const auto& [number, link] : links_) {
    if (link->ended_unheard && !faults_.hides(link->peer())) ended.push_back(link->connection);
  }
  std::sort(ended.begin(), ended.end());
  for (const ConnectionId connection : ended) forget(connection, "it had ended");
}

bool Links::is_up(const NodeId& peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && found->second.up;
}

bool Links::targets_are_settled() const {
  return std::all_of(peers_.begin(), peers_.end(), [](const auto& entry) {
    return entry.second.address.empty() || entry.second.settled;
  });
}

void Links::run_timers(Instant now) {
  while (const auto connection = handshakes_.take_due(now)) {
    ++counters_.handshakes_timed_out;
    hang_up(*connection, "no Hello in time");
  }
  while (const auto id = redials_.take_due(now)) {
    const auto found = peers_.find(*id);
    if (found == peers_.end() || found->second.address.empty()) continue;
    if (found->second.dialled == ConnectionId{}) dial(*id, found->second.address);
  }
  while (auto late = faults_.take_due(now)) {
    const auto found = peers_.find(late->peer);
    if (found == peers_.end()) continue;
    Bytes* out =
        transport_.output(found->second.up ? found->second.dialled : found->second.accepted);
    if (out != nullptr) out->append(late->frame);
  }
  dial_contacts(now);
}

Instant Links::next_timer() const {
  return std::min({handshakes_.next(), redials_.next(), contact_at_, faults_.next()});
}

void Links::handle_open(ConnectionId connection, bool dialled) {
  if (dialled) return send_hello(*links_.at(to_number(connection)));
  links_.emplace(to_number(connection), std::make_unique<Link>(connection, Handshake::accepted()));
  handshakes_.set(connection, handler_.link_now().steady + handshake_timeout_);
}

void Links::send_hello(Link& link) {
  if (faults_.loses_sent(link.peer())) return;
  Bytes* out = transport_.output(link.connection);
  if (out == nullptr) return;
  Hello hello = handler_.greeter().hello_for(link.peer());
  hello.padding.assign(kHelloPaddingBytes, '\0');
  (void)encode_message({RequestId{}, std::move(hello)}, *out);
}

void Links::handle_bytes(ConnectionId connection, BytesView bytes) {
  const auto found = links_.find(to_number(connection));
  if (found == links_.end()) return;
  Link& link = *found->second;
  link.bytes_received += bytes.size();
  link.reader.feed(bytes);
  for (;;) {
    auto next = link.reader.next();
    if (!next) {
      ++counters_.protocol_errors;
      return refuse(link, {next.error(), {}});
    }
    if (!next->has_value()) return;
    ++counters_.messages_received;
    if (!handle_message(link, std::move(**next))) return;
  }
}

bool Links::handle_message(Link& link, Message&& message) {
  const auto* hello = std::get_if<Hello>(&message.body);
  if (faults_.loses_received(hello != nullptr ? hello->sender : link.peer())) return true;
  Handshake::Outcome outcome = link.handshake.handle_message(handler_.greeter(), message.body);
  switch (outcome.verdict) {
    case Handshake::Verdict::pass:
      handler_.handle_peer_message(link.peer(), std::move(message));
      return true;
    case Handshake::Verdict::ready:
      handle_ready(link, *hello);
      return true;
    case Handshake::Verdict::refuse: {
      const bool is_of_hello = hello != nullptr && !link.handshake.is_ready();
      ++(is_of_hello ? counters_.handshakes_refused : counters_.protocol_errors);
      refuse(link, std::move(outcome.refusal));
      return false;
    }
    case Handshake::Verdict::refused:
      hang_up(link.connection, "refused: " + printable(outcome.refusal.error.message, 1024));
      handler_.handle_refusal(outcome.refusal);
      return false;
  }
  return false;
}

void Links::handle_ready(Link& link, const Hello& hello) {
  link.reader.accept(sender_of(hello.role));
  handshakes_.cancel(link.connection);
  if (link.handshake.is_dialled()) {
    establish_dialled(link, hello);
  } else {
    accept_link(link);
  }
}

void Links::accept_link(Link& link) {
  send_hello(link);
  Peer& peer = peers_[link.peer()];
  const ConnectionId older = std::exchange(peer.accepted, link.connection);
  if (older != ConnectionId{}) hang_up(older, "replaced by a newer connection");
  // It is there: no reason to wait for the backoff's end.
  if (!peer.address.empty() && peer.dialled == ConnectionId{}) {
    peer.dial_failures = 0;
    redials_.set(link.peer(), handler_.link_now().steady);
  }
}

void Links::establish_dialled(Link& link, const Hello& hello) {
  const ConnectionId older = peers_[link.peer()].dialled;
  if (older != ConnectionId{} && older != link.connection) {
    peers_[link.peer()].dialled = link.connection;
    hang_up(older, "replaced by a newer connection");
  }
  Peer& peer = peers_[link.peer()];
  peer.dialled = link.connection;
  peer.dial_failures = 0;
  peer.settled = true;
  redials_.cancel(link.peer());
  const bool was_up = std::exchange(peer.up, true);
  if (was_up) {
    handler_.handle_peer_down(link.peer());
  } else {
    ++up_count_;
  }
  handler_.handle_peer_up(hello);
}

void Links::refuse(Link& link, Refusal refusal) {
  const ConnectionId connection = link.connection;
  const std::string reason = "refused here: " + refusal.error.message;
  Bytes frame;
  bool fits = encode_message({RequestId{}, refusal}, frame);
  // A stranger gets no more bytes than it sent, or it could aim our answers at others. Rather a
  // part of the reason than none.
  if (fits && !link.handshake.is_ready() && frame.size() > link.bytes_received) {
    const std::size_t excess = frame.size() - link.bytes_received;
    std::string& text = refusal.error.message;
    fits = excess < text.size();
    if (fits) text.resize(std::min(text.size(), kErrorTextBytesMax) - excess);
    frame.clear();
    fits = fits && encode_message({RequestId{}, refusal}, frame) &&
           frame.size() <= link.bytes_received;
  }
  Bytes* out = transport_.output(connection);
  if (fits && out != nullptr) out->append(frame);
  transport_.finish(connection);
  forget(connection, reason);
}

void Links::hang_up_all(const std::string& reason) {
  std::vector<ConnectionId> connections;
  for (const auto& [id, link] : links_) connections.push_back(link->connection);
  for (const ConnectionId connection : connections) hang_up(connection, reason);
}

void Links::hang_up(ConnectionId connection, const std::string& reason) {
  transport_.close(connection);
  forget(connection, reason);
}

void Links::handle_closed(ConnectionId connection, const std::string& reason) {
  const auto found = links_.find(to_number(connection));
  if (found != links_.end() && faults_.hides(found->second->peer())) {
    found->second->ended_unheard = true;
    return;
  }
  forget(connection, reason);
}

void Links::forget(ConnectionId connection, const std::string& reason) {
  const auto found = links_.find(to_number(connection));
  if (found == links_.end()) return;
  const std::unique_ptr<Link> link = std::move(found->second);
  links_.erase(found);
  handshakes_.cancel(connection);
  if (const auto at = peers_.find(link->peer()); at != peers_.end()) {
    Peer& peer = at->second;
    if (peer.accepted == connection) peer.accepted = {};
    if (peer.dialled == connection) {
      peer.dialled = {};
      peer.settled = true;
      faults_.forget_late(link->peer());
      const bool was_up = std::exchange(peer.up, false);
      if (was_up) --up_count_;
      if (!peer.address.empty()) plan_redial(link->peer(), peer);
      if (was_up) handler_.handle_peer_down(link->peer());
    }
    erase_if_idle(link->peer());
  }
  if (link->handshake.is_dialled()) handler_.handle_dial_failed(link->address, reason);
}

void Links::plan_redial(const NodeId& id, Peer& peer) {
  Duration pause = kRedialPauseFirst * (std::int64_t{1} << std::min(peer.dial_failures, 5));
  pause = std::min(pause, kRedialPauseMax);
  ++peer.dial_failures;
  const Duration jitter{random_.between(0, pause.nanoseconds / 2)};
  redials_.set(id, handler_.link_now().steady + pause + jitter);
}

void Links::erase_if_idle(const NodeId& id) {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return;
  const Peer& peer = found->second;
  if (peer.address.empty() && peer.dialled == ConnectionId{} && peer.accepted == ConnectionId{}) {
    peers_.erase(found);
  }
}

}  // namespace dynakv

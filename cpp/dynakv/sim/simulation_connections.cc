// Who is connected with whom: dialling, Hello, and how the loss of a connection is noticed.
#include <utility>

#include "dynakv/sim/simulation.h"

namespace dynakv {
namespace {

constexpr Duration kRedialMin = milliseconds(50);
constexpr Duration kRedialMean = milliseconds(200);
constexpr Duration kLateDialMax = seconds(2);

}  // namespace

bool Simulation::is_serving(int host) const {
  return is_client(host) || (node(host).is_running() && !node(host).is_paused());
}

void Simulation::make_connections() {
  const auto count = static_cast<std::size_t>(host_count());
  connections_.resize(count);
  for (auto& row : connections_) row.resize(count);
}

void Simulation::set_up(int from, int to, bool is_up) {
  bool& was_up = connection(from, to).is_up;
  if (was_up == is_up) return;
  was_up = is_up;
  if (is_client(from) || is_client(to)) return;
  is_up ? ++node_links_up_ : --node_links_up_;
}

void Simulation::connect_all(int host) {
  for (int other = 0; other < host_count(); ++other) {
    if (other == host) continue;
    if (!is_client(other)) dial_after(host, other, {});
    dial_after(other, host, {});
  }
}

void Simulation::dial_after(int from, int to, Duration delay) {
  Connection& way = connection(from, to);
  if (way.is_dialling || way.is_up) return;
  way.is_dialling = true;
  Duration jitter = exponential(connection_random_, milliseconds(1));
  const std::uint32_t late = options_.disturbances.late_dial_permille;
  if (late > 0 && connection_random_.chance(late, 1000)) {
    jitter = Duration{connection_random_.between(0, kLateDialMax.nanoseconds)};
  }
  events_.schedule_in(delay + jitter, [this, from, to] { dial(from, to); });
}

void Simulation::dial(int from, int to) {
  Connection& way = connection(from, to);
  way.is_dialling = false;
  if (way.is_up || !(is_client(from) || node(from).is_running())) return;
  const bool reachable = is_serving(to) && is_serving(from) && !network_.is_blocked(from, to) &&
                         !network_.is_blocked(to, from);
  if (reachable) return establish(from, to);
  dial_after(from, to, kRedialMin + exponential(connection_random_, kRedialMean));
}

const Greeter& Simulation::greeter(int host) {
  if (is_client(host)) return session(host - node_count());
  return node(host).greeter();
}

std::optional<Hello> Simulation::say_hello(int by, int to, Handshake& listener) {
  Hello hello = greeter(by).hello_for(greeter(to).own_id());
  const auto outcome = listener.handle_message(greeter(to), hello);
  if (outcome.verdict == Handshake::Verdict::ready) return hello;
  trace({now(), "hello refused", to, by, outcome.refusal.error.message});
  if (!is_client(by)) node(by).refused(outcome.refusal);
  return std::nullopt;
}

void Simulation::identity_changed(int i) {
  hosts_[node(i).id()] = i;
  trace({now(), "identity", i, -1, to_string(node(i).id())});
  for (int other = 0; other < host_count(); ++other) {
    if (other == i) continue;
    if (!is_client(other)) lose_connection(i, other);
    lose_connection(other, i);
  }
}

void Simulation::establish(int from, int to) {
  Handshake accepted = Handshake::accepted();
  Handshake dialled = Handshake::dialled();
  if (!say_hello(from, to, accepted)) return dial_after(from, to, seconds(1));
  std::optional<Hello> answer = say_hello(to, from, dialled);
  if (!answer) return dial_after(from, to, seconds(1));
  set_up(from, to, true);
  Connection& way = connection(from, to);
  way.peer = node(to).id();
  ++way.epoch;
  network_.reset(from, to);
  if (is_client(from)) {
    // One connection carries both directions.
    set_up(to, from, true);
    ++connection(to, from).epoch;
    network_.reset(to, from);
    Outbox out;
    const int client = from - node_count();
    session(client).handle_peer_up(now_at(from), *answer, out);
    take_client_effects(client, out);
  } else {
    node(from).peer_up(std::move(*answer));
  }
}

void Simulation::lose_connection(int from, int to) {
  Connection& way = connection(from, to);
  if (!way.is_up) return;
  set_up(from, to, false);
  ++way.epoch;
  network_.reset(from, to);
  if (is_client(from)) {
    set_up(to, from, false);
    network_.reset(to, from);
    Outbox out;
    const int client = from - node_count();
    session(client).handle_peer_down(now_at(from), way.peer, out);
    take_client_effects(client, out);
  } else if (!is_client(to)) {
    node(from).peer_down(way.peer);
  }
  if (!is_client(to)) dial_after(from, to, kRedialMin);
}

void Simulation::lose_connection_later(int from, int to, Duration delay) {
  const std::uint64_t epoch = connection(from, to).epoch;
  events_.schedule_in(delay, [this, from, to, epoch] {
    if (connection(from, to).epoch == epoch) lose_connection(from, to);
  });
}

void Simulation::lose_connections_of(int host, Duration notice_min, Duration notice_mean) {
  network_.end_process(host);
  for (int other = 0; other < host_count(); ++other) {
    if (other == host) continue;
    // What the host itself had open is gone at once; the others notice later.
    set_up(host, other, false);
    ++connection(host, other).epoch;
    network_.reset(host, other);
    network_.reset(other, host);
    if (connection(other, host).is_up) {
      const Duration delay = notice_min + exponential(connection_random_, notice_mean);
      lose_connection_later(other, host, delay);
    }
  }
}

}  // namespace dynakv

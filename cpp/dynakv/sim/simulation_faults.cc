// The faults of a simulation.
#include <utility>

#include "dynakv/sim/simulation.h"

namespace dynakv {
namespace {

/// The end of a process is noticed when the operating system resets its connections.
constexpr Duration kResetNoticedMean = milliseconds(5);

}  // namespace

void Simulation::crash(int i, bool lose_power) {
  if (!node(i).is_running()) return;
  if (on_crash) on_crash(i);
  trace({now(), lose_power ? "power loss" : "crash", i, -1, {}});
  node(i).crash(lose_power);
  // The end of a process resets its connections; a machine without power just falls silent.
  if (lose_power) {
    lose_connections_of(i, milliseconds(500), options_.silence_noticed_mean);
  } else {
    lose_connections_of(i, {}, kResetNoticedMean);
  }
}

Status Simulation::restart(int i) {
  if (node(i).is_running()) return {};
  std::vector<std::string> others;
  for (const Member& member : layout_.members) {
    if (member.name != node(i).name()) others.push_back(member.address);
  }
  node(i).set_contact_points(std::move(others));
  const Status started = node(i).start();
  trace({now(), started ? "start" : "start refused", i, -1,
         started ? std::string() : started.error().message});
  if (!started) return started;
  // A wiped node learns the layout from the others, if they accept it under its old name.
  const bool is_member = layout_.find(node(i).id()) != nullptr;
  if (is_member && node(i).core().layout() == nullptr) node(i).adopt_layout(layout_);
  for (int other = 0; other < host_count(); ++other) {
    // Hosts that still think they are connected learn from the new process that they are not.
    if (other != i && connection(other, i).is_up) lose_connection_later(other, i, milliseconds(1));
  }
  connect_all(i);
  if (on_start) on_start(i);
  return {};
}

void Simulation::reboot(int i) {
  if (node(i).is_running()) return;
  trace({now(), "reboot", i, -1, {}});
  node(i).reboot();
}

void Simulation::stop_cleanly(int i) {
  if (!node(i).is_running()) return;
  if (on_crash) on_crash(i);
  trace({now(), "clean stop", i, -1, {}});
  if (!node(i).stop_cleanly()) node(i).crash(false);
  lose_connections_of(i, {}, kResetNoticedMean);
}

void Simulation::host_failed(int host, const std::string& reason) {
  trace({now(), "storage failed", host, -1, reason});
  crash(host, false);
}

void Simulation::pause(int i) {
  if (!node(i).is_running() || node(i).is_paused()) return;
  trace({now(), "pause", i, -1, {}});
  node(i).pause();
}

void Simulation::resume(int i) {
  if (!node(i).is_paused()) return;
  trace({now(), "resume", i, -1, {}});
  node(i).resume();
}

void Simulation::set_slowness(int i, std::int64_t factor) {
  trace({now(), "slowness " + std::to_string(factor), i, -1, {}});
  node(i).set_slowness(factor);
  network_.set_slowness(i, factor);
}

void Simulation::wipe(int i) {
  crash(i);
  trace({now(), "wipe", i, -1, {}});
  node(i).disk().wipe();
}

void Simulation::partition(const std::vector<int>& a, const std::vector<int>& b, bool one_way) {
  for (const int x : a) {
    for (const int y : b) {
      if (x == y) continue;
      trace({now(), one_way ? "block one way" : "block", x, y, {}});
      network_.set_blocked(x, y, true);
      if (!one_way) network_.set_blocked(y, x, true);
      for (const auto& [from, to] : {std::pair{x, y}, std::pair{y, x}}) {
        const Duration notice =
            seconds(1) + exponential(connection_random_, options_.silence_noticed_mean);
        if (connection(from, to).is_up) lose_connection_later(from, to, notice);
      }
    }
  }
}

void Simulation::mend(const std::vector<int>& a, const std::vector<int>& b) {
  for (const int x : a) {
    for (const int y : b) {
      if (!network_.is_blocked(x, y) && !network_.is_blocked(y, x)) continue;
      trace({now(), "unblock", x, y, {}});
      end_broken_streams(x, y);
      end_broken_streams(y, x);
      network_.set_blocked(x, y, false);
      network_.set_blocked(y, x, false);
    }
  }
}

void Simulation::heal() {
  trace({now(), "heal", -1, -1, {}});
  for (int from = 0; from < host_count(); ++from) {
    for (int to = 0; to < node_count(); ++to) end_broken_streams(from, to);
  }
  network_.unblock_all();
}

void Simulation::end_broken_streams(int from, int to) {
  if (is_client(to)) return;  // a client's connection ends from its side
  const bool was_blocked = network_.is_blocked(from, to) || network_.is_blocked(to, from);
  // A stream that lost bytes cannot go on.
  if (was_blocked && connection(from, to).is_up) lose_connection_later(from, to, {});
}

void Simulation::calm() {
  options_.disturbances = {};
  network_.options().late_permille = 0;
}

void Simulation::set_clock_drift(int host, std::int64_t ppm) {
  trace({now(), "clock drift " + std::to_string(ppm), host, -1, {}});
  clock(host).set_drift(now(), ppm);
}

void Simulation::reset_connection(int a, int b) {
  trace({now(), "reset", a, b, {}});
  lose_connection(a, b);
  lose_connection(b, a);
}

}  // namespace dynakv

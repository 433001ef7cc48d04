// One simulated node: the very StepRunner and NodeCore that servers run, on a simulated disk.
//
// It does for them what node/ does with sockets and threads: it hands in all inputs that are ready,
// lets steps and syncs take their time, and carries the effects that are released (DESIGN §3).
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "dynakv/protocol/step_runner.h"
#include "dynakv/sim/sim_disk.h"
#include "dynakv/sim/sim_world.h"

namespace dynakv {

struct SimNodeOptions {
  NodeCoreOptions core;
  Duration step_delay_mean = microseconds(20);
  Duration sync_delay_mean = microseconds(200);
  /// Null: the disk is a model in memory.
  SimStoreFactory store;
};

class SimNode {
 public:
  SimNode(SimWorld& world, int index, SimNodeOptions options, Random random);

  /// Starts the process on what the disk holds. Errors: as NodeCore::start.
  Status start();
  /// The process ends: at once, or after a clean stop.
  void crash(bool lose_power);
  Status stop_cleanly();
  /// Turns the machine off and on again. REQUIRES: !is_running().
  void reboot();
  void pause() { is_paused_ = true; }
  void resume();
  /// Multiplies the time that its steps and syncs take.
  void set_slowness(std::int64_t factor) { slowness_ = factor; }
  /// No sync takes longer than this on average from now on.
  void limit_sync_delay(Duration mean_max) {
    options_.sync_delay_mean = std::min(options_.sync_delay_mean, mean_max);
  }

  bool is_running() const { return runner_ != nullptr; }
  /// Runs and belongs to a cluster. An empty backup, restored, makes a stranger of a node.
  bool has_layout() const { return is_running() && core().layout() != nullptr; }
  bool is_paused() const { return is_paused_; }
  /// REQUIRES: is_running().
  const NodeCore& core() const { return runner_->core(); }
  SimDisk& disk() { return disk_; }
  const SimDisk& disk() const { return disk_; }
  const std::string& name() const { return options_.core.name; }
  /// Changes with each start.
  std::uint64_t run() const { return run_; }
  /// Of the process, or of the last one; nil before the first.
  const NodeId& id() const { return id_; }
  /// REQUIRES: is_running().
  const Greeter& greeter() const { return *runner_; }
  /// How far the process has got, or had when it ended; its disk holds no more.
  Progress last_progress() const;
  /// Moves the data to another machine, as far as evidence goes.
  void change_place() { ++place_; }
  /// Takes effect at the next start.
  void set_contact_points(std::vector<std::string> addresses) {
    options_.core.contact_points = std::move(addresses);
  }

  // Inputs; dropped while the process does not run.
  void deliver(const NodeId& from, Message message);
  void peer_up(Hello hello);
  void peer_down(const NodeId& peer);
  void refused(Refusal refusal);
  void adopt_layout(Layout layout);

 private:
  struct FromPeer {
    NodeId from;
    Message message;
  };
  struct PeerDown {
    NodeId peer;
  };
  using Input = std::variant<FromPeer, Hello, PeerDown, TimerId, Layout, Refusal>;

  void add_input(Input input);
  void schedule_step(Duration delay);
  void run_step(std::uint64_t run);
  /// Mostly zero; else up to a bound, in `permille` thousandths of the cases.
  Duration draw_lateness(std::uint32_t permille);
  void handle(Now now, Input& input);
  void finish_step();
  /// Looks again for room on a full disk, where the runner waits for some.
  void schedule_retry(Now now);
  void begin_sync();
  /// The process may end in it.
  void release_effects();
  void schedule_timer(TimerId timer, Instant at);
  /// Tells the trace of members that this node has come to believe alive, suspect, dead or left.
  /// "dead" and "left" are noted with its next round of gossip.
  void remark_beliefs(Now now, bool is_round);

  SimWorld& world_;
  int index_;
  SimNodeOptions options_;
  Random random_;
  SimDisk disk_;
  std::unique_ptr<StepRunner> runner_;
  NodeId id_;
  std::uint64_t run_ = 0;
  std::uint64_t boot_ = 1;
  std::uint64_t place_ = 1;
  std::int64_t slowness_ = 1;
  bool is_paused_ = false;
  bool step_is_scheduled_ = false;
  bool retry_is_scheduled_ = false;
  std::deque<Input> inbox_;
  /// Of the last process that ended.
  Progress last_progress_;
  /// Members that it does not believe alive, while tracing; kept over a restart.
  std::map<NodeId, PeerState> beliefs_;
};

}  // namespace dynakv

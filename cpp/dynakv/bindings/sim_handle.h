// SimHandle: a simulation as Python holds it, and its clients.
//
// The simulation runs on the calling thread and keeps the interpreter lock. It never calls Python
// itself: it notes the number of an action that is due, and between two events the Python side is
// told to run it. So an action may use the simulation like any other caller.
//
// Everything that changes the simulation goes through apply() or start(), so that fork() can do it
// again. Each operation is kept with its reply: the history.
#pragma once

#include <pybind11/pybind11.h>

#include <functional>
#include <memory>
#include <vector>

#include "dynakv/bindings/client_handle.h"
#include "dynakv/bindings/sim_log.h"
#include "dynakv/sim/simulation.h"

namespace dynakv {

class SimHandle {
 public:
  explicit SimHandle(SimulationOptions options);
  SimHandle(const SimHandle&) = delete;
  SimHandle& operator=(const SimHandle&) = delete;

  Simulation& simulation() { return simulation_; }
  const std::shared_ptr<LayoutView>& layout() const { return layout_; }

  /// Makes a call that changes the simulation, and keeps it to be made again on a fork.
  void apply(SimCall call);
  int add_client();
  OperationId start(int client, Operation operation);
  /// By operation: number i has OperationId i + 1.
  const std::vector<SimRecord>& records() const { return records_; }
  const SimRecord& record(OperationId operation) const {
    return records_[static_cast<std::size_t>(operation) - 1];
  }

  SimSnapshot snapshot();
  /// Makes every call of the snapshot again, on a new simulation; takes as long as the run did.
  /// Actions are not called again; the calls that they made are. Throws InternalError when the runs
  /// differ. A signal ends it.
  static std::shared_ptr<SimHandle> fork(const SimSnapshot& snapshot);

  /// Runs until `condition` holds or virtual time reaches `until`; returns whether it holds. A
  /// signal ends it.
  bool run(Instant until, const std::function<bool()>& condition);
  /// Runs one event and what is due after it, if there is one before `until`.
  bool step(Instant until);
  /// Has the Python side run action `number` at `when`.
  void at(Instant when, std::uint64_t number);
  /// A weak reference to what runs the actions: called with their numbers.
  void set_runner(pybind11::object runner) { runner_ = std::move(runner); }

 private:
  void run_due();
  void begin(int client, Operation operation);
  void note_reply(int client, const Reply& reply);

  Simulation simulation_;
  SimLog log_;
  std::vector<SimRecord> records_;
  std::shared_ptr<LayoutView> layout_;
  pybind11::object runner_;
  std::vector<std::uint64_t> due_;
  std::uint64_t steps_ = 0;
};

/// A client in the simulation. Waiting for its batches runs virtual time.
class SimClient final : public ClientHandle, public std::enable_shared_from_this<SimClient> {
 public:
  /// Makes a new client.
  explicit SimClient(std::shared_ptr<SimHandle> simulation);
  /// Takes over client number `index`, which a fork has already.
  SimClient(std::shared_ptr<SimHandle> simulation, int index);

  SharedBatch submit(std::vector<Operation> operations, Requested requested) override;
  std::shared_ptr<LayoutView> layout() override { return simulation_->layout(); }
  /// Operations that are under way go on; no new ones can be started.
  void close() override { is_closed_ = true; }
  bool is_closed() const override { return is_closed_; }
  std::size_t in_flight() const override { return in_flight_; }
  ClientCounters counters() const override { return counters_; }
  void forget_flow(FlowId flow) override;
  /// Throws ConfigError: event loops have a time of their own.
  int completion_fd() const override;
  std::vector<std::uint64_t> drain() override { return {}; }

  SimHandle& simulation() { return *simulation_; }
  void note_ended();

 private:
  std::shared_ptr<SimHandle> simulation_;
  int index_;
  bool is_closed_ = false;
  std::size_t in_flight_ = 0;
  ClientCounters counters_;
};

}  // namespace dynakv

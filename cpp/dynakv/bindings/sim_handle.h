// SimHandle: a simulation as Python holds it, and its clients.
//
// The simulation runs on the thread that asks for it and keeps the interpreter lock. It never calls
// Python itself: an action that is due is noted by its number, and between two events the Python
// side is told to run it, so that an action may use the simulation as anyone may.
#pragma once

#include <pybind11/pybind11.h>

#include <functional>
#include <memory>
#include <vector>

#include "dynakv/bindings/client_handle.h"
#include "dynakv/sim/simulation.h"

namespace dynakv {

class SimHandle {
 public:
  explicit SimHandle(SimulationOptions options);
  SimHandle(const SimHandle&) = delete;
  SimHandle& operator=(const SimHandle&) = delete;

  Simulation& simulation() { return simulation_; }
  const std::shared_ptr<LayoutView>& layout() const { return layout_; }

  /// Runs until `condition` holds or `until` has come; says whether it holds. A signal ends it.
  bool run(Instant until, const std::function<bool()>& condition);
  /// Runs one event and what is due after it, if there is one before `until`.
  bool step(Instant until);
  /// Has the Python side run action `number` at `when`.
  void at(Instant when, std::uint64_t number);
  /// A weak reference to what runs the actions: called with their numbers.
  void set_runner(pybind11::object runner) { runner_ = std::move(runner); }

 private:
  void run_due();

  Simulation simulation_;
  std::shared_ptr<LayoutView> layout_;
  pybind11::object runner_;
  std::vector<std::uint64_t> due_;
  std::uint64_t steps_ = 0;
};

/// A client in the simulation. Waiting for its batches runs virtual time.
class SimClient final : public ClientHandle, public std::enable_shared_from_this<SimClient> {
 public:
  explicit SimClient(std::shared_ptr<SimHandle> simulation);

  SharedBatch submit(std::vector<Operation> operations, Requested requested) override;
  std::shared_ptr<LayoutView> layout() override { return simulation_->layout(); }
  /// What is on its way goes on; nothing new can be asked.
  void close() override { is_closed_ = true; }
  bool is_closed() const override { return is_closed_; }
  std::size_t in_flight() const override { return in_flight_; }
  ClientCounters counters() const override { return counters_; }
  void forget_flow(FlowId flow) override;
  /// Throws ConfigError: event loops have a time of their own.
  int completion_fd() const override;
  std::vector<std::uint64_t> drain() override { return {}; }

  SimHandle& simulation() { return *simulation_; }
  WallTime wall() { return simulation_->simulation().wall_of(host()); }
  int host() const { return simulation_->simulation().node_count() + index_; }
  void note_ended();

 private:
  std::shared_ptr<SimHandle> simulation_;
  int index_;
  bool is_closed_ = false;
  std::size_t in_flight_ = 0;
  ClientCounters counters_;
};

}  // namespace dynakv

#include "dynakv/bindings/bind_sim.h"

#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dynakv/base/hash.h"
#include "dynakv/bindings/bind_errors.h"
#include "dynakv/bindings/bind_layout.h"
#include "dynakv/bindings/sim_handle.h"
#include "dynakv/bindings/sim_history.h"

namespace dynakv {
namespace {

namespace py = pybind11;

using SharedSim = std::shared_ptr<SimHandle>;

constexpr int kNodeCountMax = 1000;  // connections grow with its square

SharedSim make(int nodes, std::uint64_t seed, const py::dict& defaults, const py::dict& buckets,
               std::vector<std::string> zones, bool hostile, bool group, double timeout,
               double delay, int loss_permille, int repeat_permille, int attempts) {
  GivenProperties given = properties_from(defaults, buckets);
  if (nodes < 1 || nodes > kNodeCountMax) {
    raise_error({ErrorCode::invalid_argument, "nodes is " + std::to_string(nodes) + "; use 1 to " +
                                                  std::to_string(kNodeCountMax)});
  }
  unwrap(validate(given.defaults, static_cast<std::size_t>(nodes)));
  for (const auto& [name, properties] : given.buckets) {
    unwrap(validate(properties, static_cast<std::size_t>(nodes)));
  }
  SimulationOptions options;
  options.node_count = nodes;
  options.seed = seed;
  options.defaults = given.defaults;
  options.buckets = std::move(given.buckets);
  options.zones = std::move(zones);
  options.client.timeout = duration_from(timeout);
  options.client.attempts_max = attempts;
  options.network.model = hostile ? NetworkModel::hostile : NetworkModel::stream;
  options.network.delay_mean = duration_from(delay);
  options.network.loss_permille = static_cast<std::uint32_t>(loss_permille);
  options.network.repeat_permille = static_cast<std::uint32_t>(repeat_permille);
  options.sync_before_effects = group;
  options.tracing = true;
  return std::make_shared<SimHandle>(std::move(options));
}

py::list trace_from(SimHandle& handle, std::size_t first) {
  const std::vector<SimEvent>& log = handle.simulation().trace_log();
  py::list events;
  for (std::size_t i = first; i < log.size(); ++i) {
    const SimEvent& event = log[i];
    events.append(
        py::make_tuple(seconds_of(event.at), event.kind, event.host, event.peer, event.detail));
  }
  return events;
}

std::vector<int> owners_of(SimHandle& handle, const py::bytes& key, const py::bytes& bucket) {
  Simulation& simulation = handle.simulation();
  const auto n = static_cast<std::size_t>(
      simulation.layout().properties_of(bucket.cast<std::string_view>()).n);
  const Slot slot = slot_of(token_of_key(key.cast<std::string_view>()));
  std::vector<int> owners;
  for (const std::uint16_t index : simulation.ring().walk(slot)) {
    if (owners.size() == n) break;
    owners.push_back(simulation.host_of(simulation.ring().node(index)));
  }
  return owners;
}

py::dict node_state(SimHandle& handle, int index) {
  const SimNode& node = handle.simulation().node(index);
  py::dict counters;
  if (node.is_running()) {
    for (const auto& [name, value] : node.core().counters()) counters[py::str(name)] = value;
  }
  py::dict fields;
  fields["name"] = node.name();
  fields["id"] = to_string(node.id());
  fields["running"] = node.is_running();
  fields["paused"] = node.is_paused();
  fields["ready"] = node.is_running() && node.core().is_ready();
  fields["counters"] = counters;
  return fields;
}

bool run_until_ready(SimHandle& handle, double limit) {
  Simulation& simulation = handle.simulation();
  return handle.run(simulation.now() + duration_from(limit),
                    [&simulation] { return simulation.all_ready(); });
}

py::list history_from(SimHandle& handle, std::size_t first) {
  const std::vector<SimRecord>& records = handle.records();
  py::list rows;
  for (std::size_t i = first; i < records.size(); ++i) {
    rows.append(history_row(records[i], handle.layout()->shared()));
  }
  return rows;
}

/// The call, for a simulation whose hosts have the same numbers.
template <typename Change>
void change(SimHandle& handle, Change change) {
  handle.apply([change](SimHandle& each) { change(each.simulation()); });
}

template <typename Class>
void bind_time(Class& simulation) {
  simulation
      .def("run_for",
           [](SimHandle& h, double span) {
             h.run(h.simulation().now() + duration_from(span), [] { return false; });
           })
      .def("step",
           [](SimHandle& h, double within) {
             return h.step(h.simulation().now() + duration_from(within));
           })
      .def("run_until_ready", &run_until_ready)
      .def("at", [](SimHandle& h, double when,
                    std::uint64_t number) { h.at(Instant{} + duration_from(when), number); })
      .def("set_runner", &SimHandle::set_runner)
      .def_property_readonly("now", [](SimHandle& h) { return seconds_of(h.simulation().now()); });
}

void restart(SimHandle& handle, int node) {
  const auto status = std::make_shared<Status>();
  handle.apply([node, status](SimHandle& each) { *status = each.simulation().restart(node); });
  unwrap(*status);
}

template <typename Class>
void bind_faults(Class& simulation) {
  simulation
      .def("crash",
           [](SimHandle& h, int i, bool lose_power) {
             change(h, [i, lose_power](Simulation& s) { s.crash(i, lose_power); });
           })
      .def("restart", &restart)
      .def("wipe", [](SimHandle& h, int i) { change(h, [i](Simulation& s) { s.wipe(i); }); })
      .def("pause", [](SimHandle& h, int i) { change(h, [i](Simulation& s) { s.pause(i); }); })
      .def("resume", [](SimHandle& h, int i) { change(h, [i](Simulation& s) { s.resume(i); }); })
      .def("slow",
           [](SimHandle& h, int i, std::int64_t factor) {
             change(h, [i, factor](Simulation& s) { s.set_slowness(i, factor); });
           })
      .def("skew",
           [](SimHandle& h, int i, double offset) {
             const std::int64_t offset_ms = duration_from(offset).milliseconds();
             change(h, [i, offset_ms](Simulation& s) { s.set_wall_offset(i, offset_ms); });
           })
      .def("drift",
           [](SimHandle& h, int i, std::int64_t ppm) {
             change(h, [i, ppm](Simulation& s) { s.set_clock_drift(i, ppm); });
           })
      .def("disk_full",
           [](SimHandle& h, int i, bool full) {
             change(h, [i, full](Simulation& s) { s.node(i).disk().set_full(full); });
           })
      .def("limit_room",
           [](SimHandle& h, int i, std::optional<std::size_t> bytes) {
             change(h, [i, bytes](Simulation& s) { s.node(i).disk().limit_room(bytes); });
           })
      .def("partition",
           [](SimHandle& h, const std::vector<int>& a, const std::vector<int>& b, bool one_way) {
             change(h, [a, b, one_way](Simulation& s) { s.partition(a, b, one_way); });
           })
      .def("mend",
           [](SimHandle& h, const std::vector<int>& a, const std::vector<int>& b) {
             change(h, [a, b](Simulation& s) { s.mend(a, b); });
           })
      .def("heal", [](SimHandle& h) { change(h, [](Simulation& s) { s.heal(); }); });
}

}  // namespace

void bind_sim(py::module_& module) {
  py::class_<SimHandle, SharedSim> simulation(module, "Simulation", py::is_final());
  simulation
      .def(py::init(&make), py::kw_only(), py::arg("nodes"), py::arg("seed"), py::arg("defaults"),
           py::arg("buckets"), py::arg("zones"), py::arg("hostile"), py::arg("group"),
           py::arg("timeout"), py::arg("delay"), py::arg("loss_permille"),
           py::arg("repeat_permille"), py::arg("attempts"))
      .def("client",
           [](const SharedSim& h) -> std::shared_ptr<ClientHandle> {
             return std::make_shared<SimClient>(h);
           })
      .def("take_client",
           [](const SharedSim& h, int index) -> std::shared_ptr<ClientHandle> {
             return std::make_shared<SimClient>(h, index);
           })
      .def("snapshot", &SimHandle::snapshot)
      .def("trace", &trace_from)
      .def("history", &history_from)
      .def("where", &owners_of)
      .def("node", &node_state)
      .def_property_readonly("layout", [](const SimHandle& h) { return h.layout(); })
      .def_property_readonly("events", [](SimHandle& h) { return h.simulation().event_count(); })
      .def_property_readonly("trace_hash",
                             [](SimHandle& h) { return h.simulation().trace_hash(); });
  bind_time(simulation);
  bind_faults(simulation);
  py::class_<SimSnapshot>(module, "SimSnapshot", py::is_final())
      .def("fork", &SimHandle::fork)
      .def_property_readonly("now", [](const SimSnapshot& s) { return seconds_of(s.at.now); })
      .def_property_readonly("trace_hash", [](const SimSnapshot& s) { return s.trace_hash; })
      .def_property_readonly("calls", [](const SimSnapshot& s) { return s.log.size(); });
}

}  // namespace dynakv

#include "dynakv/bindings/bind_node.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dynakv/bindings/bind_client.h"
#include "dynakv/bindings/bind_errors.h"
#include "dynakv/bindings/bind_layout.h"
#include "dynakv/bindings/layout_view.h"
#include "dynakv/bindings/process_life.h"
#include "dynakv/node/node.h"

namespace dynakv {
namespace {

namespace py = pybind11;

struct NodeHandle {
  explicit NodeHandle(std::unique_ptr<Node> n) : node(std::shared_ptr<Node>(std::move(n))) {}
  Owned<Node> node;
};

using SharedNode = std::shared_ptr<NodeHandle>;

Durability durability_from(const std::string& name) {
  if (name == "group") return Durability::group;
  if (name == "os") return Durability::os;
  raise_error({ErrorCode::invalid_argument, "durability is '" + name + "'; use 'group' or 'os'"});
}

StorageKind storage_from(const std::string& name) {
  if (name == "rocksdb") return StorageKind::rocksdb;
  if (name == "memory") return StorageKind::memory;
  raise_error(
      {ErrorCode::invalid_argument, "storage is '" + name + "'; use 'rocksdb' or 'memory'"});
}

LogLevel log_level_from(const std::string& name) {
  if (name == "debug") return LogLevel::debug;
  if (name == "info") return LogLevel::info;
  if (name == "warning") return LogLevel::warning;
  if (name == "error") return LogLevel::error;
  if (name == "off") return LogLevel::off;
  raise_error({ErrorCode::invalid_argument,
               "log_level is '" + name + "'; use debug, info, warning, error or off"});
}

/// (id of the peer, permille lost to it, permille lost from it, delay to it in seconds)
using FaultFields = std::tuple<std::string, std::uint32_t, std::uint32_t, double>;

std::vector<LinkFault> faults_from(const std::vector<FaultFields>& rows) {
  std::vector<LinkFault> faults;
  for (const auto& [id, lose_sent, lose_received, delay] : rows) {
    const std::optional<NodeId> peer = parse_node_id(id);
    if (!peer) raise_error({ErrorCode::invalid_argument, "'" + id + "' is no node id"});
    faults.push_back({*peer, lose_sent, lose_received, {static_cast<std::int64_t>(delay * 1e9)}});
  }
  return faults;
}

SharedNode start(std::string name, std::string data_dir, std::string listen, std::string advertise,
                 std::vector<std::string> contact_points, bool insecure, bool rejoin,
                 const std::string& durability, const std::string& storage, std::string zone,
                 std::uint32_t capacity_percent, std::size_t value_bytes_max,
                 std::size_t sibling_count_max, const std::string& log_level, bool development,
                 const std::vector<FaultFields>& faults) {
  NodeOptions options;
  options.name = std::move(name);
  options.data_dir = std::move(data_dir);
  options.listen = std::move(listen);
  options.advertise = std::move(advertise);
  options.contact_points = std::move(contact_points);
  options.insecure = insecure;
  options.rejoin = rejoin;
  options.durability = durability_from(durability);
  options.storage = storage_from(storage);
  options.zone = std::move(zone);
  options.capacity_percent = capacity_percent;
  options.protocol.admission.value_bytes_max = value_bytes_max;
  options.protocol.coordinators.sibling_count_max = sibling_count_max;
  options.log_level = log_level_from(log_level);
  options.development = development;
  options.link_faults = faults_from(faults);
  note_node();
  auto started = [&] {
    const WithoutGil section;
    return Node::start(std::move(options));
  }();
  return std::make_shared<NodeHandle>(unwrap(std::move(started)));
}

void bootstrap(const NodeHandle& handle, std::vector<Member> members, const py::dict& defaults,
               const py::dict& buckets) {
  GivenProperties given = properties_from(defaults, buckets);
  Node& node = *handle.node;
  const Status adopted = [&] {
    const WithoutGil section;
    return node.bootstrap(std::move(members), given.defaults, std::move(given.buckets));
  }();
  unwrap(adopted);
}

void wait_ready(const NodeHandle& handle, double timeout, std::size_t peers) {
  Node& node = *handle.node;
  Duration left{static_cast<std::int64_t>(timeout * 1e9)};
  while (true) {
    const Duration slice = std::min(left, kSignalSlice);
    const Status ready = [&] {
      const WithoutGil section;
      return node.wait_ready(slice, peers);
    }();
    if (ready) return;
    left = left - slice;
    if (ready.error().code != ErrorCode::timeout || left <= Duration{}) unwrap(ready);
    check_signals();
  }
}

void stop(const NodeHandle& handle, std::optional<double> timeout) {
  if (handle.node.is_foreign()) return;  // the parent stops it
  Node& node = *handle.node;
  const Status stopped = [&] {
    const WithoutGil section(WithoutGil::Purpose::closing);
    if (!timeout) return node.stop();
    return node.stop(Duration{static_cast<std::int64_t>(*timeout * 1e9)});
  }();
  unwrap(stopped);
}

void kill(const NodeHandle& handle) {
  if (handle.node.is_foreign()) return;
  Node& node = *handle.node;
  const WithoutGil section(WithoutGil::Purpose::closing);
  node.kill();
}

std::shared_ptr<LayoutView> layout_of(const NodeHandle& handle) {
  const Bytes encoded = handle.node->encoded_layout();
  if (encoded.empty()) return nullptr;
  return std::make_shared<LayoutView>(
      std::make_shared<const Layout>(unwrap(decode_layout(encoded))));
}

py::dict status(const NodeHandle& handle) {
  const NodeStatus now = handle.node->status();
  const std::shared_ptr<LayoutView> view = layout_of(handle);
  py::dict fields = status_fields(now.ready, now.layout, now.incarnation, now.peers,
                                  view ? &view->layout() : nullptr);
  fields["counters"] = now.counters;
  fields["recovering"] = now.recovering;
  return fields;
}

bool is_running(const NodeHandle& handle) {
  return !handle.node.is_foreign() && !handle.node->has_ended();
}

py::object failure_of(const NodeHandle& handle) {
  const std::optional<Error> failure = handle.node->failure();
  return failure ? to_exception(*failure) : py::none();
}

}  // namespace

void bind_node(py::module_& module) {
  py::class_<NodeHandle, SharedNode>(module, "Node", py::is_final())
      .def_static("start", &start, py::kw_only(), py::arg("name"), py::arg("data_dir"),
                  py::arg("listen"), py::arg("advertise"), py::arg("contact_points"),
                  py::arg("insecure"), py::arg("rejoin"), py::arg("durability"), py::arg("storage"),
                  py::arg("zone"), py::arg("capacity_percent"), py::arg("value_bytes_max"),
                  py::arg("sibling_count_max"), py::arg("log_level"), py::arg("development"),
                  py::arg("link_faults"))
      .def_property_readonly("id", [](const NodeHandle& h) { return to_string(h.node->id()); })
      .def_property_readonly("name", [](const NodeHandle& h) { return h.node->name(); })
      .def_property_readonly("address", [](const NodeHandle& h) { return h.node->address(); })
      .def_property_readonly("member", [](const NodeHandle& h) { return h.node->member(); })
      .def_property_readonly("running", &is_running)
      .def_property_readonly("failure", &failure_of)
      .def("bootstrap", &bootstrap, py::arg("members"), py::arg("defaults"), py::arg("buckets"))
      .def("wait_ready", &wait_ready, py::arg("timeout"), py::arg("peers"))
      .def("stop", &stop, py::arg("timeout"))
      .def("kill", &kill)
      .def(
          "set_link_faults",
          [](const NodeHandle& h, const std::vector<FaultFields>& faults) {
            unwrap(h.node->set_link_faults(faults_from(faults)));
          },
          py::arg("link_faults"))
      .def("pause", [](const NodeHandle& h) { unwrap(h.node->pause()); })
      .def("resume", [](const NodeHandle& h) { unwrap(h.node->resume()); })
      .def("status", &status)
      .def("layout", &layout_of);
}

}  // namespace dynakv

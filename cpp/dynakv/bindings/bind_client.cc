#include "dynakv/bindings/bind_client.h"

#include <pybind11/stl.h>

#include <optional>
#include <tuple>
#include <utility>

#include "dynakv/bindings/bind_errors.h"
#include "dynakv/bindings/client_handle.h"

namespace dynakv {
namespace {

namespace py = pybind11;

using SharedClient = std::shared_ptr<ClientHandle>;

Duration duration_from(double seconds_count) {
  return {static_cast<std::int64_t>(seconds_count * 1e9)};
}

// Borrowed for as long as the object is.
BytesView view_of(py::handle bytes) {
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(bytes.ptr(), &data, &size) != 0) throw py::error_already_set();
  return {data, static_cast<std::size_t>(size)};
}

OperationOptions options_from(double timeout) {
  OperationOptions options;
  options.timeout = duration_from(timeout);
  return options;
}

/// What a data request is asked with: (quorum, mode, read_repair, explain), as numbers.
using Choices = std::tuple<int, int, int, bool>;

OperationOptions options_from(const Choices& choices, double timeout, std::uint64_t flow) {
  const auto& [quorum, mode, read_repair, explain] = choices;
  OperationOptions options = options_from(timeout);
  options.quorum = QuorumSize::from_number(static_cast<std::int16_t>(quorum));
  options.mode = static_cast<QuorumMode>(mode);
  options.read_repair = static_cast<ReadRepair>(read_repair);
  options.explain = explain;
  options.flow = static_cast<FlowId>(flow);
  return options;
}

SharedBatch get(const SharedClient& client, const py::bytes& bucket, const py::sequence& keys,
                const Choices& choices, double timeout, std::uint64_t flow, std::uint64_t tag) {
  const Bytes name(view_of(bucket));
  const OperationOptions options = options_from(choices, timeout, flow);
  std::vector<Operation> operations;
  std::vector<std::uint64_t> scopes;
  operations.reserve(keys.size());
  scopes.reserve(keys.size());
  for (const py::handle key : keys) {
    const BytesView bytes = view_of(key);
    scopes.push_back(context_scope(name, bytes));
    operations.emplace_back(GetOperation{name, Bytes(bytes), options});
  }
  return client->submit(std::move(operations), {"get", std::move(scopes), timeout, tag});
}

void set_context(WriteOperation& write, const ContextToken* context, std::uint64_t scope) {
  if (context == nullptr) return;
  unwrap(check_key(*context, scope));
  write.has_context = true;
  write.context = context->context;
  write.context_scope = scope;
}

SharedBatch put(const SharedClient& client, const py::bytes& bucket, const py::sequence& items,
                const std::string& content_type, const Choices& choices, double timeout,
                std::uint64_t flow, std::uint64_t tag, const ContextToken* context, int condition,
                double ttl) {
  WriteOperation form;
  form.bucket = Bytes(view_of(bucket));
  form.options = options_from(choices, timeout, flow);
  form.precondition = static_cast<Precondition>(condition);
  form.content_type = content_type;
  form.ttl = duration_from(ttl);
  std::vector<Operation> operations;
  std::vector<std::uint64_t> scopes;
  operations.reserve(items.size());
  scopes.reserve(items.size());
  for (const py::handle item : items) {
    const auto pair = py::reinterpret_borrow<py::tuple>(item);
    WriteOperation write = form;
    write.key = Bytes(view_of(pair[0]));
    write.value = Bytes(view_of(pair[1]));
    scopes.push_back(context_scope(form.bucket, write.key));
    set_context(write, context, scopes.back());
    operations.emplace_back(std::move(write));
  }
  return client->submit(std::move(operations), {"put", std::move(scopes), timeout, tag});
}

SharedBatch remove(const SharedClient& client, const py::bytes& bucket, const py::bytes& key,
                   const Choices& choices, double timeout, std::uint64_t flow, std::uint64_t tag,
                   const ContextToken* context) {
  WriteOperation write;
  write.kind = WriteKind::remove;
  write.bucket = Bytes(view_of(bucket));
  write.key = Bytes(view_of(key));
  write.options = options_from(choices, timeout, flow);
  const std::uint64_t scope = context_scope(write.bucket, write.key);
  set_context(write, context, scope);
  std::vector<Operation> operations;
  operations.emplace_back(std::move(write));
  return client->submit(std::move(operations), {"delete", {scope}, timeout, tag});
}

SharedBatch status(const SharedClient& client, const std::vector<std::string>& nodes,
                   double timeout, std::uint64_t tag) {
  std::vector<Operation> operations;
  for (const std::string& id : nodes) {
    const std::optional<NodeId> node = parse_node_id(id);
    if (!node) raise_error({ErrorCode::invalid_argument, "'" + id + "' is no node id"});
    operations.emplace_back(StatusOperation{*node, options_from(timeout)});
  }
  return client->submit(std::move(operations), {"status", {}, timeout, tag});
}

SharedClient connect(const std::vector<std::string>& contact_points, double timeout, int attempts,
                     double retry_pause, std::size_t max_in_flight, double connect_timeout,
                     const std::string& prefer) {
  ClientOptions options;
  options.timeout = duration_from(timeout);
  options.attempts_max = attempts;
  options.retry_pause = duration_from(retry_pause);
  options.in_flight_max = max_in_flight;
  options.prefer = prefer;
  const Duration patience = duration_from(connect_timeout);
  using Connected = Result<std::unique_ptr<Client>>;
  Connected client = run_interruptibly<Connected>([contact_points, options, patience] {
    return Client::connect(contact_points, options, patience);
  });
  return std::make_shared<RealClient>(std::shared_ptr<Client>(unwrap(std::move(client))));
}

py::dict counters_of(const ClientHandle& handle) {
  const ClientCounters counters = handle.counters();
  py::dict fields;
  fields["operations_started"] = counters.operations_started;
  fields["operations_ended"] = counters.operations_ended;
  fields["wakes"] = counters.wakes;
  fields["disconnects"] = counters.disconnects;
  return fields;
}

void bind_batch(py::module_& module) {
  py::class_<BatchHandle, SharedBatch>(module, "Batch", py::is_final())
      .def("wait", &BatchHandle::wait)
      .def("cancel", &BatchHandle::cancel)
      .def_property_readonly("done", &BatchHandle::is_done)
      .def_property_readonly("tag", &BatchHandle::tag)
      .def_property_readonly("timeout", &BatchHandle::timeout)
      .def("take_get", &BatchHandle::take_one)
      .def("take_write", &BatchHandle::take_one)
      .def("take_gets", &BatchHandle::take_all)
      .def("take_writes", &BatchHandle::take_all)
      .def("take_statuses", &BatchHandle::take_all);
}

}  // namespace

void bind_client(py::module_& module) {
  bind_batch(module);
  py::class_<ClientHandle, SharedClient>(module, "Client", py::is_final())
      .def_static("connect", &connect, py::arg("contact_points"), py::arg("timeout"),
                  py::arg("attempts"), py::arg("retry_pause"), py::arg("max_in_flight"),
                  py::arg("connect_timeout"), py::arg("prefer"))
      .def("get", &get, py::arg("bucket"), py::arg("keys"), py::arg("choices"), py::arg("timeout"),
           py::arg("flow"), py::arg("tag"))
      .def("put", &put, py::arg("bucket"), py::arg("items"), py::arg("content_type"),
           py::arg("choices"), py::arg("timeout"), py::arg("flow"), py::arg("tag"),
           py::arg("context").none(true), py::arg("condition"), py::arg("ttl"))
      .def("delete", &remove, py::arg("bucket"), py::arg("key"), py::arg("choices"),
           py::arg("timeout"), py::arg("flow"), py::arg("tag"), py::arg("context").none(true))
      .def("status", &status, py::arg("nodes"), py::arg("timeout"), py::arg("tag"))
      .def("drain", &ClientHandle::drain)
      .def_property_readonly("completion_fd", &ClientHandle::completion_fd)
      .def("layout", &ClientHandle::layout)
      .def_property_readonly("in_flight", &ClientHandle::in_flight)
      .def_property_readonly("closed", &ClientHandle::is_closed)
      .def("counters", &counters_of)
      .def(
          "forget_flow",
          [](ClientHandle& h, std::uint64_t flow) { h.forget_flow(static_cast<FlowId>(flow)); },
          py::arg("flow"))
      .def("close", &ClientHandle::close);
}

}  // namespace dynakv

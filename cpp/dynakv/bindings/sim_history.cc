#include "dynakv/bindings/sim_history.h"

#include <variant>

#include "dynakv/bindings/client_handle.h"
#include "dynakv/domain/context_token.h"

namespace dynakv {
namespace {

namespace py = pybind11;

/// An operation in the words of the Python face.
struct Asked {
  const char* verb = "status";
  FlowId flow{};
  py::object bucket = py::none();
  py::object key = py::none();
  py::object value = py::none();
  py::object context = py::none();
  int condition = 0;
  std::uint64_t scope = 0;
};

Asked asked(const StatusOperation& status) {
  Asked fields;
  fields.flow = status.options.flow;
  return fields;
}

Asked asked(const GetOperation& get) {
  Asked fields;
  fields.verb = "get";
  fields.flow = get.options.flow;
  fields.bucket = py::bytes(get.bucket);
  fields.key = py::bytes(get.key);
  fields.scope = context_scope(get.bucket, get.key);
  return fields;
}

Asked asked(const WriteOperation& write) {
  Asked fields;
  const bool is_put = write.kind == WriteKind::put;
  fields.verb = is_put ? "put" : "delete";
  fields.flow = write.options.flow;
  fields.bucket = py::bytes(write.bucket);
  fields.key = py::bytes(write.key);
  if (is_put) fields.value = py::bytes(write.value);
  fields.scope = context_scope(write.bucket, write.key);
  if (write.has_context) fields.context = py::cast(ContextToken{write.context, fields.scope});
  fields.condition = static_cast<int>(write.precondition);
  return fields;
}

}  // namespace

py::tuple history_row(const SimRecord& record, const std::shared_ptr<const Layout>& layout) {
  const Asked what = std::visit([](const auto& each) { return asked(each); }, record.operation);
  py::object end = py::none();
  py::object outcome = py::none();
  if (record.reply) {
    end = py::float_(seconds_of(record.ended));
    outcome = reply_to_python(*record.reply, what.verb, what.scope, layout, record.wall);
  }
  return py::make_tuple(record.client, static_cast<std::uint64_t>(what.flow), what.verb,
                        what.bucket, what.key, what.value, what.context, what.condition,
                        seconds_of(record.started), end, outcome);
}

}  // namespace dynakv

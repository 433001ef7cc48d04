#include "dynakv/bindings/bind_errors.h"

#include <pybind11/stl.h>

#include <stdexcept>
#include <utility>

#include "dynakv/base/check.h"
#include "dynakv/bindings/explain_fields.h"
#include "dynakv/bindings/process_life.h"

namespace dynakv {
namespace {

namespace py = pybind11;

// A broken invariant, on its way through C++ to the code that stops the broken node or client.
class CheckFailure : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void throw_check_failure(const char* file, int line, const char* expression) {
  throw CheckFailure(std::string(file) + ":" + std::to_string(line) +
                     ": check failed: " + expression);
}

py::object exception_class(std::string_view name) {
  const auto module = py::reinterpret_steal<py::object>(
      stand_still_at_end([] { return PyImport_ImportModule("dynakv._exceptions"); }));
  if (!module) throw py::error_already_set();
  return module.attr(std::string(name).c_str());
}

py::object make(std::string_view class_name, const std::string& message, const py::dict& fields) {
  const py::object made_of = exception_class(class_name);
  const auto text = py::reinterpret_steal<py::str>(PyUnicode_DecodeUTF8(
      message.data(), static_cast<Py_ssize_t>(message.size()), "backslashreplace"));
  const py::tuple arguments = py::make_tuple(text);
  // The constructor is Python code.
  auto exception = py::reinterpret_steal<py::object>(stand_still_at_end(
      [&] { return PyObject_Call(made_of.ptr(), arguments.ptr(), fields.ptr()); }));
  if (!exception) throw py::error_already_set();
  return exception;
}

py::dict fields_of(ErrorCode code) {
  py::dict fields;
  fields["code"] = py::str(std::string(error_name(code)));
  fields["retryable"] = error_is_retryable(code);
  return fields;
}

[[noreturn]] void throw_exception(const py::object& exception) {
  PyErr_SetObject(py::type::handle_of(exception).ptr(), exception.ptr());
  throw py::error_already_set();
}

bool is_quorum(ErrorCode code) {
  return code == ErrorCode::quorum_unavailable || code == ErrorCode::quorum_timeout;
}

}  // namespace

py::object to_exception(const Error& error) {
  return make(error_python_class(error.code), error.message, fields_of(error.code));
}

py::object to_exception(ErrorReply reply, const Failed& failed) {
  const ErrorCode code = reply.error.code;
  py::dict fields = fields_of(code);
  fields["in_doubt"] = reply.in_doubt;
  py::dict nodes;
  for (const NodeError& each : reply.node_errors) {
    nodes[py::str(name_in(failed.layout.get(), each.node))] =
        py::str(std::string(error_name(each.code)));
  }
  fields["node_errors"] = nodes;
  if (is_quorum(code)) {
    fields["op"] = failed.verb;
    fields["required"] = reply.required;
    fields["received"] = reply.received;
    fields["alive"] = reply.alive;
    fields["explain"] = explain_fields(reply.explain, failed.verb, failed.layout.get());
    fields["acked"] = py::tuple(py::cast(node_names(failed.layout.get(), reply.acked)));
  } else if (code == ErrorCode::condition_failed) {
    fields["result"] = py::cast(Got(std::move(reply.object), failed.scope, failed.wall));
  }
  return make(error_python_class(code), reply.error.message, fields);
}

void raise_error(const Error& error) { throw_exception(to_exception(error)); }

void raise_reply(ErrorReply reply, const Failed& failed) {
  throw_exception(to_exception(std::move(reply), failed));
}

void raise(std::string_view class_name, const std::string& message, ErrorCode code) {
  throw_exception(make(class_name, message, fields_of(code)));
}

void bind_errors(py::module_& module) {
  set_check_handler(throw_check_failure);
  py::register_exception_translator([](std::exception_ptr pending) {
    try {
      if (pending) std::rethrow_exception(pending);
    } catch (const CheckFailure& failure) {
      const py::object exception = to_exception(Error{ErrorCode::internal, failure.what()});
      PyErr_SetObject(py::type::handle_of(exception).ptr(), exception.ptr());
    }
  });
  module.def("error_table", [] {
    py::list rows;
#define DYNAKV_ERROR_PYTHON_ROW(name, number, python, retryable) \
  rows.append(py::make_tuple(#name, number, python, retryable));
    DYNAKV_ERROR_TABLE(DYNAKV_ERROR_PYTHON_ROW)
#undef DYNAKV_ERROR_PYTHON_ROW
    return rows;
  });
  module.def("fail_check", [] { DYNAKV_CHECK(!"a test asked for it"); });
}

}  // namespace dynakv

#include "dynakv/bindings/bind_results.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "dynakv/base/hash.h"
#include "dynakv/bindings/bind_errors.h"
#include "dynakv/bindings/explain_fields.h"
#include "dynakv/bindings/results.h"
#include "dynakv/domain/context_token.h"

namespace dynakv {
namespace {

namespace py = pybind11;

constexpr std::size_t kShownDotsMax = 4;

constexpr const char* kContextDoc =
    "What a read or write has seen of one key; give it to the next put or delete of that key.\n\n"
    "Opaque. ``bytes(context)`` can be stored and brought back with ``Context.from_bytes``; a "
    "token\n"
    "that is damaged, cut short, or used for another key is refused with `ContextError`.\n"
    "``a | b`` has seen what either has.";

// A value's expiry is decided when somebody reads it.
WallTime wall_of(const Got& got) {
  if (got.wall()) return *got.wall();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

py::tuple as_tuple(const Dot& dot) { return py::make_tuple(to_number(dot.actor), dot.counter); }

std::string text_of(const ContextToken& token) {
  std::string text = "<Context";
  std::size_t count = 0;
  for (const auto* dots : {&token.context.vector().entries(), &token.context.isolated()}) {
    for (const Dot& dot : *dots) {
      if (++count <= kShownDotsMax) text += " " + to_string(dot);
    }
  }
  if (count > kShownDotsMax) text += " and " + std::to_string(count - kShownDotsMax) + " more";
  return text + (count == 0 ? " nothing seen>" : ">");
}

ContextToken united(const ContextToken& a, const ContextToken& b) {
  unwrap(check_same_key(a, b));
  ContextToken both = a;
  both.context.join(b.context);
  return both;
}

py::list siblings_of(Got& got) {
  py::list fields;
  for (const ShownSibling& shown : shown_siblings(got.object(), wall_of(got))) {
    const Payload& payload = shown.sibling->payload;
    fields.append(py::make_tuple(py::bytes(payload.value), as_tuple(shown.sibling->dot),
                                 ContextToken{shown.covers, got.scope()}, payload.written_at.packed,
                                 payload.content_type, payload.write_id));
  }
  return fields;
}

/// Pairs of names: the node that holds the hint, and the owner it is for.
py::list hinted_by(const Wrote& wrote) {
  py::list pairs;
  for (const StandIn& each : wrote.reply.hinted) {
    pairs.append(py::make_tuple(name_in(wrote.layout.get(), each.node),
                                name_in(wrote.layout.get(), each.owner)));
  }
  return pairs;
}

using Relation = bool (Context::*)(const Context&) const;

template <Relation relation>
bool related(const ContextToken& a, const ContextToken& b) {
  unwrap(check_same_key(a, b));
  return (a.context.*relation)(b.context);
}

void bind_context(py::module_& module) {
  py::class_<ContextToken>(module, "Context", py::is_final(), kContextDoc)
      .def("__bytes__", [](const ContextToken& token) { return py::bytes(encode_token(token)); })
      .def_static(
          "from_bytes",
          [](const py::bytes& token) {
            return unwrap(decode_token(token.cast<std::string_view>()));
          },
          py::arg("token"), "The inverse of bytes(). Raises ContextError.")
      .def("descends", &related<&Context::descends>, py::arg("other"),
           "Has seen everything that `other` has.")
      .def("dominates", &related<&Context::dominates>, py::arg("other"),
           "Descends, and has seen more.")
      .def("concurrent", &related<&Context::concurrent>, py::arg("other"),
           "Neither descends the other.")
      .def("__or__", &united, py::is_operator())
      .def(
          "__eq__", [](const ContextToken& a, const ContextToken& b) { return a == b; },
          py::is_operator())
      .def("__hash__",
           [](const ContextToken& token) {
             return static_cast<std::int64_t>(hash64(encode_token(token)) >> 2);
           })
      .def(py::pickle([](const ContextToken& token) { return py::bytes(encode_token(token)); },
                      [](const py::bytes& token) {
                        return unwrap(decode_token(token.cast<std::string_view>()));
                      }))
      .def("__repr__", &text_of);
}

}  // namespace

void bind_results(py::module_& module) {
  bind_context(module);
  py::class_<Got>(module, "Got", py::is_final())
      .def("siblings", &siblings_of)
      .def("only_value",
           [](Got& got) -> py::object {
             const Bytes* value = only_value(got.object(), wall_of(got));
             if (value == nullptr) return py::none();
             return py::bytes(*value);
           })
      .def_property_readonly("context",
                             [](Got& got) {
                               return ContextToken{got.object().context(), got.scope()};
                             })
      .def_property_readonly(
          "answered", [](const Got& got) { return node_names(got.layout(), got.reply().answered); })
      .def_property_readonly(
          "fallbacks",
          [](const Got& got) { return node_names(got.layout(), got.reply().fallbacks); })
      .def_property_readonly("all_answered",
                             [](const Got& got) { return got.reply().all_answered; })
      .def_property_readonly("strict", [](const Got& got) { return got.reply().is_strict; })
      .def_property_readonly("explain", [](const Got& got) {
        return explain_fields(got.reply().explain, "get", got.layout());
      });
  py::class_<Wrote>(module, "Wrote", py::is_final())
      .def_property_readonly("context",
                             [](const Wrote& wrote) {
                               return ContextToken{wrote.reply.context, wrote.scope};
                             })
      .def_property_readonly("dot", [](const Wrote& wrote) { return as_tuple(wrote.reply.dot); })
      .def_property_readonly(
          "acked",
          [](const Wrote& wrote) { return node_names(wrote.layout.get(), wrote.reply.acked); })
      .def_property_readonly("hinted", &hinted_by)
      .def_property_readonly("strict", [](const Wrote& wrote) { return wrote.reply.is_strict; })
      .def_property_readonly("explain", [](const Wrote& wrote) {
        return explain_fields(wrote.reply.explain, wrote.verb, wrote.layout.get());
      });
}

}  // namespace dynakv

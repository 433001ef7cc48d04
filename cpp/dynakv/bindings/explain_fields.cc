#include "dynakv/bindings/explain_fields.h"

#include <pybind11/stl.h>

#include "dynakv/bindings/results.h"

namespace dynakv {
namespace {

namespace py = pybind11;

const char* name_of(ExplainKind kind) {
  switch (kind) {
    case ExplainKind::received:
      return "received";
    case ExplainKind::sent:
      return "sent";
    case ExplainKind::acked:
      return "acked";
    case ExplainKind::answered:
      return "answered";
    case ExplainKind::digest_equal:
      return "digest_equal";
    case ExplainKind::digest_differs:
      return "digest_differs";
    case ExplainKind::failed:
      return "failed";
    case ExplainKind::silent:
      return "silent";
    case ExplainKind::skipped:
      return "skipped";
    case ExplainKind::hint_sent:
      return "hint_sent";
    case ExplainKind::hint_stored:
      return "hint_stored";
    case ExplainKind::repair_sent:
      return "repair_sent";
    case ExplainKind::repaired:
      return "repaired";
    case ExplainKind::quorum_met:
      return "quorum_met";
    case ExplainKind::replied:
      return "replied";
    case ExplainKind::repair_planned:
      return "repair_planned";
    case ExplainKind::refused:
      return "refused";
  }
  return "";
}

py::object name_of(CopyKind copy) {
  switch (copy) {
    case CopyKind::none:
      return py::none();
    case CopyKind::empty:
      return py::str("empty");
    case CopyKind::first:
      return py::str("first");
    case CopyKind::equal:
      return py::str("equal");
    case CopyKind::behind:
      return py::str("behind");
    case CopyKind::ahead:
      return py::str("ahead");
    case CopyKind::beside:
      return py::str("beside");
  }
  return py::none();
}

}  // namespace

py::object explain_fields(const ExplainRecord& record, const char* operation,
                          const Layout* layout) {
  if (!record) return py::none();
  py::list events;
  for (const ExplainEvent& event : record->events) {
    py::object target = py::none();
    if (!event.owner.is_nil()) target = py::str(name_in(layout, event.owner));
    events.append(py::make_tuple(event.at_us, name_in(layout, event.node), name_of(event.kind),
                                 target, name_of(event.copy)));
  }
  py::dict fields;
  fields["operation"] = operation;
  fields["layout"] = to_number(record->layout);
  fields["coordinator"] = name_in(layout, record->coordinator);
  fields["owners"] = node_names(layout, record->owners);
  fields["fallbacks"] = node_names(layout, record->fallbacks);
  fields["required"] = record->required;
  fields["strict"] = record->strict;
  fields["begun_at"] = seconds_of(record->begun_at);
  fields["request"] = to_number(record->request);
  fields["events"] = events;
  return fields;
}

}  // namespace dynakv

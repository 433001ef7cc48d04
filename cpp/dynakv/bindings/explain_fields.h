// The decision record of a request as Python sees it: names for ids and words for kinds.
#pragma once

#include <pybind11/pybind11.h>

#include "dynakv/domain/layout.h"
#include "dynakv/protocol/explain.h"

namespace dynakv {

/// The arguments of dynakv.Explain as a dict, or None when there is no record. `layout` may be
/// null: then ids stand for names.
pybind11::object explain_fields(const ExplainRecord& record, const char* operation,
                                const Layout* layout);

}  // namespace dynakv

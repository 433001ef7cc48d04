// Python classes Client and Batch. Every wait releases the interpreter lock and checks for signals
// at least every kSignalSlice.
#pragma once

#include <pybind11/pybind11.h>

#include <map>
#include <string>
#include <vector>

#include "dynakv/domain/layout.h"
#include "dynakv/protocol/messages.h"

namespace dynakv {

/// What a member says of itself, as a dict; `layout` names its peers and may be null.
pybind11::dict status_fields(bool ready, LayoutVersion version, std::uint64_t incarnation,
                             const std::vector<PeerStatus>& peers, const Layout* layout);

void bind_client(pybind11::module_& module);

}  // namespace dynakv

// Python classes Simulation and SimSnapshot of the native module.
#pragma once

#include <pybind11/pybind11.h>

namespace dynakv {

void bind_sim(pybind11::module_& module);

}  // namespace dynakv

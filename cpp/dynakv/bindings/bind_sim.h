// Python class Simulation of the native module, its clients, and run_seeds().
#pragma once

#include <pybind11/pybind11.h>

namespace dynakv {

void bind_sim(pybind11::module_& module);

}  // namespace dynakv

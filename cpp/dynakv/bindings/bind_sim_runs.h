// Python functions run_seeds() and shrink_seed() of the native module: whole runs under the oracle.
#pragma once

#include <pybind11/pybind11.h>

namespace dynakv {

void bind_sim_runs(pybind11::module_& module);

}  // namespace dynakv

// Python classes Context, Got and Wrote.
#pragma once

#include <pybind11/pybind11.h>

namespace dynakv {

void bind_results(pybind11::module_& module);

}  // namespace dynakv

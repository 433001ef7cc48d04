// Python class Node of the native module: one real node in this process.
#pragma once

#include <pybind11/pybind11.h>

namespace dynakv {

void bind_node(pybind11::module_& module);

}  // namespace dynakv

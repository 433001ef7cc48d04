// The native module dynakv._core. What it offers is written down in python/dynakv/_core.pyi.
#include <pybind11/pybind11.h>

#include "dynakv/bindings/bind_client.h"
#include "dynakv/bindings/bind_errors.h"
#include "dynakv/bindings/bind_layout.h"
#include "dynakv/bindings/bind_node.h"
#include "dynakv/bindings/bind_results.h"
#include "dynakv/bindings/bind_sim.h"
#include "dynakv/bindings/bind_sim_runs.h"
#include "dynakv/bindings/process_life.h"

PYBIND11_MODULE(_core, module) {
  module.doc() = "The native module. Not part of the public API, except Context, Layout, Member.";
  module.attr("version") = DYNAKV_VERSION;
  dynakv::bind_results(module);
  dynakv::bind_errors(module);
  dynakv::bind_layout(module);
  dynakv::bind_client(module);
  dynakv::bind_node(module);
  dynakv::bind_sim(module);
  dynakv::bind_sim_runs(module);
  module.def("begin_exit", &dynakv::begin_exit);
  module.def("finish_exit", &dynakv::finish_exit);
  module.def("mark_forked", &dynakv::mark_forked);
}

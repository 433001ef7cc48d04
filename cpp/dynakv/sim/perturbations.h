// Perturbations make a run unlike what its authors had in mind, without breaking anything.
//
// Each is a named site that is on in a quarter of the runs that have any. Knobs turn one option of
// the protocol, the clients or the hosts to an extreme; disturbances make some moments of the world
// odd: a step that takes one input of many, a message that comes a second late, a connection that
// breaks. The core takes all of it through its options and from its driver, so none of this is
// compiled into it. Source: FoundationDB's BUGGIFY; INVARIANTS §3.1.
//
// No site may break a promise. So there is no site that waits for others for less time than they
// may take (an identity check of a millisecond), or that suspects nodes at random.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "dynakv/base/random.h"
#include "dynakv/sim/simulation.h"

namespace dynakv {

struct PerturbationSite {
  std::string_view name;
  /// Changes the options; draws how much from `random`.
  void (*apply)(SimulationOptions& options, Random& random);
};

std::span<const PerturbationSite> perturbation_sites();

/// Sites that are on, in order.
std::vector<std::size_t> draw_perturbations(Random random);

/// Turns the sites' options. How far depends only on the options' seed and the site.
void perturb(const std::vector<std::size_t>& sites, SimulationOptions& options);

}  // namespace dynakv

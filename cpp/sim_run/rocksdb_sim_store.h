// The store of real nodes under a simulated disk: the very RocksDbStore, on files in memory that
// forget what a real disk forgets.
//
// It flushes after a number of written bytes that is drawn from the seed, and never because a
// memtable is full: how full one is depends on the heights of skip list nodes, which no seed
// decides. Its compactions follow from the flushes.
#pragma once

#include "dynakv/sim/sim_store.h"

namespace dynakv {

/// For SimulationOptions::store.
std::unique_ptr<SimStore> new_rocksdb_sim_store(Random random);

}  // namespace dynakv

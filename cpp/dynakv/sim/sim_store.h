// The port to a real store under a simulated disk.
//
// A simulated disk is a model in memory (sim_disk.h). In a share of the runs the store of real
// nodes does the work, on files in memory, and the model then says what that store must answer and
// what it must come back with. The core of the simulator knows no storage library: the program that
// runs it hands in a factory (cpp/sim_run).
//
// Same calls, same random stream, same answers: background work of the store must have ended when
// a call returns.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "dynakv/base/random.h"
#include "dynakv/protocol/store.h"

namespace dynakv {

/// Files as they were at some time. Only their maker looks inside.
class SimFiles {
 public:
  virtual ~SimFiles() = default;
};

class SimStore {
 public:
  virtual ~SimStore() = default;

  /// Opens the store on its files, for a process of this start of the operating system.
  /// REQUIRES: it is closed. Errors: as the store's own open.
  virtual Result<DurableStore*> open(const std::string& boot_id) = 0;
  /// A proper end. Like end_process() it does nothing when the store is closed.
  virtual void close() = 0;
  /// The process is killed: what it had handed to the operating system stays, except pages whose
  /// sync failed, which may be gone.
  virtual void end_process() = 0;
  /// After end_process(): of what was not synced, a part that is drawn for each file remains. True
  /// when a file was cut in the middle of that.
  virtual bool lose_power() = 0;

  /// Called after a step or a sync: lets the store do its background work.
  virtual void rest() = 0;
  /// The next sync fails, and what it should have covered is lost.
  virtual void fail_next_sync() = 0;
  /// Its free space is below the reserve, or far above it.
  virtual void set_full(bool full) = 0;
  /// This many more bytes fit in the files, and further writes fail; nullopt makes room.
  virtual void limit_room(std::optional<std::size_t> bytes) = 0;
  /// Flips a bit of the object `value` on the files, and so damages everything under the same
  /// checksum. Returns false when the object is not found. REQUIRES: it is open, with nothing
  /// pending.
  virtual bool damage(BytesView value) = 0;

  /// What a loss of power now would leave for sure.
  virtual std::shared_ptr<const SimFiles> image() const = 0;
  /// REQUIRES: it is closed; `files` is from a store of the same factory, null for no files at all.
  virtual void restore(const SimFiles* files) = 0;
};

using SimStoreFactory = std::function<std::unique_ptr<SimStore>(Random random)>;

}  // namespace dynakv

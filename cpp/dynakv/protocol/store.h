// The port to local storage: an ordered map of bytes in three spaces, changed in steps.
//
// Machines see only Store: they read and add changes to the step's pending batch, which their own
// reads see at once (two puts of one key in one step must not hide each other). The driver sees
// DurableStore: it ends the step with write_step(), and sync() says when everything written is
// durable. Effects are released only after that (DESIGN §3), so what an acknowledgement means and
// what a crash can lose are decided in one place.
//
// Invariant 1: a step's changes become visible after a crash all together or not at all.
// Invariant 2: after a failed write_step or sync, every later one fails too (I21): pages may be
// marked clean although they are lost, so nothing is retried.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "dynakv/base/bytes.h"
#include "dynakv/base/result.h"

namespace dynakv {

enum class Space : std::uint8_t { objects = 0, hints = 1, node_state = 2 };

/// Whether client writes may be accepted. Reads, repair and deletes go on when the disk is full.
enum class StoreCondition : std::uint8_t { healthy, disk_full, failed };

class Store {
 public:
  virtual ~Store() = default;

  /// The value under `key`, with the pending batch in view; nothing when there is none.
  /// Errors: corruption (never "not found", I20), storage.
  virtual Result<std::optional<Bytes>> get(Space space, BytesView key) = 0;

  virtual void put(Space space, BytesView key, BytesView value) = 0;
  virtual void erase(Space space, BytesView key) = 0;

  /// Up to `count_max` records of [first, last) in the order of their keys, the pending batch in
  /// view. An empty `last` means "to the end". Errors: corruption, storage.
  virtual Result<std::vector<std::pair<Bytes, Bytes>>> scan(Space space, BytesView first,
                                                            BytesView last,
                                                            std::size_t count_max) = 0;

  virtual StoreCondition condition() const = 0;
};

class DurableStore : public Store {
 public:
  virtual bool has_pending() const = 0;

  /// Hands the pending batch to the operating system as one atomic change: it survives the end of
  /// the process, not yet a loss of power. Errors: disk_full, storage.
  virtual Status write_step() = 0;

  /// Makes everything that earlier write_step calls wrote durable. May be called from another
  /// thread while the store is used. Errors: storage.
  virtual Status sync() = 0;
};

}  // namespace dynakv

// A store in memory: an ordered map for each space, and the step's pending batch over it.
//
// It is the reference of the store contract (every other store must answer as it does), the store
// of protocol tests, and the base of the simulated disk. Nothing survives the end of the process,
// so sync() has nothing to do.
//
// Invariant 1: reads see the pending batch; write_step() applies all of it at once.
#pragma once

#include <array>
#include <cstddef>
#include <map>

#include "dynakv/protocol/store.h"

namespace dynakv {

class MemoryStore final : public DurableStore {
 public:
  /// The records of one space in the order of their keys.
  using Records = std::map<Bytes, Bytes, std::less<>>;
  /// Values by key; an empty optional is no record.
  using Changes = std::map<Bytes, std::optional<Bytes>, std::less<>>;
  static constexpr std::size_t kSpaceCount = 3;
  /// What a step changes in each space.
  using Batch = std::array<Changes, kSpaceCount>;

  Result<std::optional<Bytes>> get(Space space, BytesView key) override;
  void put(Space space, BytesView key, BytesView value) override;
  void erase(Space space, BytesView key) override;
  Result<std::vector<std::pair<Bytes, Bytes>>> scan(Space space, BytesView first, BytesView last,
                                                    std::size_t count_max) override;
  StoreCondition condition() const override { return condition_; }

  bool has_pending() const override;
  /// The bytes of the keys and values in the pending batch.
  std::size_t pending_bytes() const;
  /// Errors: storage while the condition is `failed`.
  Status write_step() override;
  Status sync() override;

  /// Forgets the pending batch, as the end of the process would.
  void drop_pending();

  /// As write_step(), whatever the condition; returns the batch that would undo it.
  Batch write_undoable_step();
  /// Writes `batch` and leaves in it what it replaced: a second call undoes the first.
  void exchange(Batch& batch);

  /// Sets what condition() says; for tests and simulated disks.
  void set_condition(StoreCondition condition) { condition_ = condition; }

  /// What was written, without the pending batch.
  const Records& written(Space space) const;

 private:
  std::array<Records, kSpaceCount> written_;
  Batch pending_;
  StoreCondition condition_ = StoreCondition::healthy;
};

}  // namespace dynakv

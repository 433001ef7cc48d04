#include "dynakv/sim/sim_disk.h"
#include "dynakv/base/sometimes.h"

#include <algorithm>
#include <iterator>

namespace dynakv {
namespace {

tl::unexpected<Error> failed_before() {
  return fail(ErrorCode::storage, "the simulated disk failed before");
}

tl::unexpected<Error> call_failed() {
  return fail(ErrorCode::storage, "the simulated call was made to fail");
}

}  // namespace

Result<std::optional<Bytes>> SimDisk::get(Space space, BytesView key) {
  if (call_fails()) return call_failed();
  if (space == Space::objects && !damaged_.empty() && is_damaged(key)) {
    return fail(ErrorCode::corruption, "the simulated record is damaged");
  }
  return written_.get(space, key);
}

void SimDisk::put(Space space, BytesView key, BytesView value) {
  written_.put(space, key, value);
  if (space == Space::objects) damaged_.erase(Bytes(key));
}

void SimDisk::erase(Space space, BytesView key) { written_.erase(space, key); }

Result<std::vector<std::pair<Bytes, Bytes>>> SimDisk::scan(Space space, BytesView first,
                                                           BytesView last, std::size_t count_max) {
  if (call_fails()) return call_failed();
  auto records = written_.scan(space, first, last, count_max);
  if (space != Space::objects || damaged_.empty() || !records) return records;
  for (const auto& [key, value] : *records) {
    if (is_damaged(key)) return fail(ErrorCode::corruption, "a simulated record is damaged");
  }
  return records;
}

StoreCondition SimDisk::condition() const {
  if (has_failed_) return StoreCondition::failed;
  return is_full_ ? StoreCondition::disk_full : StoreCondition::healthy;
}

Status SimDisk::write_step() {
  if (has_failed_) return failed_before();
  if (!has_pending()) return {};
  if (call_fails()) {
    has_failed_ = true;
    return call_failed();
  }
  Step step;
  if (const Status written = written_.write_step(&step); !written) return written;
  unsynced_.push_back(std::move(step));
  ++written_steps_;
  return {};
}

Status SimDisk::sync() { return finish_sync(written_steps_); }

Status SimDisk::finish_sync(std::uint64_t steps) {
  if (has_failed_) return failed_before();
  if (fail_next_sync_ || call_fails()) {
    sometimes(Sometimes::sync_failed);
    has_failed_ = true;
    return fail(ErrorCode::storage, "the simulated sync failed; its pages are lost");
  }
  sometimes(Sometimes::sync_covered_steps, steps >= synced_steps_ + 3);
  for (; synced_steps_ < steps; ++synced_steps_) unsynced_.pop_front();
  durable_.reset();
  return {};
}

void SimDisk::take_back(MemoryStore& store, std::size_t kept) const {
  for (std::size_t step = unsynced_.size(); step > kept; --step) {
    for (const MemoryStore::Before& before : unsynced_[step - 1]) {
      if (before.value) {
        store.put(before.space, before.key, *before.value);
      } else {
        store.erase(before.space, before.key);
      }
    }
    // A memory store's write fails only when it was told to.
    (void)store.write_step();
  }
}

const MemoryStore& SimDisk::durable() const {
  if (unsynced_.empty() && !written_.has_pending()) return written_;
  if (!durable_) {
    durable_ = written_;
    durable_->drop_pending();
    take_back(*durable_, 0);
  }
  return *durable_;
}

void SimDisk::drop_pending() {
  written_.drop_pending();
  if (has_failed_) {
    // The pages of the failed sync were clean but lost: the process's end makes it visible.
    restore(MemoryStore(durable()));
  }
}

void SimDisk::lose_power(Random& random) {
  drop_pending();
  const std::uint64_t kept = random.below(unsynced_.size() + 1);
  sometimes(Sometimes::torn_tail_dropped, kept < unsynced_.size());
  sometimes(Sometimes::unsynced_tail_survived, kept > 0);
  MemoryStore left = written_;
  take_back(left, static_cast<std::size_t>(kept));
  restore(left);
}

void SimDisk::wipe() {
  sometimes(Sometimes::node_wiped);
  restore(MemoryStore{});
  damaged_.clear();
}

void SimDisk::restore(const MemoryStore& image) {
  written_ = image;
  written_.drop_pending();
  durable_.reset();
  unsynced_.clear();
  synced_steps_ = written_steps_;
  has_failed_ = false;
  fail_next_sync_ = false;
}

bool SimDisk::damage_object(Random& random) {
  const auto& objects = written_.written(Space::objects);
  if (objects.empty()) return false;
  auto at = objects.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(random.below(objects.size())));
  damaged_.insert(at->first);
  sometimes(Sometimes::object_damaged);
  return true;
}

}  // namespace dynakv

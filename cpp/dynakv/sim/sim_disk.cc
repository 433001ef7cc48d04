#include "dynakv/sim/sim_disk.h"

#include <algorithm>
#include <iterator>

#include "dynakv/base/check.h"
#include "dynakv/base/sometimes.h"

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
  auto expected = written_.get(space, key);
  if (opened_ != nullptr) {
    auto found = opened_->get(space, key);
    const bool is_right = found ? *found == *expected : has_damaged_files_;
    if (!is_right) note_broken("answered a read wrongly: " + printable(key));
    return found;
  }
  if (space == Space::objects && !damaged_.empty() && is_damaged(key)) {
    return fail(ErrorCode::corruption, "the simulated record is damaged");
  }
  return expected;
}

void SimDisk::put(Space space, BytesView key, BytesView value) {
  written_.put(space, key, value);
  if (opened_ != nullptr) opened_->put(space, key, value);
  pending_.push_back({space, Bytes(key), Bytes(value)});
  if (space == Space::objects) damaged_.erase(Bytes(key));
}

void SimDisk::erase(Space space, BytesView key) {
  written_.erase(space, key);
  if (opened_ != nullptr) opened_->erase(space, key);
  pending_.push_back({space, Bytes(key), std::nullopt});
}

Result<std::vector<std::pair<Bytes, Bytes>>> SimDisk::scan(Space space, BytesView first,
                                                           BytesView last, std::size_t count_max) {
  if (call_fails()) return call_failed();
  auto records = written_.scan(space, first, last, count_max);
  if (opened_ != nullptr) {
    auto found = opened_->scan(space, first, last, count_max);
    const bool is_right = found ? *found == *records : has_damaged_files_;
    if (!is_right) note_broken("scanned wrongly from " + printable(first));
    return found;
  }
  if (space != Space::objects || damaged_.empty() || !records) return records;
  for (const auto& [key, value] : *records) {
    if (is_damaged(key)) return fail(ErrorCode::corruption, "a simulated record is damaged");
  }
  return records;
}

StoreCondition SimDisk::condition() const {
  if (has_failed_) return StoreCondition::failed;
  if (opened_ != nullptr) return opened_->condition();
  return is_full_ ? StoreCondition::disk_full : StoreCondition::healthy;
}

Status SimDisk::write_step() {
  if (has_failed_) return failed_before();
  if (pending_.empty()) return {};
  if (call_fails()) {
    has_failed_ = true;
    return call_failed();
  }
  if (opened_ != nullptr) {
    const Status written = opened_->write_step();
    // Also after a failure: what runs in the background must not race with the end of the process.
    store_->rest();
    if (!written) {
      has_failed_ = true;
      if (!has_damaged_files_) note_broken("failed without a fault: " + written.error().message);
      return written;
    }
  }
  if (const Status written = written_.write_step(); !written) return written;
  unsynced_.push_back(std::exchange(pending_, {}));
  ++written_steps_;
  return {};
}

Status SimDisk::sync() { return finish_sync(written_steps_); }

Status SimDisk::finish_sync(std::uint64_t steps) {
  if (has_failed_) return failed_before();
  bool must_fail = fail_next_sync_ || call_fails();
  if (opened_ != nullptr) {
    if (must_fail) store_->fail_next_sync();
    const Status synced = opened_->sync();
    const bool is_right = synced ? !must_fail : must_fail || has_damaged_files_;
    if (!is_right) note_broken("misreported a sync");
    pages_may_be_lost_ = pages_may_be_lost_ || must_fail;
    must_fail = must_fail || !synced;
    store_->rest();
  }
  if (must_fail) {
    sometimes(Sometimes::sync_failed);
    has_failed_ = true;
    return fail(ErrorCode::storage, "the simulated sync failed; its pages are lost");
  }
  sometimes(Sometimes::sync_covered_steps, steps >= synced_steps_ + 3);
  for (; synced_steps_ < steps; ++synced_steps_) {
    apply(unsynced_.front(), durable_);
    unsynced_.pop_front();
  }
  return {};
}

void SimDisk::apply(const Step& step, MemoryStore& store) {
  for (const Change& change : step) {
    if (change.value) {
      store.put(change.space, change.key, *change.value);
    } else {
      store.erase(change.space, change.key);
    }
  }
  // A memory store's write fails only when it was told to.
  (void)store.write_step();
}

void SimDisk::drop_pending() {
  written_.drop_pending();
  pending_.clear();
  if (store_) {
    opened_ = nullptr;
    store_->end_process();
    tail_may_be_cut_ = tail_may_be_cut_ || has_failed_;
    if (tail_may_be_cut_) written_ = durable_;
    fail_next_sync_ = fail_next_sync_ && !has_failed_;
    has_failed_ = false;
  } else if (has_failed_) {
    // The pages of the failed sync were clean but lost: the process's end makes it visible.
    restore({durable_, {}, nullptr});
  }
}

void SimDisk::lose_power(Random& random) {
  drop_pending();
  if (store_) {
    tail_was_torn_ = store_->lose_power() || tail_was_torn_;
    tail_may_be_cut_ = true;
    written_ = durable_;
    fail_next_sync_ = false;
    return;
  }
  const std::uint64_t kept = random.below(unsynced_.size() + 1);
  sometimes(Sometimes::torn_tail_dropped, kept < unsynced_.size());
  sometimes(Sometimes::unsynced_tail_survived, kept > 0);
  for (std::uint64_t i = 0; i < kept; ++i) apply(unsynced_[i], durable_);
  restore({durable_, {}, nullptr});
}

void SimDisk::wipe() {
  sometimes(Sometimes::node_wiped);
  restore({});
  damaged_.clear();
  has_damaged_files_ = false;
}

void SimDisk::set_full(bool full) {
  is_full_ = full;
  if (store_) store_->set_full(full);
}

void SimDisk::clear_faults() {
  set_full(false);
  fail_next_sync_ = false;
}

SimDisk::Image SimDisk::image() const {
  if (!store_) return {durable_, {}, nullptr};
  return {durable_, unsynced_, store_->image(), pages_may_be_lost_};
}

void SimDisk::restore(const Image& image) {
  DYNAKV_CHECK(opened_ == nullptr);
  durable_ = image.durable;
  written_ = durable_;
  pending_.clear();
  forget_unsynced();
  has_failed_ = false;
  fail_next_sync_ = false;
  if (!store_) return;
  store_->restore(image.files.get());
  unsynced_ = image.unsynced;
  written_steps_ += unsynced_.size();
  tail_may_be_cut_ = true;
  // A copy of files in use may have more in one of them than in another.
  pages_may_be_lost_ = image.pages_may_be_lost || !image.unsynced.empty();
}

bool SimDisk::damage_object(Random& random) {
  const auto& objects = written_.written(Space::objects);
  if (objects.empty()) return false;
  auto at = objects.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(random.below(objects.size())));
  if (store_) {
    if (opened_ == nullptr || at->second.empty() || !store_->damage(at->second)) return false;
    has_damaged_files_ = true;
    find_damaged();
    if (damaged_.empty()) return false;
  } else {
    damaged_.insert(at->first);
  }
  sometimes(Sometimes::object_damaged);
  return true;
}

}  // namespace dynakv

#include "dynakv/sim/sim_disk.h"

#include <algorithm>
#include <iterator>

#include "dynakv/base/check.h"
#include "dynakv/sim/sim_sometimes.h"

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
  if (space == Space::objects && !damaged_.empty()) damaged_.erase(Bytes(key));
}

void SimDisk::erase(Space space, BytesView key) {
  written_.erase(space, key);
  if (opened_ != nullptr) opened_->erase(space, key);
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
  return is_full_ || writes_stopped_ ? StoreCondition::disk_full : StoreCondition::healthy;
}

Status SimDisk::write_step() {
  if (has_failed_) return failed_before();
  if (!has_pending()) return {};
  if (call_fails()) {
    has_failed_ = true;
    return call_failed();
  }
  if (Status found = take_room(); !found) return found;
  if (opened_ != nullptr) {
    const Status written = opened_->write_step();
    // Also after a failure: what runs in the background must not race with the end of the process.
    store_->rest();
    if (!written) {
      if (room_was_limited_ && written.error().code == ErrorCode::disk_full) return written;
      sometimes(SimSometimes::ended_without_room, room_was_limited_);
      has_failed_ = true;
      has_lost_nothing_ = room_was_limited_;
      const bool has_reason = has_damaged_files_ || room_was_limited_;
      if (!has_reason) note_broken("failed without a fault: " + written.error().message);
      return written;
    }
  }
  DYNAKV_CHECK(done_ == unsynced_.size());
  unsynced_.push_back(written_.write_undoable_step());
  ++done_;
  ++written_steps_;
  return {};
}

Status SimDisk::take_room() {
  if (!room_ || store_) return {};
  const std::size_t bytes = written_.pending_bytes();
  if (!writes_stopped_ && bytes <= *room_) {
    *room_ -= bytes;
    return {};
  }
  writes_stopped_ = true;
  if (no_room_ == NoRoom::step_waits) {
    return fail(ErrorCode::disk_full, "the simulated disk has no room; the step stays pending");
  }
  sometimes(SimSometimes::ended_without_room);
  has_failed_ = has_lost_nothing_ = true;
  return fail(ErrorCode::storage, "the simulated disk has no room for the log");
}

Status SimDisk::sync() { return finish_sync(written_steps_); }

Status SimDisk::finish_sync(std::uint64_t steps) {
  if (has_failed_) return failed_before();
  bool must_fail = fail_next_sync_ || call_fails();
  if (opened_ != nullptr) {
    if (must_fail) store_->fail_next_sync();
    const Status synced = opened_->sync();
    const bool may_fail = must_fail || has_damaged_files_ || room_was_limited_;
    const bool is_right = synced ? !must_fail : may_fail;
    if (!is_right) note_broken("misreported a sync");
    pages_may_be_lost_ = pages_may_be_lost_ || must_fail;
    must_fail = must_fail || !synced;
    store_->rest();
  }
  if (must_fail) {
    sometimes(SimSometimes::sync_failed);
    has_failed_ = true;
    return fail(ErrorCode::storage, "the simulated sync failed; its pages are lost");
  }
  sometimes(SimSometimes::sync_covered_steps, steps >= synced_steps_ + 3);
  for (; synced_steps_ < steps; ++synced_steps_) {
    unsynced_.pop_front();
    --done_;
  }
  return {};
}

void SimDisk::roll_back(std::size_t kept) {
  for (; done_ > kept; --done_) written_.exchange(unsynced_[done_ - 1]);
}

void SimDisk::drop_pending() {
  written_.drop_pending();
  const bool lost_nothing = std::exchange(has_lost_nothing_, false);
  const bool has_failed = std::exchange(has_failed_, false) && !lost_nothing;
  fail_next_sync_ = fail_next_sync_ && !has_failed;
  room_was_limited_ = room_.has_value();
  if (store_) {
    opened_ = nullptr;
    store_->end_process();
    tail_may_be_cut_ = tail_may_be_cut_ || has_failed;
    if (tail_may_be_cut_) roll_back(0);
  } else if (has_failed) {
    // The pages of the failed sync were clean but lost: the process's end makes it visible.
    roll_back(0);
    forget_unsynced();
  }
}

void SimDisk::lose_power(Random& random) {
  drop_pending();
  fail_next_sync_ = false;
  if (store_) {
    tail_was_torn_ = store_->lose_power() || tail_was_torn_;
    tail_may_be_cut_ = true;
    return roll_back(0);
  }
  const std::uint64_t kept = random.below(unsynced_.size() + 1);
  sometimes(SimSometimes::torn_tail_dropped, kept < unsynced_.size());
  sometimes(SimSometimes::unsynced_tail_survived, kept > 0);
  roll_back(kept);
  forget_unsynced();
}

void SimDisk::wipe() {
  sometimes(SimSometimes::node_wiped);
  restore({});
  damaged_.clear();
  has_damaged_files_ = false;
}

void SimDisk::set_full(bool full) {
  is_full_ = full;
  if (store_) store_->set_full(full);
}

void SimDisk::limit_room(std::optional<std::size_t> bytes, NoRoom what) {
  room_ = bytes;
  no_room_ = what;
  room_was_limited_ = room_was_limited_ || bytes.has_value();
  writes_stopped_ = writes_stopped_ && bytes.has_value();
  if (store_) store_->limit_room(bytes);
}

void SimDisk::clear_faults() {
  set_full(false);
  limit_room({});
  fail_next_sync_ = false;
}

const Bytes* SimDisk::durable_record(Space space, BytesView key) const {
  const auto index = static_cast<std::size_t>(space);
  // The first step that changed it knows what was there before.
  for (std::size_t i = 0; i < done_; ++i) {
    const auto& replaced = unsynced_[i][index];
    const auto at = replaced.find(key);
    if (at != replaced.end()) return at->second ? &*at->second : nullptr;
  }
  const auto& records = written_.written(space);
  const auto at = records.find(key);
  return at != records.end() ? &at->second : nullptr;
}

SimDisk::Image SimDisk::image_of_memory() const {
  Image image{written_, unsynced_, nullptr, pages_may_be_lost_};
  image.durable.drop_pending();
  for (std::size_t i = done_; i > 0; --i) image.durable.exchange(image.unsynced[i - 1]);
  return image;
}

SimDisk::Image SimDisk::image() const {
  Image image = image_of_memory();
  if (store_) {
    image.files = store_->image();
  } else {
    image.unsynced.clear();
  }
  return image;
}

void SimDisk::restore(const Image& image) {
  DYNAKV_CHECK(opened_ == nullptr);
  written_ = image.durable;
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
  sometimes(SimSometimes::object_damaged);
  return true;
}

}  // namespace dynakv

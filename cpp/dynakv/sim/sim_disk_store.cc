// How a simulated disk judges the store under it.
#include <utility>

#include "dynakv/base/check.h"
#include "dynakv/sim/sim_disk.h"
#include "dynakv/sim/sim_sometimes.h"

namespace dynakv {
namespace {

constexpr std::size_t kEverything = std::size_t{1} << 30;

/// Equal, but for objects in `but`.
bool are_equal(const MemoryStore& a, const MemoryStore& b, const std::set<Bytes>& but) {
  // The counters change with each step, so this tells most pairs apart at once.
  if (a.written(Space::node_state) != b.written(Space::node_state)) return false;
  if (a.written(Space::hints) != b.written(Space::hints)) return false;
  if (but.empty()) return a.written(Space::objects) == b.written(Space::objects);
  MemoryStore::Records left = a.written(Space::objects);
  MemoryStore::Records right = b.written(Space::objects);
  for (const Bytes& key : but) {
    left.erase(key);
    right.erase(key);
  }
  return left == right;
}

}  // namespace

Status SimDisk::open(const std::string& boot_id) {
  if (writes_stopped_) {
    sometimes(SimSometimes::start_found_no_room);
    return fail(ErrorCode::disk_full, "the simulated disk has no room to start in");
  }
  if (!store_) return {};
  auto opened = store_->open(boot_id);
  const bool has_no_room = !opened && room_ && opened.error().code == ErrorCode::disk_full;
  sometimes(SimSometimes::start_found_no_room, has_no_room);
  was_refused_ = !opened && !has_no_room;
  if (!opened) {
    sometimes(SimSometimes::store_refused_lost_log, pages_may_be_lost_);
    const bool has_reason = pages_may_be_lost_ || has_damaged_files_ || has_no_room;
    if (!has_reason) note_broken("did not open: " + opened.error().message);
    return fail(opened.error());
  }
  opened_ = *opened;
  store_->rest();
  return reconcile();
}

Result<MemoryStore> SimDisk::read_all(std::set<Bytes>& unreadable) {
  MemoryStore found;
  for (const Space space : {Space::objects, Space::hints, Space::node_state}) {
    const auto records = opened_->scan(space, {}, {}, kEverything);
    if (records) {
      for (const auto& [key, value] : *records) found.put(space, key, value);
      continue;
    }
    if (!has_damaged_files_ || space != Space::objects) return fail(records.error());
    // A scan ends at the damage; each object that there can be is asked for alone.
    std::set<Bytes> keys;
    for (const auto& [key, value] : written_.written(space)) keys.insert(key);
    for (const Step& step : unsynced_) {
      for (const auto& [key, value] : step[static_cast<std::size_t>(space)]) keys.insert(key);
    }
    for (const Bytes& key : keys) {
      const auto value = opened_->get(space, key);
      if (!value) {
        unreadable.insert(key);
      } else if (value->has_value()) {
        found.put(space, key, **value);
      }
    }
  }
  DYNAKV_CHECK(found.write_step());
  return found;
}

Status SimDisk::reconcile() {
  std::set<Bytes> unreadable;
  auto found = read_all(unreadable);
  if (!found) {
    if (!has_damaged_files_) note_broken("cannot be read: " + found.error().message);
    return fail(found.error());
  }
  std::optional<std::size_t> kept;
  roll_back(0);
  for (;; ++done_) {
    if (are_equal(written_, *found, unreadable)) kept = done_;
    if (done_ == unsynced_.size()) break;
    written_.exchange(unsynced_[done_]);
  }
  // A store that was opened has made durable what it found.
  if (kept) {
    roll_back(*kept);
  } else {
    note_broken("came back with no prefix of its steps that holds what was synced");
    written_ = std::move(*found);
  }
  const bool is_cut = kept && *kept < unsynced_.size();
  if (is_cut && !tail_may_be_cut_) note_broken("has lost steps although no power was lost");
  sometimes(SimSometimes::torn_log_recovered, tail_was_torn_ && is_cut);
  if (tail_may_be_cut_ && kept) {
    sometimes(SimSometimes::torn_tail_dropped, is_cut);
    sometimes(SimSometimes::unsynced_tail_survived, *kept > 0);
  }
  forget_unsynced();
  if (has_damaged_files_) find_damaged();
  return {};
}

void SimDisk::find_damaged() {
  damaged_.clear();
  for (const auto& [key, value] : written_.written(Space::objects)) {
    if (!opened_->get(Space::objects, key)) damaged_.insert(key);
  }
  sometimes(SimSometimes::damaged_block_found, !damaged_.empty());
}

void SimDisk::forget_unsynced() {
  unsynced_.clear();
  done_ = 0;
  synced_steps_ = written_steps_;
  tail_may_be_cut_ = tail_was_torn_ = pages_may_be_lost_ = false;
}

void SimDisk::note_broken(std::string what) {
  if (broken_promise_.empty()) broken_promise_ = std::move(what);
}

void SimDisk::close() {
  if (!store_) return drop_pending();
  opened_ = nullptr;
  store_->close();
  drop_pending();
}

}  // namespace dynakv

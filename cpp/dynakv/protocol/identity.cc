#include "dynakv/protocol/identity.h"

#include <algorithm>
#include <iterator>

#include "dynakv/base/byte_io.h"
#include "dynakv/domain/layout.h"
#include "dynakv/protocol/canary.h"
#include "dynakv/protocol/sometimes.h"
#include "dynakv/protocol/store_keys.h"

namespace dynakv {
namespace {

constexpr std::uint8_t kFormatVersion = 2;

Bytes encode_progress(const Progress& progress) {
  Bytes bytes;
  ByteWriter out(bytes);
  write_progress(progress, out);
  return bytes;
}

Result<Progress> decode_progress(BytesView bytes) {
  ByteReader in(bytes);
  const Progress progress = read_progress(in);
  if (in.finished()) return progress;
  return fail(ErrorCode::corruption, "a record of the node's state is malformed");
}

}  // namespace

Result<PastLoss> Identity::start(const NodeCoreOptions& options, const StartEvidence& evidence,
                                 Random& random) {
  auto record = store_.get(Space::node_state, kIdentityKey);
  if (!record) return fail(record.error());
  PastLoss loss = PastLoss::none;
  if (record->has_value()) {
    if (const Status loaded = load(options.name, **record); !loaded) return fail(loaded.error());
    if (const Status loaded = load_progress(); !loaded) return fail(loaded.error());
    if (evidence.place != evidence_.place) {
      loss = PastLoss::moved_or_copied;
    } else if (evidence.boot_id != evidence_.boot_id && !stopped_cleanly_) {
      loss = PastLoss::unclean_reboot;
    } else if (!effects_wait_for_sync_ && !stopped_cleanly_) {
      loss = PastLoss::unsynced_effects;
    }
    const bool lost_power = evidence.boot_id != evidence_.boot_id && !stopped_cleanly_;
    if (lost_power && !effects_wait_for_sync_) is_amnesic_ = amnesia_is_of_this_run_ = true;
    sometimes(Sometimes::past_lost_by_move, loss == PastLoss::moved_or_copied);
    sometimes(Sometimes::past_lost_by_reboot, loss == PastLoss::unclean_reboot);
    sometimes(Sometimes::past_lost_unsynced, loss == PastLoss::unsynced_effects);
    sometimes(Sometimes::clean_stop_kept_actors, loss == PastLoss::none && stopped_cleanly_);
    sometimes(Sometimes::kill_kept_actors, loss == PastLoss::none && !stopped_cleanly_);
    remember_run(progress());
  } else {
    is_new_ = true;
    name_ = options.name;
    is_past_checked_ = true;
    while (id_.is_nil()) id_ = {random.next(), random.next()};
    directory_ = id_;
  }
  is_past_proven_ = is_new_ || loss != PastLoss::none;
  evidence_ = evidence;
  stopped_cleanly_ = false;
  effects_wait_for_sync_ = options.effects_wait_for_sync;
  ++incarnation_;
  run_ = random.next();
  save();
  return loss;
}

Status Identity::load(const std::string& name, BytesView record) {
  ByteReader in(record);
  if (in.fixed<std::uint8_t>() != kFormatVersion) in.refuse();
  id_.high = in.fixed<std::uint64_t>();
  id_.low = in.fixed<std::uint64_t>();
  name_ = Bytes(in.string());
  evidence_.boot_id = Bytes(in.string());
  evidence_.place = Bytes(in.string());
  incarnation_ = in.fixed<std::uint64_t>();
  run_ = in.fixed<std::uint64_t>();
  stopped_cleanly_ = in.fixed<std::uint8_t>() != 0;
  effects_wait_for_sync_ = in.fixed<std::uint8_t>() != 0;
  const std::size_t run_count = in.count(kProgressBytes);
  for (std::size_t i = 0; i < run_count && in.ok(); ++i) remember_run(read_progress(in));
  directory_.high = in.fixed<std::uint64_t>();
  directory_.low = in.fixed<std::uint64_t>();
  forgotten_until_ = in.fixed<std::uint64_t>();
  is_amnesic_ = in.fixed<std::uint8_t>() != 0;
  if (!in.finished()) return fail(ErrorCode::corruption, "the node's identity record is malformed");
  if (name_ != name) {
    return fail(ErrorCode::invalid_argument,
                "the data directory belongs to node '" + name_ + "', not to '" + name +
                    "'; give the node its own directory, or start it under its old name");
  }
  return {};
}

Status Identity::load_progress() {
  auto own = store_.get(Space::node_state, kProgressKey);
  if (!own) return fail(own.error());
  if (own->has_value()) {
    const auto last = decode_progress(**own);
    if (!last) return fail(last.error());
    step_ = last->step;
  }
  return peers_.load();
}

void Identity::remember_run(const Progress& end) {
  std::uint64_t& step = runs_[{end.incarnation, end.run}];
  step = std::max(step, end.step);
  while (runs_.size() > kRunCountMax) runs_.erase(runs_.begin());
}

void Identity::save() {
  Bytes record;
  ByteWriter out(record);
  out.fixed(kFormatVersion);
  out.fixed(id_.high);
  out.fixed(id_.low);
  out.string(name_);
  out.string(evidence_.boot_id);
  out.string(evidence_.place);
  out.fixed(incarnation_);
  out.fixed(run_);
  out.fixed(static_cast<std::uint8_t>(stopped_cleanly_ ? 1 : 0));
  out.fixed(static_cast<std::uint8_t>(effects_wait_for_sync_ ? 1 : 0));
  out.varint(runs_.size());
  for (const auto& [run, step] : runs_) write_progress({run.first, run.second, step}, out);
  out.fixed(directory_.high);
  out.fixed(directory_.low);
  out.fixed(forgotten_until_);
  out.fixed(static_cast<std::uint8_t>(is_amnesic_ ? 1 : 0));
  store_.put(Space::node_state, kIdentityKey, record);
}

void Identity::stop() {
  stopped_cleanly_ = true;
  peers_.note_all();
  save();
}

bool Identity::was_rolled_back(const std::vector<Progress>& seen_by_peer) {
  std::vector<Progress> forgotten;
  std::copy_if(seen_by_peer.begin(), seen_by_peer.end(), std::back_inserter(forgotten),
               [this](const Progress& seen) { return !remembers(seen); });
  if (forgotten.empty()) return false;
  const Progress own = current_step();
  sometimes(Sometimes::witness_heard_new_life, seen_by_peer.back().is_of_run(progress()));
  remember_run(own);
  for (const Progress& seen : forgotten) {
    // Only a copy of this very run could have got further in it; B3's check is the net for that.
    if (seen.is_of_run(own)) continue;
    remember_run(seen);
    // Go on behind what was lost, so that peers take this run for the newer one.
    incarnation_ = std::max(incarnation_, seen.incarnation + 1);
    step_ = std::max(step_, seen.step);
  }
  save();
  return true;
}

bool Identity::remembers(const Progress& seen) const {
  if (seen.incarnation <= forgotten_until_) return true;  // another directory's
  if (seen.is_of_run(progress())) return seen.step <= step_;
  const auto known = runs_.find({seen.incarnation, seen.run});
  if (known != runs_.end()) return seen.step <= known->second;
  return runs_.size() == kRunCountMax && seen.incarnation < runs_.begin()->first.first;
}

void Identity::go_beyond(std::uint64_t incarnation) {
  remember_run(current_step());
  incarnation_ = std::max(incarnation_, incarnation + 1);
  save();
}

void Identity::take_over(const NodeId& id, std::uint64_t known_incarnation) {
  id_ = id;
  forgotten_until_ = std::max(incarnation_, known_incarnation) + kTakeoverLeap - 1;
  incarnation_ = forgotten_until_ + 1;
  runs_.clear();
  is_amnesic_ = amnesia_is_of_this_run_ = true;
  save();
}

bool Identity::become_amnesic() {
  if (amnesia_is_of_this_run_) return false;
  is_amnesic_ = amnesia_is_of_this_run_ = true;
  save();
  return true;
}

void Identity::end_amnesia() {
  is_amnesic_ = false;
  save();
}

void Identity::note_superseded(const NodeId& by) {
  failure_ =
      Error{ErrorCode::auth, "the identity of this node lives on in another data directory, says " +
                                 to_string(by) + "; this one must not be used any more"};
}

bool Identity::copy_counts() const {
  return (!is_amnesic_ && is_past_checked_) || canary(Canary::amnesic_copy_counts);
}

Progress Identity::promise_step() {
  must_count_step_ = true;
  return current_step();
}

void Identity::end_step(bool has_changes) {
  if (!has_changes && !peers_.has_unsaved() && !must_count_step_) return;
  must_count_step_ = false;
  peers_.save();
  ++step_;
  store_.put(Space::node_state, kProgressKey, encode_progress(progress()));
}

}  // namespace dynakv

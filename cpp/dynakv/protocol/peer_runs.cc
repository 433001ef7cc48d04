#include "dynakv/protocol/peer_runs.h"

#include <algorithm>

#include "dynakv/base/byte_io.h"
#include "dynakv/domain/layout.h"
#include "dynakv/protocol/store_keys.h"

namespace dynakv {
namespace {

std::uint64_t big_endian_at(BytesView bytes, std::size_t at) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    number = (number << 8) | static_cast<unsigned char>(bytes[at + i]);
  }
  return number;
}

}  // namespace

Status PeerRuns::load() {
  auto records =
      store_.scan(Space::node_state, kPeerPrefix, end_of_prefix(kPeerPrefix), kMemberCountMax);
  if (!records) return fail(records.error());
  for (const auto& [key, value] : *records) {
    const std::size_t count = value.size() / kProgressBytes;
    if (key.size() != kPeerPrefix.size() + 16 || value.size() != count * kProgressBytes ||
        count == 0 || count > kPeerRunCountMax) {
      return fail(ErrorCode::corruption, "the record of a peer's progress is malformed");
    }
    Runs& runs =
        runs_[{big_endian_at(key, kPeerPrefix.size()), big_endian_at(key, kPeerPrefix.size() + 8)}];
    ByteReader in(value);
    for (std::size_t i = 0; i < count; ++i) {
      const Progress last = read_progress(in);
      runs.push_back({last, last.step});
    }
  }
  return {};
}

PeerRuns::Run* PeerRuns::remember(const NodeId& peer, const Progress& progress) {
  if (progress.incarnation == 0) return nullptr;  // before its first start
  Runs& runs = runs_[peer];
  auto at = std::find_if(runs.rbegin(), runs.rend(), [&](const Run& run) {
              return run.last.is_of_run(progress) || run.last < progress;
            }).base();
  if (at != runs.begin() && std::prev(at)->last.is_of_run(progress)) {
    Run& run = *std::prev(at);
    run.last.step = std::max(run.last.step, progress.step);
    return &run;
  }
  if (runs.size() == kPeerRunCountMax) {
    if (at == runs.begin()) return nullptr;
    // The oldest makes room.
    std::rotate(runs.begin(), std::next(runs.begin()), at);
    at = std::prev(at);
    *at = {progress, 0};
    return &*at;
  }
  return &*runs.insert(at, {progress, 0});
}

void PeerRuns::hear(const NodeId& peer, const Progress& progress) {
  (void)remember(peer, progress);
}

void PeerRuns::note(const NodeId& peer, const Progress& progress) {
  Run* run = remember(peer, progress);
  if (run == nullptr || progress.step <= run->noted_step) return;
  run->noted_step = progress.step;
  unsaved_.insert(peer);
}

void PeerRuns::note_all() {
  for (const auto& [peer, runs] : runs_) {
    const bool is_stored = std::all_of(
        runs.begin(), runs.end(), [](const Run& run) { return run.noted_step == run.last.step; });
    if (!is_stored) unsaved_.insert(peer);
  }
}

std::vector<Progress> PeerRuns::of(const NodeId& peer) const {
  std::vector<Progress> seen;
  if (const Runs* runs = runs_.find(peer)) {
    for (const Run& run : *runs) seen.push_back(run.last);
  }
  return seen;
}

void PeerRuns::save() {
  for (const NodeId& peer : unsaved_) {
    Bytes record;
    ByteWriter out(record);
    for (Run& run : *runs_.find(peer)) {
      run.noted_step = run.last.step;
      write_progress(run.last, out);
    }
    store_.put(Space::node_state, peer_key(peer), record);
  }
  unsaved_.clear();
}

}  // namespace dynakv

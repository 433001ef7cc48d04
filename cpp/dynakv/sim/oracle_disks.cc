// What an Oracle finds on the disks.
#include <algorithm>

#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/hint_table.h"
#include "dynakv/protocol/store_keys.h"
#include "dynakv/sim/oracle.h"
#include "dynakv/sim/sim_sometimes.h"

namespace dynakv {
namespace {

constexpr BytesView kBucket = kDefaultBucket;

}  // namespace

MemoryStore Oracle::disk_of(int node) const {
  const SimDisk& disk = simulation_.node(node).disk();
  return plan_.simulation.sync_before_effects ? disk.durable() : disk.written();
}

const Bytes* Oracle::record_of(int node, Space space, const Bytes& key) const {
  const SimDisk& disk = simulation_.node(node).disk();
  if (plan_.simulation.sync_before_effects) return disk.durable_record(space, key);
  const auto& records = disk.written().written(space);
  const auto at = records.find(key);
  return at != records.end() ? &at->second : nullptr;
}

std::optional<Object> Oracle::copy_of(int node, const Bytes& key) const {
  const Bytes store_key = object_key({kBucket, key});
  if (simulation_.node(node).disk().is_damaged(store_key)) return std::nullopt;
  const Bytes* record = record_of(node, Space::objects, store_key);
  if (record == nullptr) return Object{};
  auto object = decode_object(*record);
  return object ? std::optional(std::move(*object)) : std::nullopt;
}

Object Oracle::hint_of(int node, const NodeId& owner, const Bytes& key) const {
  const Bytes store_key = hint_key(owner, object_key({kBucket, key}));
  const Bytes* record = record_of(node, Space::hints, store_key);
  if (record == nullptr) return Object{};
  const auto encoded = object_of_hint(*record);
  if (!encoded || encoded->empty()) return Object{};
  auto object = decode_object(*encoded);
  return object ? std::move(*object) : Object{};
}

std::vector<NodeId> Oracle::owners_of(const Bytes& key) const {
  return simulation_.ring().preference_list(slot_of(token_of_key(key)),
                                            plan_.simulation.defaults.n);
}

Object Oracle::joined(const Bytes& key) const {
  Object joined;
  const std::vector<NodeId> owners = owners_of(key);
  for (int node = 0; node < simulation_.node_count(); ++node) {
    if (const auto copy = copy_of(node, key)) joined.join(*copy);
    for (const NodeId& owner : owners) joined.join(hint_of(node, owner, key));
  }
  return joined;
}

void Oracle::check_disks() {
  for (int node = 0; node < simulation_.node_count(); ++node) {
    const std::string& broken = simulation_.node(node).disk().broken_promise();
    if (!broken.empty()) report("I24", "the store of node " + std::to_string(node) + " " + broken);
  }
  for (const auto& [key, history] : histories_) {
    for (int node = 0; node < simulation_.node_count(); ++node) check_copy(node, key);
  }
}

// I5: what a copy's context covers, the copy holds or has seen superseded.
void Oracle::check_copy(int node, const Bytes& key) {
  const auto copy = copy_of(node, key);
  if (!copy) return;
  check_object_order(key, *copy, "the copy on node " + std::to_string(node));
  const History& history = histories_.at(key);
  if (history.is_overwritten) return;
  for (const auto& [dot, event] : history.events) {
    if (!event.superseders.empty() || !copy->context().covers(dot)) continue;
    const auto& siblings = copy->siblings();
    const bool held = std::any_of(siblings.begin(), siblings.end(),
                                  [&, d = dot](const Sibling& s) { return s.dot == d; });
    if (!held) {
      report("I5", "node " + std::to_string(node) + " covers " + event.value + " of " + key + " (" +
                       to_string(dot) + ") without holding it");
    }
  }
}

void Oracle::check_convergence() {
  for (const auto& [key, history] : histories_) {
    if (!read_last_.contains(key)) continue;  // too few of its owners are left
    std::optional<Object> first;
    for (const NodeId& owner : owners_of(key)) {
      const int node = simulation_.host_of(owner);
      // A node that an empty disk made a stranger is no owner any more.
      if (node < 0 || !simulation_.node(node).is_running() ||
          simulation_.node(node).id() != owner) {
        continue;
      }
      if (is_stuck_in_recovery(simulation_.node(node))) continue;
      auto copy = copy_of(node, key);
      if (!copy) continue;  // damaged: it answers with an error, and is not repaired by reads
      if (!first) {
        first = std::move(copy);
      } else if (*copy != *first) {
        report("I7", "the owners of " + key + " differ after it was read");
        break;
      }
    }
  }
  if (plan_.has(FaultKind::damage)) return;  // a damaged owner refuses its hint
  for (int node = 0; node < simulation_.node_count(); ++node) {
    if (!simulation_.node(node).is_running()) continue;
    const MemoryStore disk = disk_of(node);
    for (const auto& [key, record] : disk.written(Space::hints)) {
      const auto parts = parse_hint_key(key);
      const int owner = parts ? simulation_.host_of(parts->owner) : -1;
      if (owner >= 0 && simulation_.node(owner).is_running() &&
          simulation_.node(owner).id() == parts->owner) {
        report("I7", "node " + std::to_string(node) + " still keeps a hint for " +
                         simulation_.node(owner).name());
      }
    }
  }
}

void Oracle::node_lost_data(int node, FaultKind how) {
  lossy_nodes_.insert(node);
  // A damaged copy answers with an error: it costs answers, not what they say (I20).
  if (how == FaultKind::damage) return;
  // When the disk forgets what a failed sync left behind, no node is told.
  const bool is_told = how != FaultKind::sync_failure;
  losses_[node] = {simulation_.node(node).run(), is_told, std::nullopt};
}

void Oracle::note_recognised() {
  for (auto& [node, loss] : losses_) {
    const SimNode& where = simulation_.node(node);
    if (loss.recognised_at || !loss.can_be_recognised || !where.is_running()) continue;
    const bool knows =
        where.core().is_recovering() || where.core().counters().at("recoveries") != 0;
    if (knows && where.run() > loss.run) loss.recognised_at = simulation_.now();
  }
}

bool Oracle::counted_a_forgetful_copy(const Started& started, const GetReply& reply,
                                      bool also_recovered) const {
  return std::any_of(reply.answered.begin(), reply.answered.end(), [&](const NodeId& owner) {
    const auto loss = losses_.find(simulation_.host_of(owner));
    if (loss == losses_.end()) return false;
    const auto& recognised_at = loss->second.recognised_at;
    return also_recovered || !recognised_at || started.at < *recognised_at;
  });
}

// A recovery needs pages of other owners, and an owner with a damaged object cannot make them.
// Until then reads do not repair the node that forgot.
bool Oracle::is_stuck_in_recovery(const SimNode& node) const {
  const bool pages_fail = plan_.exceeds_loss_budget && plan_.has(FaultKind::damage);
  return pages_fail && node.core().is_recovering();
}

// I15: long after the last fault, nodes that forgot have recovered, and wiped nodes are back. Both
// need other nodes that did not lose everything too: a majority to give a name back, and copies to
// pull from.
void Oracle::check_recovered() {
  if (plan_.exceeds_loss_budget) return;
  for (int i = 0; i < simulation_.node_count(); ++i) {
    const SimNode& node = simulation_.node(i);
    if (!node.is_running()) continue;
    if (!node.has_layout()) report("I15", node.name() + " has not come back into the cluster");
    if (node.core().is_recovering()) report("I15", node.name() + " has not recovered");
  }
}

void Oracle::check_end() {
  check_recovered();
  if (!pending_.empty()) {
    report("liveness", std::to_string(pending_.size()) + " operations never ended");
  }
  check_disks();
  for (const auto& [key, history] : histories_) {
    if (!history.acked.empty()) check_key_at_end(key);
  }
  note_points_at_end();
}

void Oracle::note_points_at_end() const {
  for (const auto& [value, write] : writes_) {
    sometimes(SimSometimes::write_has_two_dots, write.dots.size() > 1);
    sometimes(SimSometimes::unknown_put_invisible, write.outcome == Outcome::in_doubt &&
                                                       write.kind != PlannedKind::remove &&
                                                       write.dots.empty());
  }
}

// I1 and I2: what was acknowledged is there until a writer who had seen it superseded it.
void Oracle::check_key_at_end(const Bytes& key) {
  const Object object = joined(key);
  for (int node = 0; node < simulation_.node_count(); ++node) {
    const auto copy = copy_of(node, key);
    sometimes(SimSometimes::copies_differ_at_end, copy && !copy->is_absent() && *copy != object);
  }
  const History& history = histories_.at(key);
  for (const Acked& acked : history.acked) {
    if (plan_.exceeds_loss_budget) {
      sometimes(SimSometimes::acked_write_lost, !object.context().descends(acked.covered));
      continue;
    }
    if (!object.context().descends(acked.covered)) {
      report("I1", "the copies of " + key + " together have forgotten " + to_string(acked.dot));
      continue;
    }
    if (acked.dot.counter == 0) {
      for (const Sibling& sibling : object.siblings()) {
        if (acked.covered.covers(sibling.dot)) {
          report("I2", sibling.payload.value + " of " + key + " is back after its delete");
        }
      }
      continue;
    }
    const auto& siblings = object.siblings();
    const bool held = std::any_of(siblings.begin(), siblings.end(),
                                  [&](const Sibling& s) { return s.dot == acked.dot; });
    const Event& event = history.events.at(acked.dot);
    if (!held && !history.is_overwritten && event.superseders.empty()) {
      report("I1", "the acknowledged " + event.value + " of " + key + " is lost");
    }
  }
}

}  // namespace dynakv

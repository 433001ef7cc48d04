#include "dynakv/sim/oracle.h"

#include <algorithm>

#include "dynakv/base/sometimes.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/store_keys.h"

namespace dynakv {

Oracle::Oracle(Simulation& simulation, const Plan& plan)
    : simulation_(simulation),
      plan_(plan),
      // A damaged copy answers with an error, so that it costs answers, not what they say (I20).
      forgets_acknowledged_(
          plan.loses_data && std::any_of(plan.faults.begin(), plan.faults.end(), [](const auto& f) {
            return f.kind == FaultKind::restore_backup || f.kind == FaultKind::wipe ||
                   f.kind == FaultKind::power_loss || f.kind == FaultKind::sync_failure;
          })) {}

void Oracle::report(const std::string& invariant, const std::string& detail) {
  violations_.push_back({invariant, detail, simulation_.now()});
}

void Oracle::operation_started(OperationId id, const PlannedOperation& planned, const Bytes& key,
                               const Bytes& value, FlowId flow) {
  pending_[id] = {planned, key, value, flow, simulation_.now()};
  if (planned.kind == PlannedKind::get) return;
  writes_[value].key = key;
  writes_[value].flow = flow;
  writes_[value].kind = planned.kind;
  writes_of_key_[key].push_back(value);
}

void Oracle::message_sent(int from, const Message& message) {
  if (const auto* request = std::get_if<WriteRequest>(&message.body)) {
    if (from < simulation_.node_count()) return;  // forwarded: the client's own was seen
    check_sent_context(*request);
    writes_[request->value].seen.push_back(request->context);
    if (request->precondition != Precondition::none) overwritten_.insert(request->head.key);
  } else if (const auto* put = std::get_if<ReplicaPut>(&message.body)) {
    object_sent(put->key, put->object);
  } else if (const auto* hint = std::get_if<HintPut>(&message.body)) {
    object_sent(hint->key, hint->object);
  }
}

void Oracle::object_sent(const Bytes& key, const Bytes& encoded) {
  const auto object = decode_object(encoded);
  if (!object) return report("I6", "a coordinator sent a malformed object");
  for (const Sibling& sibling : object->siblings()) {
    note_event(key, sibling.dot, sibling.payload.value);
  }
  check_object_order(key, *object, "a coordinator's object");
}

// I3: what a flow was handed covers no event that is alive and that it was never shown; its next
// put would destroy it unread (DESIGN §4).
void Oracle::check_sent_context(const WriteRequest& request) {
  const Bytes& key = request.head.key;
  const auto& shown = flow_was_shown_[{writes_[request.value].flow, key}];
  for (const auto& [dot, value] : events_[key]) {
    if (!request.context.covers(dot) || shown.contains(dot)) continue;
    if (writes_[value].flow == writes_[request.value].flow || is_superseded(key, dot)) continue;
    report("I3", "the writer of " + request.value + " was handed a context that covers " + value +
                     " of " + key + ", which it was never shown");
  }
}

void Oracle::note_event(const Bytes& key, const Dot& dot, const Bytes& value) {
  const auto [event, is_new] = events_[key].emplace(dot, value);
  if (!is_new && event->second != value) {
    report("I4", "dot " + to_string(dot) + " names " + event->second + " and " + value);
  }
  const auto [owner, is_first] = key_of_dot_.emplace(dot, key);
  if (!is_first && owner->second != key) {
    report("I4", "dot " + to_string(dot) + " names events of two keys");
  }
  const auto write = writes_.find(value);
  if (write != writes_.end() && write->second.outcome == Outcome::failed) {
    report("I13", value + " was stored although it had failed definitely");
  }
}

int Oracle::quorum_of(const PlannedOperation& planned) const {
  const BucketProperties& defaults = plan_.simulation.defaults;
  const QuorumSize by_default = planned.kind == PlannedKind::get ? defaults.r : defaults.w;
  const QuorumSize size = planned.quorum.is_default() ? by_default : planned.quorum;
  return size.resolve(defaults.n).value_or(defaults.n);
}

void Oracle::reply_came(const Reply& reply) {
  const auto at = pending_.find(reply.operation);
  if (at == pending_.end()) return report("I13", "an operation ended twice");
  const Started started = at->second;
  pending_.erase(at);
  const Duration late = simulation_.now() - (started.at + plan_.simulation.client.timeout);
  if (late > milliseconds(1)) report("liveness", "an operation ended after its deadline");
  if (const auto* got = std::get_if<GetReply>(&reply.outcome)) {
    ++answered_gets_;
    check_get(started, *got);
  } else if (const auto* written = std::get_if<WriteReply>(&reply.outcome)) {
    ++acked_writes_;
    writes_[started.value].outcome = Outcome::acknowledged;
    check_write(started, *written);
  } else if (const auto* error = std::get_if<ErrorReply>(&reply.outcome)) {
    ++failed_operations_;
    if (started.planned.kind == PlannedKind::get) {
      if (error->in_doubt) report("I13", "a failed read cannot be in doubt");
    } else if (error->in_doubt) {
      writes_[started.value].outcome = Outcome::in_doubt;
    } else {
      writes_[started.value].outcome = Outcome::failed;
      for (const auto& [dot, value] : events_[started.key]) {
        if (value == started.value) {
          report("I13", value + " failed definitely (" + error->error.message +
                            ") although a coordinator had sent it");
        }
      }
    }
  }
}

void Oracle::check_get(const Started& started, const GetReply& reply) {
  Object object;
  if (!reply.object.empty()) {
    auto decoded = decode_object(reply.object);
    if (!decoded) return report("I20", "a read returned a malformed object");
    object = std::move(*decoded);
  }
  check_who_answered(started, reply);
  check_object_order(started.key, object, "a read");
  check_not_behind(started, reply, object);
  if (started.flow != FlowId{}) {
    Context& saw = flow_saw_[{started.flow, started.key}];
    if (!reply.all_answered && !object.context().descends(saw)) {
      report("I12", "a read of " + started.key + " went back behind its flow");
    }
    saw = object.context();
    for (const Sibling& sibling : object.siblings()) {
      flow_was_shown_[{started.flow, started.key}].insert(sibling.dot);
    }
  }
  std::set<Bytes> values;
  for (const Sibling& sibling : object.siblings()) values.insert(sibling.payload.value);
  note_points(object);
  const bool only_readers_write =
      plan_.faults.empty() && overwritten_.empty() &&
      plan_.simulation.network.model == NetworkModel::stream &&
      std::none_of(plan_.operations.begin(), plan_.operations.end(),
                   [](const auto& o) { return o.kind == PlannedKind::blind_put; });
  if (only_readers_write && failed_operations_ == 0 &&
      values.size() > static_cast<std::size_t>(plan_.client_count)) {
    report("I8", std::to_string(values.size()) + " siblings of " + started.key);
  }
}

void Oracle::note_points(const Object& shown) const {
  sometimes(Sometimes::read_saw_siblings, shown.siblings().size() > 1);
  sometimes(Sometimes::read_saw_deleted_key, shown.siblings().empty() && !shown.is_absent());
  for (const Sibling& sibling : shown.siblings()) {
    const auto write = writes_.find(sibling.payload.value);
    if (write == writes_.end()) continue;
    sometimes(Sometimes::unknown_put_visible, write->second.outcome == Outcome::in_doubt);
    sometimes(Sometimes::read_before_acknowledged, write->second.outcome == Outcome::pending);
  }
}

// I9: R distinct owners, or fallbacks where those may count.
void Oracle::check_who_answered(const Started& started, const GetReply& reply) {
  const int r = quorum_of(started.planned);
  const std::vector<NodeId> owners = owners_of(started.key);
  const auto is_owner = [&](const NodeId& node) {
    return std::find(owners.begin(), owners.end(), node) != owners.end();
  };
  std::set<NodeId> distinct(reply.answered.begin(), reply.answered.end());
  const int owner_count = static_cast<int>(distinct.size());
  bool is_right = distinct.size() == reply.answered.size() &&
                  std::all_of(distinct.begin(), distinct.end(), is_owner) &&
                  std::none_of(reply.fallbacks.begin(), reply.fallbacks.end(), is_owner);
  distinct.insert(reply.fallbacks.begin(), reply.fallbacks.end());
  const bool is_sloppy = plan_.simulation.defaults.mode == QuorumMode::sloppy;
  const int counted = is_sloppy ? static_cast<int>(distinct.size()) : owner_count;
  // A session that is behind asks for more than its R, and calls less than that not strict.
  is_right = is_right && counted >= r && (!reply.is_strict || owner_count >= r);
  if (!is_right) {
    report("I9", "a read of " + started.key + " at R=" + std::to_string(r) + " was answered by " +
                     std::to_string(owner_count) + " owners and " +
                     std::to_string(reply.fallbacks.size()) + " fallbacks" +
                     (reply.is_strict ? ", and called strict" : ""));
  }
}

void Oracle::check_not_behind(const Started& started, const GetReply& reply, const Object& object) {
  if (forgets_acknowledged_) return;
  const int n = plan_.simulation.defaults.n;
  const int r = quorum_of(started.planned);
  for (const Acked& acked : acked_[started.key]) {
    if (acked.at >= started.at || acked.w + r <= n) continue;
    if (object.context().descends(acked.covered)) continue;
    // Sloppy quorums promise no read-after-write (DESIGN §10), and a net that never shows it is too
    // weak.
    sometimes(Sometimes::sloppy_read_was_stale, !acked.is_strict || !reply.is_strict);
    if (acked.is_strict && reply.is_strict) {
      report("I10", "a read of " + started.key + " began after " + to_string(acked.dot) +
                        " was acknowledged and did not see it");
    }
  }
  if (plan_.simulation.defaults.read_repair != ReadRepair::blocking || !reply.is_strict) return;
  for (const Shown& shown : shown_[started.key]) {
    if (shown.at >= started.at || r < shown.r) continue;
    if (!object.context().descends(shown.context)) {
      report("I11", "a read of " + started.key + " went back behind an earlier one");
    }
  }
  shown_[started.key].push_back({simulation_.now(), r, object.context()});
}

// I9: W distinct nodes hold the write durably, owners in their copies, fallbacks in hints.
void Oracle::check_holders(const Started& started, const WriteReply& reply,
                           const Context& covered) {
  const int w = quorum_of(started.planned);
  const std::vector<NodeId> owners = owners_of(started.key);
  const auto is_owner = [&](const NodeId& node) {
    return std::find(owners.begin(), owners.end(), node) != owners.end();
  };
  std::set<NodeId> distinct(reply.acked.begin(), reply.acked.end());
  bool is_right = distinct.size() == reply.acked.size() &&
                  std::all_of(distinct.begin(), distinct.end(), is_owner) &&
                  reply.is_strict == (static_cast<int>(distinct.size()) >= w);
  for (const StandIn& hint : reply.hinted) {
    is_right = is_right && distinct.insert(hint.node).second && !is_owner(hint.node) &&
               is_owner(hint.owner);
  }
  const bool is_sloppy = plan_.simulation.defaults.mode == QuorumMode::sloppy;
  const std::size_t counted = is_sloppy ? distinct.size() : reply.acked.size();
  if (!is_right || static_cast<int>(counted) < w) {
    report("I9", started.value + " was acknowledged by too few distinct nodes");
  }
  const auto check_one = [&](const NodeId& holder, const std::optional<Object>& held) {
    const int node = simulation_.host_of(holder);
    if (lossy_nodes_.contains(node) || !held || held->context().descends(covered)) return;
    report("I9", started.value + " was acknowledged by " + std::to_string(node) +
                     " but is not durable there");
  };
  for (const NodeId& node : reply.acked) {
    check_one(node, copy_of(simulation_.host_of(node), started.key));
  }
  for (const StandIn& hint : reply.hinted) {
    Object held = hint_of(simulation_.host_of(hint.node), hint.owner, started.key);
    // It may have come home before the client heard of it.
    if (const auto owned = copy_of(simulation_.host_of(hint.owner), started.key)) {
      held.join(*owned);
    }
    check_one(hint.node, held);
  }
}

void Oracle::check_write(const Started& started, const WriteReply& reply) {
  Acked acked;
  acked.at = simulation_.now();
  acked.w = quorum_of(started.planned);
  acked.is_strict = reply.is_strict;
  acked.dot = reply.dot;
  if (reply.dot.counter != 0) {
    note_event(started.key, reply.dot, started.value);
    acked.covered.add_isolated(reply.dot);
  }
  for (const Context& seen : writes_[started.value].seen) acked.covered.join(seen);
  check_holders(started, reply, acked.covered);
  acked_[started.key].push_back(acked);
  if (started.flow != FlowId{}) flow_saw_[{started.flow, started.key}].join(reply.context);
}

// I3: an object that knows of an event does not show what that event's writer had seen.
void Oracle::check_object_order(const Bytes& key, const Object& object, const std::string& where) {
  if (object.siblings().empty()) return;
  for (const auto& [dot, value] : events_[key]) {
    if (!object.context().covers(dot)) continue;
    for (const Context& seen : writes_[value].seen) {
      for (const Sibling& sibling : object.siblings()) {
        if (sibling.dot != dot && seen.covers(sibling.dot)) {
          report("I3", where + " of " + key + " shows " + sibling.payload.value +
                           ", which the writer of " + value + " had seen");
        }
      }
    }
  }
}

bool Oracle::is_superseded(const Bytes& key, const Dot& dot) const {
  if (overwritten_.contains(key)) return true;
  const auto writes = writes_of_key_.find(key);
  if (writes == writes_of_key_.end()) return false;
  return std::any_of(writes->second.begin(), writes->second.end(), [&](const Bytes& value) {
    const auto& seen = writes_.at(value).seen;
    return std::any_of(seen.begin(), seen.end(),
                       [&](const Context& context) { return context.covers(dot); });
  });
}

}  // namespace dynakv

#include "dynakv/sim/oracle.h"

#include <algorithm>
#include <utility>

#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/store_keys.h"
#include "dynakv/sim/sim_sometimes.h"

namespace dynakv {

Oracle::Oracle(Simulation& simulation, const Plan& plan) : simulation_(simulation), plan_(plan) {}

void Oracle::report(const std::string& invariant, const std::string& detail) {
  violations_.push_back({invariant, detail, simulation_.now()});
}

void Oracle::operation_started(OperationId id, Started operation) {
  operation.at = simulation_.now();
  const bool is_write = operation.planned.kind != PlannedKind::get;
  flows_overlap_ =
      flows_overlap_ ||
      (is_write && std::any_of(pending_.begin(), pending_.end(), [&](const auto& other) {
         const Started& started = other.second;
         return started.planned.kind != PlannedKind::get && started.flow == operation.flow &&
                started.key == operation.key;
       }));
  if (is_write) {
    Write& write = writes_[operation.value];
    write.key = operation.key;
    write.value = operation.value;
    write.flow = operation.flow;
    write.kind = operation.planned.kind;
    histories_[operation.key].writes.push_back(&write);
  }
  pending_[id] = std::move(operation);
}

void Oracle::message_sent(int from, const Message& message) {
  if (const auto* request = std::get_if<WriteRequest>(&message.body)) {
    if (from < simulation_.node_count()) return;  // forwarded: the client's own was seen
    Write& write = writes_.at(request->value);
    check_sent_context(*request, write);
    note_sent_context(*request, write);
  } else if (const auto* put = std::get_if<ReplicaPut>(&message.body)) {
    object_sent(put->envelope.key, put->object);
  } else if (const auto* hint = std::get_if<HintPut>(&message.body)) {
    object_sent(hint->envelope.key, hint->object);
  }
}

void Oracle::object_sent(const Bytes& key, const Bytes& encoded) {
  if (encoded == last_object_) return;
  last_object_ = encoded;
  const auto object = decode_object(encoded);
  if (!object) return report("I6", "a coordinator sent a malformed object of " + key);
  for (const Sibling& sibling : object->siblings()) {
    note_event(key, sibling.dot, sibling.payload.value);
  }
  check_object_order(key, *object, "a coordinator's object");
}

// I3: what a flow was handed covers no event that is alive and that it was never shown; its next
// put would destroy it unread (DESIGN §4).
void Oracle::check_sent_context(const WriteRequest& request, const Write& write) {
  const History& history = histories_.at(write.key);
  if (history.is_overwritten) return;
  const auto& shown = flow_was_shown_[{write.flow, write.key}];
  for (const auto& [dot, event] : history.events) {
    if (!event.superseders.empty() || !request.context.covers(dot) || shown.contains(dot)) continue;
    if (const auto maker = writes_.find(event.value);
        maker != writes_.end() && maker->second.flow == write.flow) {
      continue;
    }
    report("I3", "the writer of " + write.value + " was handed a context that covers " +
                     event.value + " of " + write.key + ", which it was never shown");
  }
}

void Oracle::note_sent_context(const WriteRequest& request, Write& write) {
  History& history = histories_.at(write.key);
  if (request.precondition != Precondition::none) history.is_overwritten = true;
  if (std::find(write.seen.begin(), write.seen.end(), request.context) != write.seen.end()) return;
  write.seen.push_back(request.context);
  for (auto& [dot, event] : history.events) {
    const bool is_known = !event.superseders.empty() && event.superseders.back() == &write;
    if (!is_known && request.context.covers(dot)) event.superseders.push_back(&write);
  }
}

void Oracle::note_event(const Bytes& key, const Dot& dot, const Bytes& value) {
  History& history = histories_[key];
  const auto [at, is_new] = history.events.try_emplace(dot);
  Event& event = at->second;
  const auto write = writes_.find(value);
  if (is_new) {
    event.value = value;
    if (write != writes_.end()) write->second.dots.push_back(dot);
    // A context that covers it may have come first: of an event that went to no replica, the
    // outside learns from its reply.
    event.superseders = superseders_of(history, dot);
  } else if (event.value != value) {
    report("I4", "dot " + to_string(dot) + " names " + event.value + " and " + value);
  }
  const auto [owner, is_first] = key_of_dot_.emplace(dot, key);
  if (!is_first && owner->second != key) {
    report("I4", "dot " + to_string(dot) + " names events of two keys");
  }
  if (write != writes_.end() && write->second.outcome == Outcome::failed) {
    report("I13", value + " was stored although it had failed definitely");
  }
}

std::vector<const Oracle::Write*> Oracle::superseders_of(const History& history, const Dot& dot) {
  std::vector<const Write*> superseders;
  for (const Write* write : history.writes) {
    if (std::any_of(write->seen.begin(), write->seen.end(),
                    [&](const Context& seen) { return seen.covers(dot); })) {
      superseders.push_back(write);
    }
  }
  return superseders;
}

int Oracle::quorum_of(const PlannedOperation& planned) const {
  const BucketProperties& defaults = plan_.simulation.defaults;
  const QuorumSize by_default = planned.kind == PlannedKind::get ? defaults.r : defaults.w;
  const QuorumSize size = planned.quorum.is_default() ? by_default : planned.quorum;
  return size.resolve(defaults.n).value_or(defaults.n);
}

void Oracle::reply_came(const Reply& reply) {
  note_recognised();
  const auto at = pending_.find(reply.operation);
  if (at == pending_.end()) return report("I13", "an operation ended twice");
  const Started started = at->second;
  pending_.erase(at);
  const Duration timeout = started.planned.timeout > Duration{} ? started.planned.timeout
                                                                : plan_.simulation.client.timeout;
  const Duration late = simulation_.now() - (started.at + timeout);
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
      read_last_.erase(started.key);
      if (error->in_doubt) report("I13", "a failed read cannot be in doubt");
    } else if (error->in_doubt) {
      writes_[started.value].outcome = Outcome::in_doubt;
    } else {
      writes_[started.value].outcome = Outcome::failed;
      if (!writes_[started.value].dots.empty()) {
        report("I13", started.value + " failed definitely (" + error->error.message +
                          ") although a coordinator had sent it");
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
  read_last_.insert(started.key);
  check_who_answered(started, reply);
  check_object_order(started.key, object, "a read");
  check_not_behind(started, reply, object);
  if (started.flow != FlowId{}) {
    Context& saw = flow_saw_[{started.flow, started.key}];
    const bool is_all_there_is =
        reply.all_answered && plan_.simulation.defaults.mode == QuorumMode::strict;
    if (!is_all_there_is && !object.context().descends(saw)) {
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
      plan_.faults.empty() && plan_.perturbations.empty() && !flows_overlap_ &&
      !histories_[started.key].is_overwritten &&
      plan_.simulation.network.model == NetworkModel::stream &&
      std::none_of(plan_.operations.begin(), plan_.operations.end(),
                   [](const auto& o) { return o.kind == PlannedKind::blind_put; });
  if (only_readers_write && failed_operations_ == 0 &&
      values.size() > static_cast<std::size_t>(plan_.client_count)) {
    report("I8", std::to_string(values.size()) + " siblings of " + started.key);
  }
}

void Oracle::note_points(const Object& shown) const {
  sometimes(SimSometimes::read_saw_siblings, shown.siblings().size() > 1);
  sometimes(SimSometimes::read_saw_deleted_key, shown.siblings().empty() && !shown.is_absent());
  for (const Sibling& sibling : shown.siblings()) {
    const auto write = writes_.find(sibling.payload.value);
    if (write == writes_.end()) continue;
    sometimes(SimSometimes::unknown_put_visible, write->second.outcome == Outcome::in_doubt);
    sometimes(SimSometimes::read_before_acknowledged, write->second.outcome == Outcome::pending);
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
  // A fallback that has nothing gives no answer that counts (B34).
  is_right = is_right && (reply.fallbacks.empty() || !reply.object.empty());
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
  if (plan_.exceeds_loss_budget) return;
  const BucketProperties& defaults = plan_.simulation.defaults;
  const int default_w = defaults.w.resolve(defaults.n).value_or(defaults.n);
  const int default_r = defaults.r.resolve(defaults.n).value_or(defaults.n);
  const int n = plan_.simulation.defaults.n;
  const int r = quorum_of(started.planned);
  for (const Acked& acked : histories_[started.key].acked) {
    if (acked.at >= started.at || acked.w + r <= n) continue;
    if (object.context().descends(acked.covered)) continue;
    // Sloppy quorums promise no read-after-write (DESIGN §10), and runs that never show it are too
    // weak.
    sometimes(SimSometimes::sloppy_read_was_stale, !acked.is_strict || !reply.is_strict);
    // A recovery looks for what the bucket's own W acknowledged.
    if (counted_a_forgetful_copy(started, reply, acked.w < default_w)) continue;
    if (acked.is_strict && reply.is_strict) {
      report("I10", "a read of " + started.key + " began after " + to_string(acked.dot) +
                        " was acknowledged and did not see it");
    }
  }
  if (plan_.simulation.defaults.read_repair != ReadRepair::blocking || !reply.is_strict) return;
  for (const Shown& shown : shown_[started.key]) {
    if (shown.at >= started.at || r < shown.r) continue;
    if (counted_a_forgetful_copy(started, reply, shown.r > default_r)) continue;
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
    // It may have come home before the client heard of it, to an owner that has lost it since.
    const int owner = simulation_.host_of(hint.owner);
    const auto owned = copy_of(owner, started.key);
    if (!owned || lossy_nodes_.contains(owner)) continue;
    held.join(*owned);
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
  histories_[started.key].acked.push_back(acked);
  if (started.flow != FlowId{}) flow_saw_[{started.flow, started.key}].join(reply.context);
}

// I3: an object that knows of an event does not show what that event's writer had seen.
void Oracle::check_object_order(const Bytes& key, const Object& object, const std::string& where) {
  const History& history = histories_[key];
  for (const Sibling& sibling : object.siblings()) {
    const auto event = history.events.find(sibling.dot);
    const auto unknown = event == history.events.end() ? superseders_of(history, sibling.dot)
                                                       : std::vector<const Write*>{};
    const auto& superseders = event == history.events.end() ? unknown : event->second.superseders;
    for (const Write* superseder : superseders) {
      const auto& dots = superseder->dots;
      if (std::any_of(dots.begin(), dots.end(), [&](const Dot& dot) {
            return dot != sibling.dot && object.context().covers(dot);
          })) {
        report("I3", where + " of " + key + " shows " + sibling.payload.value +
                         ", which the writer of " + superseder->value + " had seen");
      }
    }
  }
}

}  // namespace dynakv

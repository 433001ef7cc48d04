// The decision record of one request: what its coordinator knew, which nodes it asked, what they
// answered, and when. It is made only for requests that ask for it (DESIGN §6).
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dynakv/base/time.h"
#include "dynakv/base/types.h"

namespace dynakv {

enum class ExplainKind : std::uint8_t {
  /// The coordinator took the request.
  received = 0,
  /// An object, or a question for one, left for `node`.
  sent = 1,
  /// `node` holds the object durably.
  acked = 2,
  /// `node` answered a read with its full object, or said that it has none (CopyKind::empty).
  answered = 3,
  digest_equal = 4,
  digest_differs = 5,
  /// `node` refused, failed, or its connection was lost.
  failed = 6,
  /// `node` had not answered within the hint timeout.
  silent = 7,
  /// `node` was known to be down and was not asked.
  skipped = 8,
  /// `node` was sent a hint for `owner`, and holds it.
  hint_sent = 9,
  hint_stored = 10,
  /// `node` answered with less, and was sent what it lacked.
  repair_sent = 11,
  repaired = 12,
  /// R or W was met.
  quorum_met = 13,
  replied = 14,
  /// `node` answered with less than the reply shows, and is to be sent the rest afterwards.
  repair_planned = 15,
  /// `node`, the coordinator, refused: too few could be reached, and nothing was sent.
  refused = 16,
};

/// How a node's copy compares with the join of the copies that were heard before it.
enum class CopyKind : std::uint8_t {
  /// The event is no answer, or nothing can be said.
  none = 0,
  /// It has nothing of the key.
  empty = 1,
  /// No node before it had anything.
  first = 2,
  equal = 3,
  /// It lacks something, and has nothing new.
  behind = 4,
  /// It has all that was known, and more.
  ahead = 5,
  /// It lacks something, and has something new.
  beside = 6,
};

struct ExplainEvent {
  /// Since the coordinator took the request. Steps are taken at one time, so events of one step
  /// have the same.
  std::uint32_t at_us = 0;
  ExplainKind kind = ExplainKind::received;
  NodeId node;
  /// For hints, the owner they are for. Nil otherwise.
  NodeId owner;
  CopyKind copy = CopyKind::none;

  bool operator==(const ExplainEvent&) const = default;
};

struct Explain {
  LayoutVersion layout{};
  NodeId coordinator;
  std::vector<NodeId> owners;
  std::vector<NodeId> fallbacks;
  std::uint16_t required = 0;
  bool strict = false;
  /// By the coordinator's steady clock, which is the virtual time of a simulation.
  Instant begun_at;
  /// The number under which the coordinator asked the others; none when it asked no other node.
  RequestId request{};
  std::vector<ExplainEvent> events;

  bool operator==(const Explain&) const = default;
};

/// In a reply; null when the request did not ask for one.
using ExplainRecord = std::shared_ptr<const Explain>;

/// Writes a record if the request asked for one; otherwise does nothing.
class Explainer {
 public:
  Explainer() = default;
  explicit Explainer(Explain record) : record_(std::make_unique<Explain>(std::move(record))) {}

  bool is_on() const { return record_ != nullptr; }
  /// `owner`: of hints.
  void note(Instant now, ExplainKind kind, const NodeId& node, const NodeId& owner = {}) {
    add(now, {.kind = kind, .node = node, .owner = owner});
  }
  /// What a copy of `node` brought.
  void note(Instant now, ExplainKind kind, const NodeId& node, CopyKind copy) {
    add(now, {.kind = kind, .node = node, .copy = copy});
  }
  void set_request(RequestId request) {
    if (record_) record_->request = request;
  }
  ExplainRecord record() const { return record_ ? std::make_shared<Explain>(*record_) : nullptr; }

 private:
  /// Enough for the largest N with every fallback asked, answered and repaired.
  static constexpr std::size_t kEventCountMax = 256;

  void add(Instant now, ExplainEvent event) {
    if (!record_ || record_->events.size() >= kEventCountMax) return;
    event.at_us = static_cast<std::uint32_t>((now - record_->begun_at).nanoseconds / 1000);
    record_->events.push_back(event);
  }

  std::unique_ptr<Explain> record_;
};

}  // namespace dynakv

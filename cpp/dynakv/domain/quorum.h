// Quorum sizes as a request names them, and the tally that counts answers against one.
//
// Invariant 1: a physical node counts once, whatever it answers and however often (I9, B33).
// Invariant 2: only the nodes that were asked count. Source: Dynamo §4.5.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dynakv/base/result.h"
#include "dynakv/base/types.h"

namespace dynakv {

/// R or W as given: the bucket's default, a number, a majority, or all owners.
class QuorumSize {
 public:
  static constexpr QuorumSize bucket_default() { return QuorumSize(0); }
  static constexpr QuorumSize majority() { return QuorumSize(-1); }
  static constexpr QuorumSize all() { return QuorumSize(-2); }
  static constexpr QuorumSize count(std::int16_t n) { return QuorumSize(n); }
  /// From the wire; out-of-range numbers fail in resolve().
  static constexpr QuorumSize from_number(std::int16_t number) { return QuorumSize(number); }

  constexpr std::int16_t number() const { return number_; }
  constexpr bool is_default() const { return number_ == 0; }

  /// The number of owners, out of `n`, that this size means. Errors: invalid_argument when it is
  /// none or more than n.
  /// REQUIRES: not the bucket's default.
  Result<int> resolve(int n) const;

  std::string text() const;

  bool operator==(const QuorumSize&) const = default;

 private:
  constexpr explicit QuorumSize(std::int16_t number) : number_(number) {}
  std::int16_t number_;
};

enum class QuorumState : std::uint8_t { waiting, met, failed };

class QuorumTally {
 public:
  QuorumTally() = default;
  /// REQUIRES: `asked` names distinct nodes, as many as `required` or more.
  QuorumTally(int required, std::vector<NodeId> asked);

  /// Adds a node that is asked. REQUIRES: it was not asked before.
  void ask(const NodeId& node);

  /// Each of these returns true when this was the node's first answer.
  bool add_success(const NodeId& node);
  bool add_failure(const NodeId& node);

  /// `failed` as soon as too few nodes are left to reach the quorum.
  QuorumState state() const;

  int required() const { return required_; }
  int success_count() const { return static_cast<int>(succeeded_.size()); }
  bool is_asked(const NodeId& node) const;
  bool is_pending(const NodeId& node) const;
  bool all_answered() const;
  /// In the order of their answers.
  const std::vector<NodeId>& succeeded() const { return succeeded_; }
  const std::vector<NodeId>& asked() const { return asked_; }

 private:
  bool take(const NodeId& node);

  int required_ = 0;
  std::vector<NodeId> asked_;
  std::vector<NodeId> pending_;
  std::vector<NodeId> succeeded_;
};

}  // namespace dynakv

// Decides about clients' requests before any machine sees them: which are refused, and who
// coordinates the others. Every refusal names the remedy, and is definite: nothing was stored or
// sent (I13).
//
// Owners coordinate; so does whoever stands in because no owner can be reached and the quorum is
// sloppy. A node that does not passes the request on, once (B10). A node that still checks its past
// makes no event, but knows who may.
//
// Invariant 1: a request that arrives a second time is dropped without a word (RepeatFilter).
#pragma once

#include <optional>

#include "dynakv/base/result.h"
#include "dynakv/protocol/cluster_view.h"
#include "dynakv/protocol/identity.h"
#include "dynakv/protocol/machine.h"
#include "dynakv/protocol/options.h"
#include "dynakv/protocol/repeat_filter.h"
#include "dynakv/protocol/store.h"

namespace dynakv {

/// Errors: invalid_argument (empty key, bucket's name), key_too_large.
Status validate_head(const RequestHead& head);

/// Errors: as validate_head; value_too_large; context_mismatch when the context belongs to another
/// key; invalid_argument.
/// REQUIRES: `key` is the request's.
Status validate_write(const WriteRequest& request, const KeyRef& key,
                      const AdmissionOptions& options);

/// GetRequest or WriteRequest.
bool is_data_request(const Body& body);

/// What becomes of a request.
enum class Verdict : std::uint8_t { coordinate, forward };

struct Admitted {
  Verdict verdict = Verdict::coordinate;
  Route route;
};

class Admission final : public Machine {
 public:
  Admission(const Identity& identity, const ClusterView& view, const Store& store,
            const AdmissionOptions& options)
      : identity_(identity), view_(view), store_(store), options_(options) {}

  /// Bounds the request's deadline. Nothing: it was dropped, or refused and answered. `in_flight`:
  /// the requests that wait for their reply in any machine. REQUIRES: is_data_request().
  std::optional<Admitted> admit(const NodeId& from, Message& message, std::size_t in_flight,
                                Outbox& out);

  void add_to(Counters& counters) const override;

 private:
  Result<Admitted> judge(Message& message, std::size_t in_flight);
  Result<Verdict> judge_write(const RequestHead& head, const Route& route);
  Status check_head(RequestHead& head, std::size_t in_flight) const;
  /// Owns the key, or stands in because no owner can be reached and the quorum is sloppy.
  bool coordinates(const Route& route) const;

  const Identity& identity_;
  const ClusterView& view_;
  const Store& store_;
  const AdmissionOptions& options_;
  RepeatFilter repeats_;
  std::uint64_t get_count_ = 0;
  std::uint64_t write_count_ = 0;
  std::uint64_t forwarded_count_ = 0;
  std::uint64_t refused_count_ = 0;
};

}  // namespace dynakv

#include "dynakv/protocol/options.h"

namespace dynakv {

namespace {

Status invalid(const char* text) { return fail(ErrorCode::invalid_argument, text); }

}  // namespace

Status validate(const AdmissionOptions& options) {
  if (options.value_bytes_max == 0 || options.value_bytes_max > kValueBytesHardMax) {
    return invalid("value_bytes_max is out of range; use 1 to 16777216");
  }
  if (options.in_flight_max == 0) return invalid("in_flight_max must be at least 1");
  if (options.timeout_max <= Duration{}) return invalid("admission.timeout_max must be positive");
  return {};
}

Status validate(const CoordinatorOptions& options) {
  if (options.sibling_count_max == 0 || options.object_bytes_max == 0) {
    return invalid("sibling_count_max and object_bytes_max must be at least 1");
  }
  if (options.hint_timeout <= Duration{}) return invalid("hint_timeout must be positive");
  return {};
}

Status validate(const PastCheckOptions& options) {
  if (options.timeout < Duration{}) return invalid("past_check.timeout must not be negative");
  return {};
}

Status validate(const HintOptions& options) {
  if (options.retry_pause <= Duration{} || options.patience_max <= Duration{} ||
      options.window == 0) {
    return invalid("hints.retry_pause, hints.patience_max and hints.window must be positive");
  }
  return {};
}

Status validate(const RecoveryOptions& options) {
  if (options.page_bytes == 0 || options.scan_count == 0 || options.source_count == 0 ||
      options.retry_pause <= Duration{} || options.page_timeout <= Duration{}) {
    return invalid("the bounds of a recovery must be positive");
  }
  return {};
}

Status validate(const GossipOptions& options) {
  const FailureDetectorOptions& detector = options.detector;
  if (options.interval < milliseconds(1) || options.fanout == 0) {
    return invalid("gossip.interval must be at least 1 ms, gossip.fanout at least 1");
  }
  if (detector.silence_min <= Duration{} || detector.silence_max < detector.silence_min ||
      detector.silence_max > seconds(3600) || detector.probe_timeout <= Duration{} ||
      detector.window == 0 || detector.window > kDetectorWindowMax) {
    return invalid(
        "the failure detector's times must be positive, at most an hour, and in order, "
        "and its window 1 to 16 intervals");
  }
  return {};
}

Status validate(const ProtocolOptions& options) {
  Status valid = validate(options.admission);
  if (valid) valid = validate(options.coordinators);
  if (valid) valid = validate(options.past_check);
  if (valid) valid = validate(options.hints);
  if (valid) valid = validate(options.recovery);
  if (valid) valid = validate(options.gossip);
  return valid;
}

Status validate(const ClientOptions& options) {
  if (options.timeout <= Duration{}) {
    return fail(ErrorCode::invalid_argument, "timeout must be positive");
  }
  if (options.silent_after <= Duration{} || options.retry_percent < 0 || options.retry_burst < 0) {
    return fail(ErrorCode::invalid_argument,
                "silent_after must be positive, and the retry budget not negative");
  }
  if (options.attempts_max < 1 || options.in_flight_max == 0) {
    return fail(ErrorCode::invalid_argument, "attempts and in-flight limits must be at least 1");
  }
  return {};
}

}  // namespace dynakv

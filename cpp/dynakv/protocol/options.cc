#include "dynakv/protocol/options.h"

namespace dynakv {

Status validate(const ProtocolOptions& options) {
  if (options.value_bytes_max == 0 || options.value_bytes_max > kValueBytesHardMax) {
    return fail(ErrorCode::invalid_argument, "value_bytes_max is out of range; use 1 to 16777216");
  }
  if (options.sibling_count_max == 0 || options.object_bytes_max == 0) {
    return fail(ErrorCode::invalid_argument,
                "sibling_count_max and object_bytes_max must be at least 1");
  }
  if (options.in_flight_max == 0) {
    return fail(ErrorCode::invalid_argument, "in_flight_max must be at least 1");
  }
  if (options.hint_timeout <= Duration{} || options.hint_retry_pause <= Duration{} ||
      options.hint_patience_max <= Duration{} || options.hint_window == 0) {
    return fail(
        ErrorCode::invalid_argument,
        "hint_timeout, hint_retry_pause, hint_patience_max and hint_window must be positive");
  }
  if (options.recovery_page_bytes == 0 || options.recovery_scan_count == 0 ||
      options.recovery_source_count == 0 || options.recovery_retry_pause <= Duration{} ||
      options.recovery_page_timeout <= Duration{}) {
    return fail(ErrorCode::invalid_argument, "the bounds of a recovery must be positive");
  }
  if (options.request_timeout_max <= Duration{} || options.identity_check_timeout < Duration{}) {
    return fail(ErrorCode::invalid_argument, "timeouts must be positive");
  }
  const FailureDetectorOptions& detector = options.detector;
  if (options.gossip_interval < milliseconds(1) || options.gossip_fanout == 0) {
    return fail(ErrorCode::invalid_argument,
                "gossip_interval must be at least 1 ms, gossip_fanout at least 1");
  }
  if (detector.silence_min <= Duration{} || detector.silence_max < detector.silence_min ||
      detector.silence_max > seconds(3600) || detector.probe_timeout <= Duration{} ||
      detector.window == 0 || detector.window > kDetectorWindowMax) {
    return fail(ErrorCode::invalid_argument,
                "the failure detector's times must be positive, at most an hour, and in order, "
                "and its window 1 to 16 intervals");
  }
  return {};
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

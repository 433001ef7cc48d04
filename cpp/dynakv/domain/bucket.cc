#include "dynakv/domain/bucket.h"

#include <charconv>

namespace dynakv {
namespace {

Result<int> parse_count(const std::string& name, const std::string& text) {
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count < 1 ||
      count > kReplicasMax) {
    return fail(ErrorCode::invalid_argument, name + " is '" + text + "'; use a number from 1 to " +
                                                 std::to_string(kReplicasMax));
  }
  return count;
}

Result<QuorumSize> parse_quorum(const std::string& name, const std::string& text) {
  if (text == "quorum") return QuorumSize::majority();
  if (text == "all") return QuorumSize::all();
  const Result<int> count = parse_count(name, text);
  if (!count) {
    return fail(ErrorCode::invalid_argument, count.error().message + ", \"quorum\" or \"all\"");
  }
  return QuorumSize::count(static_cast<std::int16_t>(*count));
}

Result<ReadRepair> parse_read_repair(const std::string& text) {
  if (text == "off") return ReadRepair::off;
  if (text == "background") return ReadRepair::background;
  if (text == "blocking") return ReadRepair::blocking;
  return fail(ErrorCode::invalid_argument,
              "read_repair is '" + text + "'; use 'off', 'background' or 'blocking'");
}

const char* text_of(ReadRepair mode) {
  switch (mode) {
    case ReadRepair::off:
      return "off";
    case ReadRepair::blocking:
      return "blocking";
    case ReadRepair::bucket_default:
    case ReadRepair::background:
      break;
  }
  return "background";
}

}  // namespace

Result<BucketProperties> apply_properties(BucketProperties base, const PropertyList& changes) {
  for (const auto& [name, value] : changes) {
    if (name == "n") {
      const Result<int> count = parse_count(name, value);
      if (!count) return fail(count.error());
      base.n = *count;
    } else if (name == "r" || name == "w") {
      const Result<QuorumSize> size = parse_quorum(name, value);
      if (!size) return fail(size.error());
      (name == "r" ? base.r : base.w) = *size;
    } else if (name == "conflict") {
      if (value != "siblings" && value != "lww") {
        return fail(ErrorCode::invalid_argument,
                    "conflict is '" + value + "'; use 'siblings' or 'lww'");
      }
      base.kind = value == "lww" ? ObjectKind::last_write_wins : ObjectKind::siblings;
    } else if (name == "quorum") {
      if (value != "sloppy" && value != "strict") {
        return fail(ErrorCode::invalid_argument,
                    "quorum is '" + value + "'; use 'sloppy' or 'strict'");
      }
      base.mode = value == "sloppy" ? QuorumMode::sloppy : QuorumMode::strict;
    } else if (name == "read_repair") {
      const Result<ReadRepair> mode = parse_read_repair(value);
      if (!mode) return fail(mode.error());
      base.read_repair = *mode;
    } else {
      return fail(
          ErrorCode::invalid_argument,
          "unknown bucket property '" + name + "'; use n, r, w, conflict, quorum or read_repair");
    }
  }
  return base;
}

Status validate(const BucketProperties& properties, std::size_t member_count) {
  if (properties.n < 1 || properties.n > kReplicasMax) {
    return fail(ErrorCode::invalid_argument, "n is " + std::to_string(properties.n) +
                                                 "; use 1 to " + std::to_string(kReplicasMax));
  }
  if (static_cast<std::size_t>(properties.n) > member_count) {
    return fail(ErrorCode::invalid_argument,
                "N=" + std::to_string(properties.n) + " needs as many nodes, but the cluster has " +
                    std::to_string(member_count) + "; add nodes or lower n");
  }
  if (properties.r.is_default() || properties.w.is_default()) {
    return fail(ErrorCode::invalid_argument,
                "r and w of a bucket cannot be \"default\", because they are it; use 1 to " +
                    std::to_string(properties.n) + ", \"quorum\" or \"all\"");
  }
  const Result<int> r = properties.r.resolve(properties.n);
  if (!r) return fail(r.error().code, "r: " + r.error().message);
  const Result<int> w = properties.w.resolve(properties.n);
  if (!w) return fail(w.error().code, "w: " + w.error().message);
  return {};
}

PropertyList to_property_list(const BucketProperties& properties) {
  return {{"n", std::to_string(properties.n)},
          {"r", properties.r.text()},
          {"w", properties.w.text()},
          {"conflict", properties.kind == ObjectKind::siblings ? "siblings" : "lww"},
          {"quorum", properties.mode == QuorumMode::strict ? "strict" : "sloppy"},
          {"read_repair", text_of(properties.read_repair)}};
}

Status validate_bucket_name(BytesView name) {
  if (name.empty() || name.size() > kBucketNameBytesMax) {
    return fail(ErrorCode::invalid_argument,
                "a bucket's name has 1 to " + std::to_string(kBucketNameBytesMax) +
                    " bytes; this one has " + std::to_string(name.size()));
  }
  return {};
}

}  // namespace dynakv

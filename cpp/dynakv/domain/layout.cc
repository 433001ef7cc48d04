#include "dynakv/domain/layout.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dynakv/base/byte_io.h"

namespace dynakv {
namespace {

constexpr std::uint8_t kFormatVersion = 2;
/// The format before quorum modes and read repair.
constexpr std::uint8_t kFormatVersionOldest = 1;
constexpr std::size_t kMemberBytesMin = 23;
constexpr std::size_t kBucketBytesMin = 7;

void write_properties(const BucketProperties& properties, ByteWriter& out) {
  out.fixed(static_cast<std::uint8_t>(properties.n));
  out.fixed(static_cast<std::uint16_t>(properties.r.number()));
  out.fixed(static_cast<std::uint16_t>(properties.w.number()));
  out.fixed(static_cast<std::uint8_t>(properties.kind));
  out.fixed(static_cast<std::uint8_t>(properties.mode));
  out.fixed(static_cast<std::uint8_t>(properties.read_repair));
}

BucketProperties read_properties(ByteReader& in, std::uint8_t format) {
  BucketProperties properties;
  properties.n = in.fixed<std::uint8_t>();
  properties.r = QuorumSize::from_number(static_cast<std::int16_t>(in.fixed<std::uint16_t>()));
  properties.w = QuorumSize::from_number(static_cast<std::int16_t>(in.fixed<std::uint16_t>()));
  const auto kind = in.fixed<std::uint8_t>();
  if (kind > 1) in.refuse();
  properties.kind = static_cast<ObjectKind>(kind);
  if (format == kFormatVersionOldest) return properties;
  const auto mode = in.fixed<std::uint8_t>();
  const auto read_repair = in.fixed<std::uint8_t>();
  if (mode < 1 || mode > 2 || read_repair < 1 || read_repair > 3) in.refuse();
  properties.mode = static_cast<QuorumMode>(mode);
  properties.read_repair = static_cast<ReadRepair>(read_repair);
  return properties;
}

void write_id(const NodeId& id, ByteWriter& out) {
  out.fixed(id.high);
  out.fixed(id.low);
}

NodeId read_id(ByteReader& in) {
  const auto high = in.fixed<std::uint64_t>();
  const auto low = in.fixed<std::uint64_t>();
  return {high, low};
}

Bytes encode(const Layout& layout, bool with_addresses) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.fixed(kFormatVersion);
  out.fixed(to_number(layout.version));
  out.fixed(layout.parent.high);
  out.fixed(layout.parent.low);
  write_id(layout.cluster, out);
  out.varint(layout.members.size());
  for (const Member& member : layout.members) {
    write_id(member.id, out);
    out.string(member.name);
    out.string(with_addresses ? BytesView(member.address) : BytesView());
    out.string(member.zone);
    out.fixed(member.capacity_percent);
  }
  write_properties(layout.defaults, out);
  out.varint(layout.buckets.size());
  for (const auto& [name, properties] : layout.buckets) {
    out.string(name);
    write_properties(properties, out);
  }
  return bytes;
}

Status validate_member(const Member& member) {
  if (member.name.empty() || member.name.size() > kNameBytesMax) {
    return fail(ErrorCode::invalid_argument,
                "a node's name has " + std::to_string(member.name.size()) + " bytes; use 1 to 255");
  }
  if (member.capacity_percent == 0 || member.capacity_percent > kCapacityPercentMax) {
    return fail(ErrorCode::invalid_argument,
                "the capacity of node '" + member.name + "' is out of range; use 0.01 to 16");
  }
  return {};
}

}  // namespace

const Member* Layout::find(const NodeId& id) const {
  const auto at = std::lower_bound(members.begin(), members.end(), id,
                                   [](const Member& m, const NodeId& key) { return m.id < key; });
  return at != members.end() && at->id == id ? &*at : nullptr;
}

const Member* Layout::find_by_name(const std::string& name) const {
  const auto at = std::find_if(members.begin(), members.end(),
                               [&](const Member& member) { return member.name == name; });
  return at != members.end() ? &*at : nullptr;
}

std::string name_in(const Layout* layout, const NodeId& id) {
  const Member* member = layout != nullptr ? layout->find(id) : nullptr;
  return member != nullptr ? member->name : to_string(id);
}

const BucketProperties& Layout::properties_of(BytesView bucket) const {
  if (buckets.empty()) return defaults;
  const auto at = buckets.find(Bytes(bucket));
  return at != buckets.end() ? at->second : defaults;
}

Result<Layout> first_layout(std::vector<Member> members, BucketProperties defaults,
                            std::map<Bytes, BucketProperties> buckets) {
  if (members.empty() || members.size() > kMemberCountMax) {
    return fail(ErrorCode::invalid_argument,
                "a cluster of " + std::to_string(members.size()) + " members; use 1 to 4096");
  }
  std::sort(members.begin(), members.end(),
            [](const Member& a, const Member& b) { return a.id < b.id; });
  Layout layout;
  layout.members = std::move(members);
  for (std::size_t i = 0; i < layout.members.size(); ++i) {
    const Member& member = layout.members[i];
    if (const Status valid = validate_member(member); !valid) return fail(valid.error());
    if (layout.find_by_name(member.name) != &member ||
        (i > 0 && layout.members[i - 1].id == member.id)) {
      return fail(ErrorCode::invalid_argument, "two members have the name or the id of '" +
                                                   member.name + "'; give each its own");
    }
  }
  if (const Status valid = validate(defaults, layout.members.size()); !valid) {
    return fail(valid.error());
  }
  for (const auto& [name, properties] : buckets) {
    if (const Status valid = validate_bucket_name(name); !valid) return fail(valid.error());
    if (const Status valid = validate(properties, layout.members.size()); !valid) {
      return fail(valid.error().code, "bucket '" + printable(name) + "': " + valid.error().message);
    }
  }
  layout.defaults = defaults;
  layout.buckets = std::move(buckets);
  const Hash128 hash = digest_of(layout);
  layout.cluster = {hash.high, hash.low};
  layout.version = static_cast<LayoutVersion>(1);
  return layout;
}

Hash128 digest_of(const Layout& layout) { return hash128(encode(layout, false)); }

Bytes encode_layout(const Layout& layout) { return encode(layout, true); }

Result<Layout> decode_layout(BytesView bytes) {
  ByteReader in(bytes);
  Layout layout;
  const auto format = in.fixed<std::uint8_t>();
  if (format < kFormatVersionOldest || format > kFormatVersion) in.refuse();
  layout.version = static_cast<LayoutVersion>(in.fixed<std::uint64_t>());
  layout.parent.high = in.fixed<std::uint64_t>();
  layout.parent.low = in.fixed<std::uint64_t>();
  layout.cluster = read_id(in);
  const std::size_t member_count = in.count(kMemberBytesMin);
  std::set<std::string> names;
  for (std::size_t i = 0; i < member_count && in.ok(); ++i) {
    Member member;
    member.id = read_id(in);
    member.name = Bytes(in.string());
    member.address = Bytes(in.string());
    member.zone = Bytes(in.string());
    member.capacity_percent = in.fixed<std::uint32_t>();
    if (i > 0 && member.id <= layout.members.back().id) in.refuse();
    if (!validate_member(member) || !names.insert(member.name).second) in.refuse();
    layout.members.push_back(std::move(member));
  }
  layout.defaults = read_properties(in, format);
  const std::size_t bucket_count = in.count(kBucketBytesMin);
  for (std::size_t i = 0; i < bucket_count && in.ok(); ++i) {
    Bytes name(in.string());
    const BucketProperties properties = read_properties(in, format);
    if (!validate_bucket_name(name) || !validate(properties, layout.members.size())) in.refuse();
    if (!layout.buckets.empty() && name <= layout.buckets.rbegin()->first) in.refuse();
    layout.buckets.emplace(std::move(name), properties);
  }
  if (!in.finished() || layout.members.empty() || layout.members.size() > kMemberCountMax ||
      !validate(layout.defaults, layout.members.size())) {
    return fail(ErrorCode::corruption, "the encoded layout is malformed");
  }
  return layout;
}

}  // namespace dynakv

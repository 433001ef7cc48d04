// The fields of each message on the wire, in their order and with their bounds. One function serves
// both directions. Changing anything here changes the protocol version.
#pragma once

#include <type_traits>
#include <utility>

#include "dynakv/adapters/wire_archive.h"
#include "dynakv/adapters/wire_codec.h"
#include "dynakv/domain/bucket.h"
#include "dynakv/domain/layout.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/messages.h"
#include "dynakv/protocol/options.h"
#include "dynakv/protocol/store_keys.h"

namespace dynakv {

template <>
struct WireEnum<Role> {
  static bool is_known(Role v) { return v == Role::node || v == Role::client; }
};
template <>
struct WireEnum<WriteKind> {
  static bool is_known(WriteKind v) { return v <= WriteKind::remove; }
};
template <>
struct WireEnum<Precondition> {
  static bool is_known(Precondition v) { return v <= Precondition::if_context; }
};
template <>
struct WireEnum<QuorumMode> {
  static bool is_known(QuorumMode v) { return v <= QuorumMode::sloppy; }
};
template <>
struct WireEnum<ReadRepair> {
  static bool is_known(ReadRepair v) { return v <= ReadRepair::blocking; }
};
template <>
struct WireEnum<ExplainKind> {
  static bool is_known(ExplainKind v) { return v <= ExplainKind::refused; }
};
template <>
struct WireEnum<CopyKind> {
  static bool is_known(CopyKind v) { return v <= CopyKind::beside; }
};
template <>
struct WireEnum<PeerState> {
  static bool is_known(PeerState v) { return v <= PeerState::left; }
};
template <>
struct WireEnum<ErrorCode> {
  static bool is_known(ErrorCode v) { return error_code_from_number(to_number(v)).has_value(); }
};
template <>
struct WireEnum<LayoutVersion> {
  static bool is_known(LayoutVersion) { return true; }
};
template <>
struct WireEnum<RequestId> {
  static bool is_known(RequestId) { return true; }
};
template <>
struct WireEnum<ActorId> {
  static bool is_known(ActorId) { return true; }
};

using WireCounter = std::pair<Bytes, std::uint64_t>;

template <>
struct WireBytesMin<NodeId> : std::integral_constant<std::size_t, 16> {};
template <>
struct WireBytesMin<Progress> : std::integral_constant<std::size_t, kProgressBytes> {};
template <>
struct WireBytesMin<NodeError> : std::integral_constant<std::size_t, 18> {};
template <>
struct WireBytesMin<PeerStatus> : std::integral_constant<std::size_t, 30> {};
template <>
struct WireBytesMin<MemberVersion> : std::integral_constant<std::size_t, 19> {};
template <>
struct WireBytesMin<MemberState> : std::integral_constant<std::size_t, 48> {};
template <>
struct WireBytesMin<RecoveryRecord> : std::integral_constant<std::size_t, 3> {};
template <>
struct WireBytesMin<StandIn> : std::integral_constant<std::size_t, 32> {};
template <>
struct WireBytesMin<ExplainEvent> : std::integral_constant<std::size_t, 38> {};
template <>
struct WireBytesMin<WireCounter> : std::integral_constant<std::size_t, 9> {};

template <class Archive>
void serialize(Archive& ar, NodeId& v) {
  ar(v.high, v.low);
}
template <class Archive>
void serialize(Archive& ar, Hash128& v) {
  ar(v.high, v.low);
}
template <class Archive>
void serialize(Archive& ar, Dot& v) {
  ar(v.actor, v.counter);
}
template <class Archive>
void serialize(Archive& ar, NodeError& v) {
  ar(v.node, v.code);
}
template <class Archive>
void serialize(Archive& ar, PeerStatus& v) {
  ar(v.node, v.connected, bounded(v.name, kNameBytesMax), bounded(v.address, kAddressBytesMax),
     v.state, v.incarnation, v.in_layout, v.recovering);
}
template <class Archive>
void serialize(Archive& ar, WireCounter& v) {
  ar(bounded(v.first, kNameBytesMax), v.second);
}

template <class Archive>
void serialize(Archive& ar, StandIn& v) {
  ar(v.node, v.owner);
}
template <class Archive>
void serialize(Archive& ar, ExplainEvent& v) {
  ar(v.at_us, v.kind, v.node, v.owner, v.copy);
}
template <class Archive>
void serialize(Archive& ar, Explain& v) {
  ar(v.layout, v.coordinator, v.owners, v.fallbacks, v.required, v.strict, v.begun_at.nanoseconds,
     v.request, v.events);
}
inline void save(WireOutput& ar, const ExplainRecord& v) {
  ar(v != nullptr);
  if (v) ar(*v);
}
inline void load(WireInput& ar, ExplainRecord& v) {
  bool is_there = false;
  ar(is_there);
  v.reset();
  if (!is_there) return;
  auto record = std::make_shared<Explain>();
  ar(*record);
  v = std::move(record);
}

/// Small numbers, and one line for each member: varints make a digest half as long.
inline void save(WireOutput& ar, const MemberVersion& v) {
  ar(v.id);
  ar.varint(v.incarnation);
  ar.varint(v.version);
  ar.varint(v.changed);
}
inline void load(WireInput& ar, MemberVersion& v) {
  ar(v.id);
  v.incarnation = ar.reader().varint();
  v.version = ar.reader().varint();
  v.changed = ar.reader().varint();
}

inline void save(WireOutput& ar, const QuorumSize& v) { ar(v.number()); }
inline void load(WireInput& ar, QuorumSize& v) {
  std::int16_t number = 0;
  ar(number);
  v = QuorumSize::from_number(number);
}

inline void save(WireOutput& ar, const Context& v) {
  ByteWriter out(ar.buffer());
  encode_context(v, out);
}
inline void load(WireInput& ar, Context& v) { v = decode_context(ar.reader()); }

/// Texts are for people: a longer one is cut, not refused.
inline void save(WireOutput& ar, const Error& v) {
  ar(v.code);
  ar.string(BytesView(v.message).substr(0, kErrorTextBytesMax));
}
inline void load(WireInput& ar, Error& v) { ar(v.code, bounded(v.message, kErrorTextBytesMax)); }

template <class Archive>
void serialize(Archive& ar, Progress& v) {
  ar(v.incarnation, v.run, v.step);
}
template <class Archive>
void serialize(Archive& ar, Hello& v) {
  ar(v.role, v.sender, bounded(v.name, kNameBytesMax), bounded(v.address, kAddressBytesMax),
     v.cluster, v.layout, v.layout_digest, v.progress, v.progress_seen, v.directory,
     bounded(v.padding, kHelloPaddingBytesMax));
}
template <class Archive>
void serialize(Archive& ar, IdentityClaim& v) {
  ar(v.by, v.cluster, v.node, v.directory, v.incarnation, v.member_count, v.is_free);
}
template <class Archive>
void serialize(Archive& ar, Refusal& v) {
  ar(v.error, v.claim);
}
template <class Archive>
void serialize(Archive& ar, RequestHead& v) {
  ar(bounded(v.bucket, kBucketNameBytesMax), bounded(v.key, kKeyBytesMax), v.layout, v.time_left,
     v.forwarded, v.mode, v.explain);
}
template <class Archive>
void serialize(Archive& ar, GetRequest& v) {
  ar(v.head, v.r, v.read_repair);
}
template <class Archive>
void serialize(Archive& ar, GetReply& v) {
  ar(bounded(v.object, kFrameBodyBytesMax), v.answered, v.fallbacks, v.all_answered, v.is_strict,
     v.explain);
}
template <class Archive>
void serialize(Archive& ar, WriteRequest& v) {
  ar(v.head, v.kind, v.precondition, v.w, v.context, v.context_scope,
     bounded(v.value, kValueBytesHardMax), bounded(v.content_type, kContentTypeBytesMax), v.ttl,
     v.write_id);
}
template <class Archive>
void serialize(Archive& ar, WriteReply& v) {
  ar(v.context, v.dot, v.acked, v.hinted, v.is_strict, v.explain);
}
template <class Archive>
void serialize(Archive& ar, ErrorReply& v) {
  ar(v.error, v.in_doubt, v.required, v.received, v.acked, v.node_errors,
     bounded(v.object, kFrameBodyBytesMax), v.alive, v.explain);
}
template <class Archive>
void serialize(Archive& ar, ReplicaGet& v) {
  ar(bounded(v.bucket, kBucketNameBytesMax), bounded(v.key, kKeyBytesMax), v.layout, v.digest_only);
}
template <class Archive>
void serialize(Archive& ar, ReplicaGetReply& v) {
  ar(v.digest, bounded(v.object, kFrameBodyBytesMax), v.is_incomplete);
}
template <class Archive>
void serialize(Archive& ar, ReplicaPut& v) {
  ar(bounded(v.bucket, kBucketNameBytesMax), bounded(v.key, kKeyBytesMax), v.layout,
     bounded(v.object, kFrameBodyBytesMax), v.actor, v.progress);
}
template <class Archive>
void serialize(Archive& ar, HintPut& v) {
  ar(bounded(v.bucket, kBucketNameBytesMax), bounded(v.key, kKeyBytesMax), v.layout, v.owner,
     bounded(v.object, kFrameBodyBytesMax), v.progress);
}
template <class Archive>
void serialize(Archive& ar, HintGet& v) {
  ar(bounded(v.bucket, kBucketNameBytesMax), bounded(v.key, kKeyBytesMax), v.layout, v.owners);
}
template <class Archive>
void serialize(Archive& ar, ReplicaPutReply& v) {
  ar(v.highest_counter, v.progress);
}
template <class Archive>
void serialize(Archive& ar, RecoveryRequest& v) {
  ar(v.layout, bounded(v.from, kStoreKeyBytesMax));
}
template <class Archive>
void serialize(Archive& ar, RecoveryRecord& v) {
  ar(bounded(v.bucket, kBucketNameBytesMax), bounded(v.key, kKeyBytesMax),
     bounded(v.object, kFrameBodyBytesMax));
}
template <class Archive>
void serialize(Archive& ar, RecoveryPage& v) {
  ar(v.records, bounded(v.next, kStoreKeyBytesMax), v.is_last, v.is_whole);
}
template <class Archive>
void serialize(Archive& ar, ReplicaError& v) {
  ar(v.error);
}
template <class Archive>
void serialize(Archive&, LayoutRequest&) {}
template <class Archive>
void serialize(Archive& ar, LayoutReply& v) {
  ar(bounded(v.layout, kFrameBodyBytesMax));
}
template <class Archive>
void serialize(Archive&, StatusRequest&) {}
template <class Archive>
void serialize(Archive& ar, StatusReply& v) {
  ar(v.node, bounded(v.name, kNameBytesMax), v.layout, v.incarnation, v.ready, v.peers, v.counters,
     v.recovering);
}
template <class Archive>
void serialize(Archive& ar, MemberState& v) {
  ar(v.at, bounded(v.name, kNameBytesMax), bounded(v.address, kAddressBytesMax), v.ready,
     v.disk_full, v.layout, v.recovering, v.directory);
}
template <class Archive>
void serialize(Archive& ar, MembershipDelta& v) {
  ar(v.states, v.heartbeats);
}
template <class Archive>
void serialize(Archive& ar, GossipHead& v) {
  ar(v.cluster, v.layout, v.layout_digest);
}
template <class Archive>
void serialize(Archive& ar, GossipDigest& v) {
  ar(v.head, v.members);
}
template <class Archive>
void serialize(Archive& ar, GossipDelta& v) {
  ar(v.head, v.delta, v.wanted);
}

}  // namespace dynakv

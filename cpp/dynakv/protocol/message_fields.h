// The fields of each message in the order of the wire, with their bounds. One function serves every
// archive that walks over a message: the codec in both directions (adapters/wire_codec.h), and the
// count of the memory that a message keeps. Changing anything here changes the protocol version.
//
// Numbers are as wide as their types, byte strings and lists begin with a length
// (adapters/wire_archive.h).
#pragma once

#include <utility>

#include "dynakv/domain/bucket.h"
#include "dynakv/domain/layout.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/messages.h"
#include "dynakv/protocol/options.h"

namespace dynakv {

/// A byte string with a bound on its length.
template <typename String>
struct Bounded {
  String& bytes;
  std::size_t size_max;
};
template <typename String>
Bounded<String> bounded(String& bytes, std::size_t size_max) {
  return {bytes, size_max};
}

using WireCounter = std::pair<Bytes, std::uint64_t>;

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
void serialize(Archive& ar, LayoutStamp& v) {
  ar(v.version);
}
template <class Archive>
void serialize(Archive& ar, Envelope& v) {
  ar(bounded(v.bucket, kBucketNameBytesMax), bounded(v.key, kKeyBytesMax), v.layout);
}
template <class Archive>
void serialize(Archive& ar, ReplicaGet& v) {
  ar(v.envelope, v.digest_only);
}
template <class Archive>
void serialize(Archive& ar, ReplicaGetReply& v) {
  ar(v.digest, bounded(v.object, kFrameBodyBytesMax), v.is_incomplete);
}
template <class Archive>
void serialize(Archive& ar, ReplicaPut& v) {
  ar(v.envelope, bounded(v.object, kFrameBodyBytesMax), v.actor, v.progress);
}
template <class Archive>
void serialize(Archive& ar, HintPut& v) {
  ar(v.envelope, v.owner, bounded(v.object, kFrameBodyBytesMax), v.progress);
}
template <class Archive>
void serialize(Archive& ar, HintGet& v) {
  ar(v.envelope, v.owners);
}
template <class Archive>
void serialize(Archive& ar, ReplicaPutReply& v) {
  ar(v.highest_counter, v.progress);
}
template <class Archive>
void serialize(Archive& ar, ObjectCursor& v) {
  ar(v.slot, bounded(v.bucket, kBucketNameBytesMax), bounded(v.key, kKeyBytesMax));
}
template <class Archive>
void serialize(Archive& ar, RecoveryRequest& v) {
  ar(v.layout, v.from);
}
template <class Archive>
void serialize(Archive& ar, RecoveryRecord& v) {
  ar(bounded(v.bucket, kBucketNameBytesMax), bounded(v.key, kKeyBytesMax),
     bounded(v.object, kFrameBodyBytesMax));
}
template <class Archive>
void serialize(Archive& ar, RecoveryPage& v) {
  ar(v.records, v.next, v.is_last, v.is_whole);
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

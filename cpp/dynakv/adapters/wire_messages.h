// How the parts of messages become bytes that are not simply their fields in order
// (protocol/message_fields.h): enums with their known values, optional parts, varints, contexts.
// Changing anything here changes the protocol version.
#pragma once

#include <type_traits>
#include <utility>

#include "dynakv/adapters/wire_archive.h"
#include "dynakv/adapters/wire_codec.h"
#include "dynakv/domain/bucket.h"
#include "dynakv/domain/layout.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/message_fields.h"
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

}  // namespace dynakv

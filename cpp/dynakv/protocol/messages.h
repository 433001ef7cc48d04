// Every message on the wire, as plain structs in one variant. What they mean is said here; their
// numbers, senders and limits are in protocol/message_table.h, their fields in the order of the
// wire in protocol/message_fields.h.
//
// Objects travel in their byte form (domain/object_format.h): a coordinator encodes once and sends
// the same bytes to every replica, and a replica that has nothing to join stores them as they are.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dynakv/base/bytes.h"
#include "dynakv/base/hash.h"
#include "dynakv/base/result.h"
#include "dynakv/base/time.h"
#include "dynakv/base/types.h"
#include "dynakv/domain/bucket.h"
#include "dynakv/domain/context.h"
#include "dynakv/domain/key_ref.h"
#include "dynakv/domain/membership.h"
#include "dynakv/domain/quorum.h"
#include "dynakv/protocol/explain.h"
#include "dynakv/protocol/message_table.h"
#include "dynakv/protocol/progress.h"

namespace dynakv {

enum class Role : std::uint8_t { node = 1, client = 2 };

/// The most that the sender of a Hello of this role may be: whether a node is a member is decided
/// by the layout, not by the connection.
inline Sender sender_of(Role role) {
  return role == Role::client ? Sender::client : Sender::member;
}

/// First message on every connection, in both directions; id 0.
struct Hello {
  Role role = Role::node;
  NodeId sender;
  Bytes name;
  /// Where the sender listens, "host:port"; empty for a client.
  Bytes address;
  /// Nil before the sender has a layout.
  NodeId cluster;
  LayoutVersion layout{};
  Hash128 layout_digest;
  /// How far the sender has got, and how far it has seen the receiver get in each of its last runs.
  /// A node that hears of a step of its own that it does not remember was rolled back (B6).
  Progress progress;
  std::vector<Progress> progress_seen;
  /// Drawn when the sender's directory was formatted: two directories may claim one id (Rejoin).
  NodeId directory;
  /// Without meaning. It makes room for a whole refusal, which is never longer than the message
  /// that it answers (as RFC 9000 §8.1 asks of a first packet).
  Bytes padding;
};
inline constexpr std::size_t kHelloPaddingBytes = 512;
inline constexpr std::size_t kHelloPaddingBytesMax = 4096;

/// What the member `by` knows of an identity that concerns a refused node. `by` is nil when nothing
/// is known.
struct IdentityClaim {
  NodeId by;
  NodeId cluster;
  /// The id that the name belongs to, its directory, and the greatest incarnation that `by` knows.
  NodeId node;
  NodeId directory;
  std::uint64_t incarnation = 0;
  std::uint32_t member_count = 0;
  /// `by` has no connection to that node and has heard nothing of it for a long time.
  bool is_free = false;
};

/// The sender will not talk to the receiver: wrong cluster, a name with another id, wrong version.
struct Refusal {
  Error error;
  IdentityClaim claim;
};

/// What every data request says about itself.
struct RequestHead {
  Bytes bucket;
  Bytes key;
  LayoutVersion layout{};
  /// Time left of the request's deadline when it was sent; expired work is dropped unexecuted.
  Duration time_left;
  /// Set by the node that forwarded it: a request is forwarded once (B10).
  bool forwarded = false;
  QuorumMode mode = QuorumMode::bucket_default;
  /// The reply carries a decision record.
  bool explain = false;
};

struct GetRequest {
  RequestHead head;
  QuorumSize r = QuorumSize::bucket_default();
  ReadRepair read_repair = ReadRepair::bucket_default;
};

/// A node that holds a hint for an owner, or for several.
struct StandIn {
  NodeId node;
  NodeId owner;

  bool operator==(const StandIn&) const = default;
};

struct GetReply {
  /// The joined object in its byte form; empty when the key was never written.
  Bytes object;
  /// The owners whose answers are in the object.
  std::vector<NodeId> answered;
  /// Fallbacks whose hints are in the object; they counted towards R only in sloppy mode.
  std::vector<NodeId> fallbacks;
  /// True when every owner answered, so that nothing that exists can be missing.
  bool all_answered = false;
  /// R was met by owners alone.
  bool is_strict = false;
  ExplainRecord explain;
};

enum class WriteKind : std::uint8_t { put = 0, remove = 1 };

/// A condition that a quorum read must meet before the write. Not a compare-and-set: two writers
/// can both pass (DESIGN §1); the loser's value stays as a sibling.
enum class Precondition : std::uint8_t {
  none = 0,
  /// No condition: the write supersedes whatever a quorum read sees.
  overwrite = 1,
  /// A quorum read sees no value.
  if_absent = 2,
  /// A quorum read sees nothing that `context` does not cover.
  if_context = 3,
};

struct WriteRequest {
  RequestHead head;
  WriteKind kind = WriteKind::put;
  Precondition precondition = Precondition::none;
  QuorumSize w = QuorumSize::bucket_default();
  /// What the writer has seen, and the (bucket, key) for which it has seen it (context_scope()).
  Context context;
  std::uint64_t context_scope = 0;
  Bytes value;
  Bytes content_type;
  /// Lifetime of the value; zero = for ever.
  Duration ttl;
  /// See Payload::write_id.
  std::uint64_t write_id = 0;
};

struct WriteReply {
  /// What the writer has seen now: see reply_context().
  Context context;
  /// Nil counter for a delete of siblings, which makes no event.
  Dot dot;
  /// The owners that hold it durably, the coordinator first.
  std::vector<NodeId> acked;
  /// The nodes that hold it durably as a hint, and for which owner.
  std::vector<StandIn> hinted;
  /// W was met by owners alone.
  bool is_strict = false;
  ExplainRecord explain;
};

struct NodeError {
  NodeId node;
  ErrorCode code = ErrorCode::internal;
};

struct ErrorReply {
  Error error;
  /// True: a write may have been applied, now or later. False: it never will be (I13).
  bool in_doubt = false;
  std::uint16_t required = 0;
  std::uint16_t received = 0;
  std::vector<NodeId> acked;
  std::vector<NodeError> node_errors;
  /// For condition_failed: the object that the condition met.
  Bytes object;
  /// Owners that could be reached when the request was refused or given up.
  std::uint16_t alive = 0;
  ExplainRecord explain;
};

/// What a node knows of layouts, in every message that has a meaning under one layout only. The
/// receiver acts when it knows the same (ClusterView::check). What else must be equal, or be told,
/// while layouts change (DESIGN §5 and §7: the live set, the vote, the reap epoch) has its place
/// here.
struct LayoutStamp {
  LayoutVersion version{};

  bool operator==(const LayoutStamp&) const = default;
};

/// What every message between nodes about one key begins with. NodeCore checks it before any
/// machine sees the message.
struct Envelope {
  Bytes bucket;
  Bytes key;
  LayoutStamp layout;
};

/// Coordinator to replica.
struct ReplicaGet {
  Envelope envelope;
  bool digest_only = false;
};

struct ReplicaGetReply {
  /// hash128 of the object's byte form; zero when the key was never written.
  Hash128 digest;
  /// Empty when only the digest was asked for, or the key was never written.
  Bytes object;
  /// The copy may lack what it once acknowledged: it is joined but does not count (I15).
  bool is_incomplete = false;
};

struct ReplicaPut {
  Envelope envelope;
  Bytes object;
  /// The coordinator's actor for the slot; zero when the sender coordinates nothing (repair).
  ActorId actor{};
  /// The sender's step that this message depends on.
  Progress progress;
};

/// Coordinator to a fallback: keep this until `owner` has it (Dynamo §4.6). Answered with a
/// ReplicaPutReply when it is durable.
struct HintPut {
  Envelope envelope;
  NodeId owner;
  Bytes object;
  Progress progress;
};

/// Coordinator to a fallback: what do you hold for these owners? Answered with a ReplicaGetReply;
/// an empty one is no answer that counts (B34).
struct HintGet {
  Envelope envelope;
  std::vector<NodeId> owners;
};

/// Sent after the join is durable.
struct ReplicaPutReply {
  /// The highest counter of the coordinator's actor that the replica knows for this key.
  std::uint64_t highest_counter = 0;
  /// The replica's step that stored it. So a coordinator that counts the acknowledgement knows how
  /// far the replica had got.
  Progress progress;
};

/// A place between objects in the order in which a node walks over its own: by slot, bucket, token
/// of the key, and key. Empty bucket and key: the place before the slot's first object.
struct ObjectCursor {
  /// kSlotCount: behind all objects.
  std::uint16_t slot = 0;
  /// Otherwise, the place behind this object.
  Bytes bucket;
  Bytes key;

  bool operator==(const ObjectCursor&) const = default;
};

/// An amnesic owner asks another owner: which of your objects do I own?
struct RecoveryRequest {
  LayoutStamp layout;
  ObjectCursor from;
};

struct RecoveryRecord {
  Bytes bucket;
  Bytes key;
  Bytes object;
};

struct RecoveryPage {
  std::vector<RecoveryRecord> records;
  /// Where the next page begins, unless this is the last one.
  ObjectCursor next;
  bool is_last = false;
  /// The sender is not amnesic itself.
  bool is_whole = false;
};

struct ReplicaError {
  Error error;
};

struct LayoutRequest {};

struct LayoutReply {
  /// encode_layout(); empty while the node has none.
  Bytes layout;
};

struct StatusRequest {};

enum class PeerState : std::uint8_t {
  alive = 0,
  /// Nothing was heard from it for too long; requests go elsewhere.
  suspect = 1,
  /// Suspect for a long time, and not connected.
  dead = 2,
  /// Removed from the cluster for ever.
  left = 3,
};

/// What a node knows of another.
struct PeerStatus {
  NodeId node;
  bool connected = false;
  Bytes name;
  Bytes address;
  PeerState state = PeerState::alive;
  std::uint64_t incarnation = 0;
  bool in_layout = false;
  /// Its copies do not count in R until it has recovered what it lost.
  bool recovering = false;
};

struct StatusReply {
  NodeId node;
  Bytes name;
  LayoutVersion layout{};
  std::uint64_t incarnation = 0;
  bool ready = false;
  std::vector<PeerStatus> peers;
  /// Names and values of the node's counters, in the order of their names.
  std::vector<std::pair<Bytes, std::uint64_t>> counters;
  /// Its copies do not count in R until it has recovered what it lost.
  bool recovering = false;
};

/// What both messages of gossip say of the sender's layout; nil and zero before it has one.
struct GossipHead {
  NodeId cluster;
  LayoutVersion layout{};
  Hash128 layout_digest;
};

/// What the sender knows, so that the receiver can tell what either side lacks. About 22 bytes for
/// each member: 22 KB at 1,000, 90 KB at the most.
struct GossipDigest {
  GossipHead head;
  std::vector<MemberVersion> members;
};

/// The answer: what the other side lacks, and what this side wants from it in turn. The answer to
/// that has no `wanted` and ends the exchange.
struct GossipDelta {
  GossipHead head;
  MembershipDelta delta;
  std::vector<MemberVersion> wanted;
};

namespace detail {
template <typename First, typename... Rest>
struct VariantOfRest {
  using type = std::variant<Rest...>;
};
}  // namespace detail

#define DYNAKV_MESSAGE_TYPE(type, number, who, too_large) , type
using AnyMessage = detail::VariantOfRest<void DYNAKV_MESSAGES(DYNAKV_MESSAGE_TYPE)>::type;
#undef DYNAKV_MESSAGE_TYPE

/// Any message: a variant of all rows of the table. Its copies, moves and end are compiled once
/// (messages.cc): in each file that sends one, they would be most of the file.
struct Body : AnyMessage {
  using AnyMessage::AnyMessage;
  Body();
  Body(const Body&);
  Body(Body&&) noexcept;
  Body& operator=(const Body&);
  Body& operator=(Body&&) noexcept;
  ~Body();
};

inline const MessageRow& row_of(const Body& body) { return kMessageRows[body.index()]; }

/// Null when the message means the same under every layout.
const LayoutStamp* stamp_of(const Body& body);

/// A reply carries the id of its request.
struct Message {
  RequestId id{};
  Body body;
};

/// Binds a context to the key it was read from: actors count for a whole slot, so a context of
/// another key would cover events it never saw.
inline std::uint64_t context_scope(const KeyRef& key) {
  return hash64_of_pair(hash64(key.bucket), to_number(key.token));
}
inline std::uint64_t context_scope(BytesView bucket, BytesView key) {
  return context_scope(KeyRef(bucket, key));
}

}  // namespace dynakv

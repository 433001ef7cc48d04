// Random messages of every type, for the tests of the codec.
#pragma once

#include <utility>

#include "dynakv/base/random.h"
#include "dynakv/protocol/messages.h"

namespace dynakv {

class MessageSampler {
 public:
  explicit MessageSampler(std::uint64_t seed) : random_(seed) {}

  Random& random() { return random_; }

  /// A message of the type that stands at `index` in Body.
  Message message(std::size_t index) {
    Message made;
    made.id = static_cast<RequestId>(random_.next());
    fill(made.body, index, std::make_index_sequence<std::variant_size_v<Body>>{});
    return made;
  }
  Message any() { return message(random_.below(std::variant_size_v<Body>)); }

 private:
  template <std::size_t... I>
  void fill(Body& body, std::size_t index, std::index_sequence<I...>) {
    ((index == I ? make(body.emplace<I>()) : void()), ...);
  }

  Bytes bytes(std::size_t max) { return random_.bytes(random_.below(max + 1)); }
  bool flag() { return random_.chance(1, 2); }
  NodeId node() { return {random_.next(), random_.next()}; }
  Duration duration() { return {random_.between(0, 1'000'000'000'000)}; }
  LayoutVersion version() { return static_cast<LayoutVersion>(random_.below(1000)); }
  QuorumSize quorum() {
    return QuorumSize::from_number(static_cast<std::int16_t>(random_.between(-2, 7)));
  }
  Hash128 hash() { return {random_.next(), random_.next()}; }
  Error error() { return {static_cast<ErrorCode>(random_.between(1, 23)), bytes(40)}; }
  std::vector<NodeId> nodes() {
    std::vector<NodeId> made(random_.below(5));
    for (NodeId& id : made) id = node();
    return made;
  }
  Context context() {
    Context made;
    for (std::uint64_t i = random_.below(6); i > 0; --i) {
      const auto actor = static_cast<ActorId>(random_.below(4));
      const Dot dot{actor, 1 + random_.below(300)};
      if (flag()) {
        made.advance(dot);
      } else {
        made.add_isolated(dot);
      }
    }
    return made;
  }
  QuorumMode mode() { return static_cast<QuorumMode>(random_.below(3)); }
  RequestHead head() {
    return {bytes(20), bytes(60), version(), duration(), flag(), mode(), flag()};
  }
  ExplainRecord explain() {
    if (flag()) return nullptr;
    auto made = std::make_shared<Explain>();
    *made = {version(), node(), nodes(), nodes(), 2, flag(), {}, {}, {}};
    made->begun_at.nanoseconds = static_cast<std::int64_t>(random_.next() >> 1);
    made->request = static_cast<RequestId>(random_.next());
    for (std::uint64_t i = random_.below(9); i > 0; --i) {
      const auto kind = static_cast<ExplainKind>(random_.below(17));
      const auto copy = static_cast<CopyKind>(random_.below(7));
      const auto at = static_cast<std::uint32_t>(random_.next());
      made->events.push_back({at, kind, node(), node(), copy});
    }
    return made;
  }
  std::vector<StandIn> stand_ins() {
    std::vector<StandIn> made(random_.below(4));
    for (StandIn& stand_in : made) stand_in = {node(), node()};
    return made;
  }

  Progress progress() { return {random_.next(), random_.next(), random_.next()}; }

  std::vector<Progress> progresses() {
    std::vector<Progress> made(random_.below(4));
    for (Progress& one : made) one = progress();
    return made;
  }

  void make(Hello& m) {
    m = {flag() ? Role::node : Role::client,
         node(),
         bytes(20),
         bytes(20),
         node(),
         version(),
         hash(),
         progress(),
         progresses(),
         node(),
         bytes(20)};
  }
  void make(Refusal& m) {
    m = {error(), {node(), node(), node(), node(), random_.next(), 7, flag()}};
  }
  void make(GetRequest& m) { m = {head(), quorum(), static_cast<ReadRepair>(random_.below(4))}; }
  void make(GetReply& m) { m = {bytes(300), nodes(), nodes(), flag(), flag(), explain()}; }
  void make(WriteRequest& m) {
    m = {head(),
         flag() ? WriteKind::put : WriteKind::remove,
         static_cast<Precondition>(random_.below(4)),
         quorum(),
         context(),
         random_.next(),
         bytes(2000),
         bytes(20),
         duration(),
         random_.next()};
  }
  void make(WriteReply& m) {
    m = {context(), {static_cast<ActorId>(random_.next()), random_.next()},
         nodes(),   stand_ins(),
         flag(),    explain()};
  }
  void make(ErrorReply& m) {
    m = {error(),
         flag(),
         static_cast<std::uint16_t>(random_.below(8)),
         static_cast<std::uint16_t>(random_.below(8)),
         nodes(),
         {},
         bytes(100),
         static_cast<std::uint16_t>(random_.below(8)),
         explain()};
    for (const NodeId& id : nodes()) {
      m.node_errors.push_back({id, static_cast<ErrorCode>(random_.between(1, 23))});
    }
  }
  void make(ReplicaGet& m) { m = {bytes(20), bytes(60), version(), flag()}; }
  void make(ReplicaGetReply& m) { m = {hash(), bytes(300), flag()}; }
  void make(ReplicaPut& m) {
    m = {bytes(20), bytes(60), version(), bytes(700), static_cast<ActorId>(random_.next()),
         progress()};
  }
  void make(HintPut& m) { m = {bytes(20), bytes(60), version(), node(), bytes(700), progress()}; }
  void make(HintGet& m) { m = {bytes(20), bytes(60), version(), nodes()}; }
  void make(ReplicaPutReply& m) { m = {random_.next(), progress()}; }
  void make(RecoveryRequest& m) { m = {version(), bytes(60)}; }
  void make(RecoveryPage& m) {
    m = {{}, bytes(60), flag(), flag()};
    for (std::uint64_t i = random_.below(4); i > 0; --i) {
      m.records.push_back({bytes(20), bytes(60), bytes(700)});
    }
  }
  void make(ReplicaError& m) { m.error = error(); }
  void make(LayoutRequest&) {}
  void make(LayoutReply& m) { m.layout = bytes(500); }
  void make(StatusRequest&) {}
  void make(StatusReply& m) {
    m = {node(), bytes(20), version(), random_.next(), flag(), {}, {}, flag()};
    for (const NodeId& id : nodes()) {
      m.peers.push_back({id, flag(), bytes(20), bytes(20), static_cast<PeerState>(random_.below(4)),
                         random_.next(), flag(), flag()});
    }
    for (std::uint64_t i = random_.below(5); i > 0; --i) {
      m.counters.emplace_back(bytes(30), random_.next());
    }
  }
  MemberVersion member_version() {
    return {node(), random_.below(300), random_.next(), random_.below(100'000)};
  }
  std::vector<MemberVersion> member_versions() {
    std::vector<MemberVersion> made(random_.below(5));
    for (MemberVersion& line : made) line = member_version();
    return made;
  }
  GossipHead gossip_head() { return {node(), version(), hash()}; }
  void make(GossipDigest& m) { m = {gossip_head(), member_versions()}; }
  void make(GossipDelta& m) {
    m = {gossip_head(), {{}, member_versions()}, member_versions()};
    for (std::uint64_t i = random_.below(4); i > 0; --i) {
      m.delta.states.push_back(
          {member_version(), bytes(20), bytes(20), flag(), flag(), version(), flag(), node()});
    }
  }

  Random random_;
};

}  // namespace dynakv

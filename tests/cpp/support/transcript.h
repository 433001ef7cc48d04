// Runs one node's core step by step and writes down, a line for each, what goes in and what comes
// out. The lines are compared with a recorded file, so that a change of a coordinator's behaviour
// shows as a difference that can be read (golden transcripts).
//
//   > client    GetRequest r=2
//   < owner2, owner3    ReplicaGet digest only
//   . 500 ms pass
//
// Nodes are named by their part for the one key that is used: "self" is the node, owner1 to owner3
// are the key's owners, spare1 and so on its fallbacks, in the order of the walk.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "dynakv/adapters/memory_store.h"
#include "dynakv/domain/object_format.h"
#include "dynakv/protocol/node_core.h"
#include "dynakv/protocol/read_phase.h"
#include "dynakv/protocol/route.h"

namespace dynakv::testing {

class Transcript {
 public:
  /// A member among five, all of which it is connected to. `place`: its own place in the walk of
  /// the key, 0 for its first owner.
  explicit Transcript(std::size_t place = 0, BucketProperties properties = {});

  /// Puts an object into the node's own copy, without a line.
  void have(const Object& object);
  /// A client's request for the key.
  void client(GetRequest request = {});
  void client(WriteRequest request);
  /// The client's last message comes once more.
  void client_again();
  /// A message of another node, as the answer to what it was asked last.
  void says(const std::string& node, const Body& body);
  void goes_down(const std::string& node);
  /// Timers that become due fire.
  void passes(Duration time);

  const std::string& text() const { return text_; }
  /// The node itself, or another by its name.
  NodeId id_of(const std::string& name) const;
  LayoutStamp layout() const { return {layout_.version}; }
  /// One write of the key: `value` under the event `counter` of an actor named by a letter.
  static Object written(char actor, std::uint64_t counter, const std::string& value);

 private:
  void take(Message message);
  void step(Outbox& out);
  void line(const std::string& mark, const std::string& who, const std::string& what);
  std::string name_of(const NodeId& id) const;
  std::string names_of(const std::vector<NodeId>& ids) const;
  std::string text_of(const Body& body);
  std::string text_of(const Object& object);
  std::string text_of_encoded(const Bytes& object);
  std::string text_of(const Context& context);
  std::string text_of(const Dot& dot);
  std::string text_of(const Hash128& digest);
  std::string text_of(const std::vector<StandIn>& hints);
  void add_hello(const Member& member);

  MemoryStore store_;
  std::unique_ptr<NodeCore> core_;
  Now now_{Instant{1'000'000'000}, WallTime{1'700'000'000'000}};
  Layout layout_;
  std::string key_;
  std::vector<NodeId> walk_;
  std::map<NodeId, std::string> names_;
  std::map<NodeId, RequestId> asked_;
  std::map<ActorId, char> actors_;
  std::map<Hash128, std::string> digests_;
  std::map<TimerId, Instant> timers_;
  std::uint64_t client_requests_ = 0;
  Message last_of_client_;
  bool is_quiet_ = false;
  std::string text_;
};

/// Compares with the file of that name among the recorded transcripts, or writes it when the
/// environment variable DYNAKV_REWRITE_TRANSCRIPTS is set.
void expect_recorded(const std::string& name, const std::string& text);

}  // namespace dynakv::testing

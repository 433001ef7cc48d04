// The state that a node's machines share, for tests of one machine alone: a fresh directory of the
// node "n0", started once, and whatever a test says that it knows.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dynakv/adapters/memory_store.h"
#include "dynakv/protocol/cluster_formation.h"
#include "dynakv/protocol/contacts.h"
#include "dynakv/protocol/past_check.h"

namespace dynakv::testing {

/// Properties that fit clusters of any size from `n` on.
inline BucketProperties copies(int n) {
  return {.n = n, .r = QuorumSize::count(1), .w = QuorumSize::count(1)};
}

struct MachineState {
  /// `disk`: what an earlier start of the same node left.
  explicit MachineState(std::shared_ptr<MemoryStore> disk = std::make_shared<MemoryStore>(),
                        const StartEvidence& evidence = {"boot-1", "place-1"})
      : store(std::move(disk)) {
    options.name = "n0";
    options.address = "n0:1";
    Random ids(7);
    EXPECT_TRUE(identity.start(options, evidence, ids).has_value());
    EXPECT_TRUE(actors.load().has_value());
    end_step();
  }

  void end_step() {
    identity.end_step(store->has_pending());
    if (!store->has_pending()) return;
    EXPECT_TRUE(store->write_step().has_value());
  }

  /// "n0" is this node, the others have the ids {9, i}.
  Layout layout_of(int count) const {
    std::vector<Member> members{{.id = identity.id(), .name = "n0"}};
    for (int i = 1; i < count; ++i) {
      members.push_back({.id = other(i), .name = "n" + std::to_string(i)});
    }
    return first_layout(members, copies(1), {}).value();
  }

  static NodeId other(int i) { return {9, static_cast<std::uint64_t>(i)}; }

  Hello hello_of(int i) const {
    Hello hello;
    hello.sender = other(i);
    hello.name = "n" + std::to_string(i);
    hello.address = hello.name + ":1";
    hello.progress = {1, 11, 1};
    hello.directory = other(i);
    return hello;
  }

  KnownPeers known() const { return {options, identity, view, membership, formation}; }

  Now now{Instant{1'000'000'000}, WallTime{1'700'000'000'000}};
  NodeCoreOptions options;
  std::shared_ptr<MemoryStore> store;
  Identity identity{*store};
  ActorTable actors{*store, Random(8)};
  HintTable hints{*store, Random(9), options.protocol.hints};
  ClusterView view;
  Membership membership;
  ClusterFormation formation{options.name, identity, view};
};

}  // namespace dynakv::testing

// What a request is told of the layout, and what follows from who can be reached.
#include "dynakv/protocol/route.h"

#include <gtest/gtest.h>

#include "tests/cpp/support/machine_state.h"

namespace dynakv::testing {
namespace {

class RouteTest : public ::testing::Test {
 protected:
  RouteTest() {
    Layout layout = state_.layout_of(6);
    layout.defaults = copies(3);
    layout.buckets["strict"] = copies(2);
    layout.buckets["strict"].mode = QuorumMode::strict;
    state_.view.adopt(layout);
    const NodeId& self = state_.identity.id();
    // A key that this node owns, and one for which it is a fallback.
    for (int i = 0; owned_.empty() || foreign_.empty(); ++i) {
      const std::string key = "k" + std::to_string(i);
      (route_to(key).is_owner(self) ? owned_ : foreign_) = key;
    }
  }

  Route route_to(const std::string& key, BytesView bucket = kDefaultBucket,
                 QuorumMode mode = QuorumMode::bucket_default) const {
    return state_.view.route_to({bucket, key}, mode);
  }
  void set_up(const std::vector<NodeId>& nodes) {
    for (const NodeId& node : nodes) state_.view.set_up(node);
  }
  int usable(const Route& route) const {
    return usable_count(route, state_.view, state_.identity.id());
  }

  MachineState state_;
  std::string owned_;
  std::string foreign_;
};

TEST_F(RouteTest, OwnersAndFallbacksAreTheSlotsWalk) {
  const Route route = route_to(owned_);
  EXPECT_EQ(route.slot(), slot_of(token_of_key(owned_)));
  std::vector<NodeId> walk = route.owners;
  walk.insert(walk.end(), route.fallbacks.begin(), route.fallbacks.end());
  EXPECT_EQ(walk, state_.view.walk(route.slot()));
  EXPECT_EQ(route.owners, state_.view.owners(route.slot(), 3));
  EXPECT_EQ(route.layout, state_.view.stamp());
}

TEST_F(RouteTest, TheBucketsPropertiesHoldUnlessTheRequestSaysOtherwise) {
  EXPECT_TRUE(route_to("k").is_sloppy);
  EXPECT_FALSE(route_to("k", "strict").is_sloppy);
  EXPECT_EQ(route_to("k", "strict").owners.size(), 2u);
  EXPECT_EQ(route_to("k", "strict").fallbacks.size(), 4u);
  EXPECT_TRUE(route_to("k", "strict", QuorumMode::sloppy).is_sloppy);
  EXPECT_FALSE(route_to("k", kDefaultBucket, QuorumMode::strict).is_sloppy);
}

TEST_F(RouteTest, MessagesBeginWithTheKeyAndTheRoutesLayout) {
  const Route route = route_to("k");
  const Envelope envelope = route.envelope(route.key_in(kDefaultBucket, "k"));
  EXPECT_EQ(envelope.bucket, kDefaultBucket);
  EXPECT_EQ(envelope.key, "k");
  EXPECT_EQ(envelope.layout, state_.view.stamp());
}

TEST_F(RouteTest, AWriteHasOneGroupOfOwners) {
  const Route route = route_to("k");
  const QuorumGroups groups = route.write_groups();
  EXPECT_EQ(groups.count(), 1u);
  ASSERT_EQ(groups.members().size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(groups.members()[i].node, route.owners[i]);
}

TEST_F(RouteTest, TheCoordinatorAndWhoCanBeReachedCount) {
  Route route = route_to(owned_);
  EXPECT_EQ(usable(route), 1);
  set_up(route.fallbacks);
  EXPECT_EQ(usable(route), 1 + static_cast<int>(route.fallbacks.size()));
  route.is_sloppy = false;
  EXPECT_EQ(usable(route), 1);
}

TEST_F(RouteTest, AFallbackThatCoordinatesCountsOnceAndOnlyInASloppyQuorum) {
  Route route = route_to(foreign_);
  EXPECT_EQ(usable(route), 1);
  set_up(route.owners);
  EXPECT_EQ(usable(route), 4);
  route.is_sloppy = false;
  EXPECT_EQ(usable(route), 3);
}

TEST_F(RouteTest, ARefusalNamesTheNodesThatCannotBeReached) {
  const Route route = route_to(owned_);
  const NodeId& self = state_.identity.id();
  set_up(route.fallbacks);
  Explainer begun = begin_explain(state_.now, self, route, {2, true});
  const ExplainRecord record = explain_refusal(std::move(begun), state_.now, route, state_.view);
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->owners, route.owners);
  EXPECT_EQ(record->fallbacks, route.fallbacks);
  EXPECT_EQ(record->required, 2);
  std::vector<ExplainKind> kinds;
  for (const ExplainEvent& event : record->events) kinds.push_back(event.kind);
  EXPECT_EQ(kinds, (std::vector{ExplainKind::received, ExplainKind::skipped, ExplainKind::skipped,
                                ExplainKind::refused, ExplainKind::replied}));
  EXPECT_EQ(explain_refusal({}, state_.now, route, state_.view), nullptr);
}

}  // namespace
}  // namespace dynakv::testing

// What the coordinators do, message by message, as recorded in testdata/transcripts. Read one
// beside Dynamo §4.5 and §4.6.
#include <algorithm>
#include <filesystem>
#include <set>

#include "tests/cpp/support/transcript.h"

namespace dynakv::testing {
namespace {

using Script = void (*)(Transcript&);

struct Scenario {
  const char* name;
  Script script;
  /// The node's place in the walk of the key; 3 and 4 are fallbacks.
  std::size_t place = 0;
  BucketProperties properties = {};
};

std::ostream& operator<<(std::ostream& out, const Scenario& scenario) {
  return out << scenario.name;
}

const Object kOld = Transcript::written('a', 1, "old");
const Object kOther = Transcript::written('b', 1, "other");

Object newer_than_old() {
  Object object = kOld;
  object.put(kOld.context(), Dot{static_cast<ActorId>('a'), 2}, Payload{"new", "", {}, 0, 0});
  return object;
}

ReplicaGetReply digest_of(const Object& object) {
  return {digest_of_object(encode_object(object)), {}, false};
}
ReplicaGetReply full(const Object& object) {
  return {digest_of_object(encode_object(object)), encode_object(object), false};
}
ReplicaPutReply acked() { return {0, {1, 11, 2}}; }
ReplicaError refused_with(ErrorCode code) { return {Error{code, "no"}}; }

WriteRequest put(const std::string& value, Context seen = {}) {
  WriteRequest request;
  request.value = value;
  request.context = std::move(seen);
  return request;
}
WriteRequest put_if(Precondition precondition) {
  WriteRequest request = put("new");
  request.precondition = precondition;
  return request;
}

const BucketProperties kStrict{.mode = QuorumMode::strict};
const BucketProperties kBlocking{.read_repair = ReadRepair::blocking};

const Scenario kScenarios[] = {
    {"get_all_equal",
     [](Transcript& t) {
       t.have(kOld);
       t.client(GetRequest{});
       t.says("owner2", digest_of(kOld));
       t.says("owner3", digest_of(kOld));
     }},
    {"get_of_nothing",
     [](Transcript& t) {
       t.client(GetRequest{});
       t.says("owner2", ReplicaGetReply{});
       t.says("owner3", ReplicaGetReply{});
     }},
    {"get_finds_a_newer_copy_and_repairs_the_others",
     [](Transcript& t) {
       t.have(kOld);
       t.client(GetRequest{});
       t.says("owner2", digest_of(newer_than_old()));
       t.says("owner2", full(newer_than_old()));
       t.says("owner3", digest_of(kOld));
     }},
    {"get_joins_concurrent_copies",
     [](Transcript& t) {
       t.have(kOld);
       t.client(GetRequest{});
       t.says("owner3", digest_of(kOther));
       t.says("owner3", full(kOther));
       t.says("owner2", digest_of(kOld));
     }},
    {"get_repairs_before_it_replies",
     [](Transcript& t) {
       t.have(newer_than_old());
       t.client(GetRequest{});
       t.says("owner2", digest_of(kOld));
       t.says("owner2", full(kOld));
       t.says("owner2", acked());
       t.says("owner3", digest_of(newer_than_old()));
     },
     0, kBlocking},
    {"get_asks_a_fallback_for_an_owner_that_is_down",
     [](Transcript& t) {
       t.have(kOld);
       t.goes_down("owner2");
       t.client(GetRequest{});
       t.says("spare1", full(newer_than_old()));
       t.says("owner3", digest_of(kOld));
     }},
    {"get_asks_a_fallback_for_an_owner_that_is_silent",
     [](Transcript& t) {
       t.have(kOld);
       t.client(GetRequest{.r = QuorumSize::all()});
       t.says("owner2", digest_of(kOld));
       t.passes(milliseconds(500));
       t.says("spare1", ReplicaGetReply{});
       t.says("owner3", digest_of(kOld));
     }},
    {"get_does_not_count_an_incomplete_copy",
     [](Transcript& t) {
       t.have(kOld);
       t.client(GetRequest{});
       ReplicaGetReply incomplete = digest_of(kOld);
       incomplete.is_incomplete = true;
       t.says("owner2", incomplete);
       t.says("owner3", digest_of(kOld));
     }},
    {"get_cannot_reach_its_quorum",
     [](Transcript& t) {
       t.goes_down("owner2");
       t.goes_down("owner3");
       t.client(GetRequest{});
     },
     0, kStrict},
    {"get_loses_its_quorum",
     [](Transcript& t) {
       t.client(GetRequest{});
       t.says("owner2", refused_with(ErrorCode::corruption));
       t.says("owner3", refused_with(ErrorCode::storage));
     },
     0, kStrict},
    {"get_runs_out_of_time",
     [](Transcript& t) {
       t.client(GetRequest{});
       t.passes(seconds(5));
     },
     0, kStrict},
    {"put_is_held_by_all",
     [](Transcript& t) {
       t.client(put("new"));
       t.says("owner2", acked());
       t.says("owner3", acked());
     }},
    {"put_supersedes_what_it_has_seen",
     [](Transcript& t) {
       t.have(kOld);
       t.client(put("new", kOld.context()));
       t.says("owner2", acked());
       t.says("owner3", acked());
     }},
    {"put_without_context_makes_a_sibling",
     [](Transcript& t) {
       t.have(kOld);
       t.client(put("new"));
       t.says("owner2", acked());
       t.says("owner3", acked());
     }},
    {"put_leaves_a_hint_for_an_owner_that_is_down",
     [](Transcript& t) {
       t.goes_down("owner2");
       t.client(put("new"));
       t.says("spare1", acked());
       t.says("owner3", acked());
     }},
    {"put_leaves_a_hint_for_an_owner_that_is_silent",
     [](Transcript& t) {
       t.client(put("new"));
       t.says("owner2", acked());
       t.passes(milliseconds(500));
       t.says("spare1", acked());
     }},
    {"put_asks_the_next_fallback_when_one_refuses",
     [](Transcript& t) {
       t.goes_down("owner2");
       t.client(put("new"));
       t.says("spare1", refused_with(ErrorCode::overloaded));
       t.says("spare2", acked());
       t.says("owner3", acked());
     }},
    {"put_keeps_the_hint_itself_when_no_fallback_is_left",
     [](Transcript& t) {
       t.goes_down("spare1");
       t.goes_down("spare2");
       t.goes_down("owner2");
       t.client(put("new"));
       t.says("owner3", acked());
     }},
    {"put_of_a_fallback_when_no_owner_is_up",
     [](Transcript& t) {
       for (const char* owner : {"owner1", "owner2", "owner3"}) t.goes_down(owner);
       t.client(put("new"));
       t.says("spare2", acked());
     },
     3},
    {"put_acknowledged_late_settles",
     [](Transcript& t) {
       t.client(put("new"));
       t.says("owner2", acked());
       t.says("owner3", refused_with(ErrorCode::storage));
       t.says("spare1", acked());
     }},
    {"put_in_doubt_at_its_deadline",
     [](Transcript& t) {
       t.client(put("new"));
       t.passes(seconds(5));
     },
     0, kStrict},
    {"put_strict_does_not_count_hints",
     [](Transcript& t) {
       t.goes_down("owner2");
       t.client(put("new"));
       t.says("spare1", acked());
       t.says("owner3", refused_with(ErrorCode::storage));
       t.says("spare2", acked());
     },
     0, kStrict},
    {"put_that_comes_twice_is_one_event",
     [](Transcript& t) {
       t.client(put("new"));
       t.client_again();
       t.says("owner2", acked());
       t.client_again();
     }},
    {"put_cannot_reach_its_quorum",
     [](Transcript& t) {
       t.goes_down("owner2");
       t.goes_down("owner3");
       t.client(put("new"));
     },
     0, kStrict},
    {"put_if_absent_of_a_new_key",
     [](Transcript& t) {
       t.client(put_if(Precondition::if_absent));
       t.says("owner2", ReplicaGetReply{});
       t.says("owner2", acked());
       t.says("owner3", acked());
     }},
    {"put_if_absent_of_a_key_that_is_there",
     [](Transcript& t) {
       t.client(put_if(Precondition::if_absent));
       t.says("owner2", full(kOld));
     }},
    {"put_overwrites_what_a_quorum_sees",
     [](Transcript& t) {
       t.have(kOld);
       t.client(put_if(Precondition::overwrite));
       t.says("owner3", digest_of(kOther));
       t.says("owner3", full(kOther));
       t.says("owner2", acked());
     }},
    {"delete_of_what_was_seen",
     [](Transcript& t) {
       t.have(kOld);
       WriteRequest request = put("", kOld.context());
       request.kind = WriteKind::remove;
       t.client(request);
       t.says("owner2", acked());
     }},
    {"forwarded_to_the_owner_and_back",
     [](Transcript& t) {
       t.client(put("new"));
       WriteReply reply;
       reply.acked = {t.id_of("owner1"), t.id_of("owner2")};
       reply.is_strict = true;
       t.says("owner1", reply);
     },
     3},
    {"forwarded_and_the_owner_is_lost",
     [](Transcript& t) {
       t.client(put("new"));
       t.goes_down("owner1");
     },
     3},
    {"forwarded_to_the_next_owner_that_is_up",
     [](Transcript& t) {
       t.goes_down("owner1");
       t.client(GetRequest{});
       t.passes(seconds(5));
     },
     4},
};

class TranscriptTest : public ::testing::TestWithParam<Scenario> {};

TEST_P(TranscriptTest, IsAsRecorded) {
  Transcript transcript(GetParam().place, GetParam().properties);
  GetParam().script(transcript);
  expect_recorded(GetParam().name, transcript.text());
}

INSTANTIATE_TEST_SUITE_P(Coordinators, TranscriptTest, ::testing::ValuesIn(kScenarios),
                         [](const auto& scenario) { return std::string(scenario.param.name); });

TEST(Transcripts, EveryRecordedFileHasAScenario) {
  std::set<std::string> names;
  for (const Scenario& scenario : kScenarios) names.insert(scenario.name);
  std::set<std::string> files;
  const std::string folder = std::string(DYNAKV_TESTDATA_DIR) + "/transcripts";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.insert(entry.path().stem().string());
  }
  EXPECT_EQ(files, names);
}

// Two runs of one script write the same lines: nothing in them depends on anything but the seed.
TEST(Transcripts, AreTheSameEachTime) {
  const Scenario& scenario =
      *std::find_if(std::begin(kScenarios), std::end(kScenarios), [](const Scenario& each) {
        return std::string(each.name) == "put_overwrites_what_a_quorum_sees";
      });
  Transcript first(scenario.place, scenario.properties);
  Transcript second(scenario.place, scenario.properties);
  scenario.script(first);
  scenario.script(second);
  EXPECT_EQ(first.text(), second.text());
  EXPECT_NE(first.text().find("WriteReply"), std::string::npos);
}

}  // namespace
}  // namespace dynakv::testing

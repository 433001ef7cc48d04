// The table of messages, as those that read it see it.
#include "dynakv/protocol/message_table.h"

#include <gtest/gtest.h>

#include "dynakv/adapters/wire_codec.h"
#include "dynakv/protocol/effect_queue.h"
#include "dynakv/protocol/request_error.h"
#include "tests/cpp/adapters/wire_messages_sample.h"

namespace dynakv {
namespace {

TEST(MessageTable, ARequestThatIsTooLargeFailsAtWhoSentIt) {
  for (const Body& body : {Body(WriteRequest{}), Body(GetRequest{})}) {
    const auto answer = answer_to_too_large(body);
    ASSERT_TRUE(answer.has_value());
    EXPECT_TRUE(answer->is_for_sender);
    EXPECT_EQ(std::get<ErrorReply>(answer->body).error.code, ErrorCode::value_too_large);
    EXPECT_FALSE(std::get<ErrorReply>(answer->body).in_doubt);
  }
  // A hint's error went to the fallback, which dropped it, and the coordinator waited.
  for (const Body& body : {Body(ReplicaPut{}), Body(HintPut{})}) {
    const auto answer = answer_to_too_large(body);
    ASSERT_TRUE(answer.has_value());
    EXPECT_TRUE(answer->is_for_sender);
    EXPECT_TRUE(std::holds_alternative<ReplicaError>(answer->body));
  }
}

TEST(MessageTable, AReplyThatIsTooLargeBecomesAnErrorForWhoWaits) {
  for (const Body& body : {Body(ReplicaGetReply{}), Body(RecoveryPage{})}) {
    const auto answer = answer_to_too_large(body);
    ASSERT_TRUE(answer.has_value());
    EXPECT_FALSE(answer->is_for_sender);
    EXPECT_TRUE(std::holds_alternative<ReplicaError>(answer->body));
  }
  EXPECT_FALSE(std::get<ErrorReply>(answer_to_too_large(GetReply{})->body).in_doubt);
  // The write was applied (I13).
  EXPECT_TRUE(std::get<ErrorReply>(answer_to_too_large(WriteReply{})->body).in_doubt);
}

TEST(MessageTable, WhatAMessageKeepsIsCountedForEveryMessage) {
  const Bytes kilobyte(1024, 'x');
  const auto bytes_of = [](Body body) { return effect_bytes(Send{{}, {RequestId{}, body}}); };
  EXPECT_GE(bytes_of(ReplicaPut{.object = kilobyte}), 1024u);
  EXPECT_GE(bytes_of(HintPut{.object = kilobyte}), 1024u);
  EXPECT_GE(bytes_of(RecoveryPage{.records = {{"b", "k", kilobyte}, {"b", "k", kilobyte}}}), 2048u);
  EXPECT_GE(bytes_of(ErrorReply{.error = {ErrorCode::internal, std::string(kilobyte)}}), 1024u);
  EXPECT_GE(bytes_of(GossipDigest{.members = std::vector<MemberVersion>(100)}),
            100 * sizeof(MemberVersion));
  EXPECT_EQ(bytes_of(StatusRequest{}), 0u);
  // No random message keeps less than its frame says, but for numbers, which are in the struct.
  MessageSampler sampler(1);
  for (std::size_t type = 0; type < kMessageRows.size(); ++type) {
    for (int i = 0; i < 20; ++i) {
      const Message message = sampler.message(type);
      Bytes frame;
      ASSERT_TRUE(encode_message(message, frame));
      EXPECT_GE(bytes_of(message.body) + sizeof(Body) + 256, frame.size())
          << kMessageRows[type].name;
    }
  }
}

}  // namespace
}  // namespace dynakv

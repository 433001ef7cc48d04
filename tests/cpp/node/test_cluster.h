// Real nodes in this process, in temporary directories, for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "dynakv/domain/object_format.h"
#include "dynakv/node/client.h"
#include "dynakv/node/node.h"
#include "tests/cpp/support/wait.h"

namespace dynakv {

class TestDirectory {
 public:
  TestDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dynakv-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TestDirectory() { std::filesystem::remove_all(path_); }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class TestCluster {
 public:
  explicit TestCluster(std::size_t count, StorageKind storage = StorageKind::memory,
                       Durability durability = Durability::group) {
    for (std::size_t i = 0; i < count; ++i) {
      NodeOptions node;
      node.name = "n" + std::to_string(i);
      node.data_dir = directory_.path() + "/" + node.name;
      node.storage = storage;
      node.durability = durability;
      options.push_back(node);
    }
  }

  void start() {
    std::vector<Member> members;
    for (NodeOptions& node : options) {
      auto started = Node::start(node);
      ASSERT_TRUE(started.has_value()) << started.error().message;
      nodes.push_back(std::move(*started));
      node.listen = nodes.back()->address();  // the same again after a restart
      members.push_back(nodes.back()->member());
    }
    BucketProperties defaults;
    if (members.size() < 3) {
      defaults.n = static_cast<int>(members.size());
      defaults.r = defaults.w = QuorumSize::majority();
    }
    for (auto& node : nodes) {
      const Status done = node->bootstrap(members, defaults, {});
      ASSERT_TRUE(done.has_value()) << done.error().message;
    }
    for (auto& node : nodes) {
      const Status ready = node->wait_ready(kTestTimeout, members.size() - 1);
      ASSERT_TRUE(ready.has_value()) << ready.error().message;
    }
  }

  void restart(std::size_t index) {
    nodes[index].reset();
    auto started = Node::start(options[index]);
    ASSERT_TRUE(started.has_value()) << started.error().message;
    nodes[index] = std::move(*started);
  }

  std::unique_ptr<Client> client(ClientOptions client_options = {}) {
    std::vector<std::string> addresses;
    for (const auto& node : nodes) addresses.push_back(node->address());
    auto connected = Client::connect(addresses, client_options, kTestTimeout);
    EXPECT_TRUE(connected.has_value()) << connected.error().message;
    return connected ? std::move(*connected) : nullptr;
  }

  std::vector<NodeOptions> options;
  std::vector<std::unique_ptr<Node>> nodes;

 private:
  TestDirectory directory_;
};

inline Operation get_of(const Bytes& key) { return GetOperation{.bucket = "default", .key = key}; }
inline Operation put_of(const Bytes& key, const Bytes& value) {
  return WriteOperation{.bucket = "default", .key = key, .value = value};
}

inline std::vector<Reply> run(Client& client, std::vector<Operation> operations) {
  const auto batch = client.submit(std::move(operations));
  EXPECT_TRUE(batch->wait_for(kTestTimeout));
  return batch->done() ? batch->results() : std::vector<Reply>();
}

/// The values in a get's reply; one text "error: …" for anything else.
inline std::vector<Bytes> values_of(const Reply& reply) {
  if (const auto* error = std::get_if<ErrorReply>(&reply.outcome)) {
    return {"error: " + error->error.message};
  }
  const auto* got = std::get_if<GetReply>(&reply.outcome);
  if (got == nullptr) return {"error: not a get's reply"};
  std::vector<Bytes> values;
  if (got->object.empty()) return values;
  const auto object = decode_object(got->object);
  if (!object) return {"error: " + object.error().message};
  for (const Sibling& sibling : object->siblings()) values.push_back(sibling.payload.value);
  return values;
}

inline ErrorCode code_of(const Reply& reply) {
  const auto* error = std::get_if<ErrorReply>(&reply.outcome);
  return error == nullptr ? ErrorCode{} : error->error.code;
}

inline std::string text_of(const Reply& reply) {
  const auto* error = std::get_if<ErrorReply>(&reply.outcome);
  return error == nullptr ? "no error" : error->error.message;
}

}  // namespace dynakv

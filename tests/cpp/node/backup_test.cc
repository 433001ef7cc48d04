// A real node that was put back to a backup learns from its peers that its past is lost (B6).
#include <gtest/gtest.h>

#include <set>

#include "dynakv/adapters/system_identity.h"
#include "tests/cpp/node/test_cluster.h"

namespace dynakv {
namespace {

namespace fs = std::filesystem;

constexpr int kKeyCount = 100;

Bytes key(int i) { return "k" + std::to_string(i); }

/// As a backup tool does that writes into the directory that is there: its place stays the same.
void copy_into(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  for (const auto& entry : fs::directory_iterator(to)) {
    if (entry.path().filename() != kPlaceFileName) fs::remove_all(entry.path());
  }
  fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
}

class BackupNodes : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(cluster_.start()); }

  /// Writes every key, and returns the dots.
  std::set<Dot> write(Client& client, const Bytes& value) {
    std::vector<Operation> puts;
    for (int i = 0; i < kKeyCount; ++i) puts.push_back(put_of(key(i), value));
    std::set<Dot> dots;
    for (const Reply& reply : run(client, std::move(puts))) {
      EXPECT_EQ(text_of(reply), "no error");
      if (const auto* written = std::get_if<WriteReply>(&reply.outcome)) dots.insert(written->dot);
    }
    return dots;
  }

  void start_again() {
    ASSERT_NO_FATAL_FAILURE(cluster_.restart(1));
    ASSERT_TRUE(cluster_.nodes[1]->wait_ready(kTestTimeout, 2).has_value());
  }

  void expect_values(Client& client, const std::set<Bytes>& wanted) {
    std::vector<Operation> gets;
    for (int i = 0; i < kKeyCount; ++i) gets.push_back(get_of(key(i)));
    for (const Reply& reply : run(client, std::move(gets))) {
      const std::vector<Bytes> values = values_of(reply);
      ASSERT_EQ(std::set<Bytes>(values.begin(), values.end()), wanted);
    }
  }

  TestCluster cluster_{3, StorageKind::rocksdb};
  TestDirectory backup_;
};

TEST_F(BackupNodes, B6ANodePutBackToABackupGivesNoDotOutTwiceAndLosesNothing) {
  const fs::path data = cluster_.options[1].data_dir;
  std::set<Dot> dots = write(*cluster_.client(), "before");
  ASSERT_TRUE(cluster_.nodes[1]->stop().has_value());
  copy_into(data, backup_.path());
  ASSERT_NO_FATAL_FAILURE(start_again());
  std::set<Bytes> values{"before"};
  for (int round = 0; round < 4; ++round) {
    values.insert("round " + std::to_string(round));
    // A new client does not hesitate to ask the node that came back.
    for (const Dot& dot : write(*cluster_.client(), *values.rbegin())) {
      EXPECT_TRUE(dots.insert(dot).second) << "given out twice: " << to_string(dot);
    }
    EXPECT_GT(cluster_.nodes[1]->status().counters.at("writes"), 0u);
    ASSERT_TRUE(cluster_.nodes[1]->stop().has_value());
    copy_into(backup_.path(), data);
    ASSERT_NO_FATAL_FAILURE(start_again());
    EXPECT_GE(cluster_.nodes[1]->status().counters.at("rollbacks_found"), 1u);
    ASSERT_TRUE(wait_until([&] { return !cluster_.nodes[1]->status().recovering; }));
  }
  expect_values(*cluster_.client(), values);
}

}  // namespace
}  // namespace dynakv

// One node of the floor: the quorum flow.
//
// What: coordinates puts and gets of clients, and answers other coordinators.
//
// Why: the same messages as DynaKV's, with the least bookkeeping that can count to W and R.
//
// Invariants:
// 1. A request's place is reused only after every replica that was asked has answered, so that a
//    late answer never meets another request.
// 2. Owners of a key are the n nodes from hash(key) on.
//
// Source: DESIGN.md §6, without its failures.
#ifndef DYNAKV_BENCH_FLOOR_NODE_H_
#define DYNAKV_BENCH_FLOOR_NODE_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/floor.h"
#include "bench/floor_loop.h"
#include "bench/floor_store.h"

namespace dynakv::bench {

class FloorNode : public FloorHandler {
 public:
  // Takes over the listening socket.
  FloorNode(const FloorOptions& options, int index, int listener);

  // Before start(): takes over a socket connected with node `peer`.
  void add_peer(int peer, int fd);

  void start() { loop_.start(); }
  void stop() { loop_.stop(); }
  void flush_memtable() { store_.flush_memtable(); }
  void add_counters(FloorCounters* sum) const;
  std::uint64_t open_requests() const { return open_requests_; }

  void handle_frame(std::uint32_t connection, const FloorFrame& frame) override;
  void prepare_thread() override { FloorStore::prepare_thread(); }
  bool end_step() override;
  void sync() override { store_.sync(); }

 private:
  struct Request {
    std::uint32_t client = 0;  // Connection.
    std::uint32_t client_id = 0;
    FloorType reply = FloorType::kPutReply;
    int missing = 0;  // Answers until the reply.
    int asked = 0;    // Other replicas that have not answered.
    bool replied = false;
    bool has_value = false;  // Of a get: its own copy, or the fetched one, is in.
    bool found = true;
    std::uint64_t digest = 0;
    std::string value;
  };

  int first_owner(std::string_view key) const;
  bool owns(std::string_view key) const;
  std::uint32_t open_request(std::uint32_t client, const FloorFrame& frame);
  void coordinate_put(std::uint32_t client, const FloorFrame& frame);
  void coordinate_get(std::uint32_t client, const FloorFrame& frame);
  void set_value(Request* request, bool found, std::string_view value);
  void answer_read(std::uint32_t coordinator, const FloorFrame& frame);
  void handle_answer(const FloorFrame& frame);
  // Replies once W or R have answered; frees the request once all have.
  void reply_if_met(std::uint32_t id);

  const FloorOptions options_;
  const int index_;
  FloorStore store_;
  std::vector<std::uint32_t> peers_;  // Connection of each node.
  std::vector<Request> requests_;
  std::vector<std::uint32_t> free_requests_;
  std::string scratch_;
  std::atomic<std::uint64_t> records_written_{0};
  std::atomic<std::uint64_t> records_read_{0};
  std::atomic<std::uint64_t> store_reads_{0};
  std::atomic<std::uint64_t> digest_mismatches_{0};
  std::atomic<std::uint64_t> open_requests_{0};
  FloorLoop loop_;  // Last: its threads end before what they use.
};

}  // namespace dynakv::bench

#endif  // DYNAKV_BENCH_FLOOR_NODE_H_

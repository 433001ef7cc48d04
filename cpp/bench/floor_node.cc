#include "bench/floor_node.h"

#include <cstring>

namespace dynakv::bench {
namespace {

constexpr std::size_t kVersionBytes = sizeof(std::uint64_t);

std::string_view bytes_of(const std::uint64_t& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

std::uint64_t number_of(std::string_view bytes) {
  floor_require(bytes.size() >= sizeof(std::uint64_t), "number");
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

}  // namespace

FloorNode::FloorNode(const FloorOptions& options, int index, int listener)
    : options_(options),
      index_(index),
      store_(options, options.directory + "/floor-" + std::to_string(index)),
      peers_(static_cast<std::size_t>(options.nodes)),
      loop_(this, options.fsync_per_step) {
  loop_.set_listener(listener);
}

void FloorNode::add_peer(int peer, int fd) {
  peers_[static_cast<std::size_t>(peer)] = loop_.add_connection(fd);
}

void FloorNode::add_counters(FloorCounters* sum) const {
  sum->records_written += records_written_;
  sum->records_read += records_read_;
  sum->store_reads += store_reads_;
  sum->digest_mismatches += digest_mismatches_;
  sum->steps += loop_.counters().steps;
  sum->write_batches += loop_.counters().write_batches;
  sum->syncs += loop_.counters().syncs;
  sum->sends += loop_.counters().sends;
}

void FloorNode::handle_frame(std::uint32_t connection, const FloorFrame& frame) {
  switch (frame.type) {
    case FloorType::kPut:
      return coordinate_put(connection, frame);
    case FloorType::kGet:
      return coordinate_get(connection, frame);
    case FloorType::kStore:
      store_.put_record(frame.key, number_of(frame.body), frame.body.substr(kVersionBytes));
      add_to(&records_written_, 1);
      return loop_.send(connection, {.type = FloorType::kStored, .id = frame.id});
    case FloorType::kAsk:
    case FloorType::kFetch:
      return answer_read(connection, frame);
    case FloorType::kStored:
    case FloorType::kDigest:
    case FloorType::kValue:
      return handle_answer(frame);
    case FloorType::kPutReply:
    case FloorType::kGetReply:
      break;
  }
  floor_require(false, "frame type");
}

bool FloorNode::end_step() {
  store_reads_.store(store_.reads(), std::memory_order_relaxed);
  open_requests_.store(requests_.size() - free_requests_.size(), std::memory_order_release);
  return store_.write_batch();
}

int FloorNode::first_owner(std::string_view key) const {
  if (options_.n == options_.nodes) return 0;
  return static_cast<int>(mix64(hash_bytes(key)) % static_cast<unsigned>(options_.nodes));
}

bool FloorNode::owns(std::string_view key) const {
  return (index_ - first_owner(key) + options_.nodes) % options_.nodes < options_.n;
}

std::uint32_t FloorNode::open_request(std::uint32_t client, const FloorFrame& frame) {
  if (free_requests_.empty()) {
    free_requests_.push_back(static_cast<std::uint32_t>(requests_.size()));
    requests_.emplace_back();
  }
  const std::uint32_t id = free_requests_.back();
  free_requests_.pop_back();
  Request& request = requests_[id];
  const bool is_put = frame.type == FloorType::kPut;
  request.client = client;
  request.client_id = frame.id;
  request.reply = is_put ? FloorType::kPutReply : FloorType::kGetReply;
  request.missing = is_put ? options_.w : options_.r;
  request.asked = 0;
  request.replied = false;
  request.has_value = is_put;
  request.found = true;
  request.value.clear();
  return id;
}

void FloorNode::coordinate_put(std::uint32_t client, const FloorFrame& frame) {
  const std::uint32_t id = open_request(client, frame);
  Request& request = requests_[id];
  std::uint64_t version = 1;
  if (owns(frame.key)) {
    version = store_.put_value(frame.key, frame.body);
    add_to(&records_written_, 1);
    --request.missing;
  }
  scratch_.clear();
  encode_frame({.type = FloorType::kStore, .id = id, .key = frame.key, .body = bytes_of(version)},
               frame.body, &scratch_);
  const int first = first_owner(frame.key);
  for (int i = 0; i < options_.n; ++i) {
    const int owner = (first + i) % options_.nodes;
    if (owner == index_) continue;
    ++request.asked;
    loop_.send_encoded(peers_[static_cast<std::size_t>(owner)], scratch_);
  }
  reply_if_met(id);
}

void FloorNode::coordinate_get(std::uint32_t client, const FloorFrame& frame) {
  const std::uint32_t id = open_request(client, frame);
  Request& request = requests_[id];
  int others = options_.ask_only_r ? options_.r : options_.n;
  if (owns(frame.key)) {
    std::string_view value;
    const bool found = store_.get(frame.key, &value);
    add_to(&records_read_, 1);
    set_value(&request, found, value);
    --request.missing;
    --others;
  }
  FloorType type = request.has_value ? FloorType::kAsk : FloorType::kFetch;
  const int first = first_owner(frame.key);
  // Each coordinator begins with the owner after itself, so that asking R loads all alike.
  for (int i = 1; request.asked < others; ++i) {
    const int owner = (index_ + i) % options_.nodes;
    if ((owner - first + options_.nodes) % options_.nodes >= options_.n) continue;
    ++request.asked;
    loop_.send(peers_[static_cast<std::size_t>(owner)], {.type = type, .id = id, .key = frame.key});
    type = FloorType::kAsk;
  }
  reply_if_met(id);
}

void FloorNode::set_value(Request* request, bool found, std::string_view value) {
  request->has_value = true;
  request->found = found;
  request->value.assign(value);
  request->digest = found ? hash_bytes(value) : 0;
}

void FloorNode::answer_read(std::uint32_t coordinator, const FloorFrame& frame) {
  std::string_view value;
  const bool found = store_.get(frame.key, &value);
  add_to(&records_read_, 1);
  const std::uint64_t digest = found ? hash_bytes(value) : 0;
  const bool fetch = frame.type == FloorType::kFetch;
  loop_.send(coordinator, {.type = fetch ? FloorType::kValue : FloorType::kDigest,
                           .found = found,
                           .id = frame.id,
                           .body = fetch ? value : bytes_of(digest)});
}

void FloorNode::handle_answer(const FloorFrame& frame) {
  floor_require(frame.id < requests_.size() && requests_[frame.id].asked > 0, "answer");
  Request& request = requests_[frame.id];
  --request.asked;
  if (request.missing > 0) --request.missing;
  if (frame.type == FloorType::kValue) {
    set_value(&request, frame.found, frame.body);
  } else if (frame.type == FloorType::kDigest) {
    const bool equal = !request.has_value || number_of(frame.body) == request.digest;
    if (!equal) add_to(&digest_mismatches_, 1);
  }
  reply_if_met(frame.id);
}

void FloorNode::reply_if_met(std::uint32_t id) {
  Request& request = requests_[id];
  if (!request.replied && request.missing == 0 && request.has_value) {
    request.replied = true;
    loop_.send(request.client, {.type = request.reply,
                                .found = request.found,
                                .id = request.client_id,
                                .body = request.value});
  }
  if (request.asked == 0) free_requests_.push_back(id);
}

}  // namespace dynakv::bench

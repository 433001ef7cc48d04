// One non-blocking socket of the floor with its two buffers.
//
// What: reads what is there in one system call, yields frames, and writes what may leave in one.
//
// Why: the output buffer has marks instead of copies, because effects of a step are held until
// its batch is durable while the next steps already append theirs.
//
// Invariants:
// 1. sent <= released <= size of the output; marked <= size. Only bytes before `released` leave.
// 2. Frames from next_frame() are views that hold until the next receive().
//
// Source: PERFORMANCE.md §2.1 and §2.4.
#ifndef DYNAKV_BENCH_FLOOR_CONNECTION_H_
#define DYNAKV_BENCH_FLOOR_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/floor_wire.h"

namespace dynakv::bench {

// A socket that listens on a free loopback port, which is written to `port`.
int listen_on_loopback(std::uint16_t* port);

// A connected, still blocking socket.
int connect_to_loopback(std::uint16_t port);

class FloorConnection {
 public:
  FloorConnection(std::uint32_t id, int fd);  // Owns `fd`; makes it non-blocking, no delay.
  ~FloorConnection();
  FloorConnection(const FloorConnection&) = delete;
  FloorConnection& operator=(const FloorConnection&) = delete;

  std::uint32_t id() const { return id_; }
  int fd() const { return fd_; }

  // Reads once. Returns false where the peer has closed.
  bool receive();

  // Yields the next complete frame, or returns false.
  bool next_frame(FloorFrame* frame);

  void append(const FloorFrame& frame) { encode_frame(frame, &output_); }
  void append_encoded(const std::string& frames) { output_.append(frames); }

  void mark() { marked_ = output_.size(); }  // What is there now awaits the next sync.
  void release_marked() { released_ = marked_; }
  void release_all() { released_ = output_.size(); }

  // Sends the released bytes in one call, as far as the socket takes them. Returns false where
  // the peer is gone.
  bool flush();
  bool blocked() const { return sent_ < released_; }

  // Bookkeeping of the loop that owns the connection.
  bool dirty = false;  // Is in the list of connections with output of this step.
  bool awaits_writable = false;

 private:
  void drop_sent();

  std::uint32_t id_;
  int fd_;
  std::vector<char> input_;
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;
  std::string output_;
  std::size_t sent_ = 0;
  std::size_t released_ = 0;
  std::size_t marked_ = 0;
};

}  // namespace dynakv::bench

#endif  // DYNAKV_BENCH_FLOOR_CONNECTION_H_

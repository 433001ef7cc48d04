#include "bench/floor_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace dynakv::bench {
namespace {

constexpr int kEventsMax = 256;  // Per epoll_wait: more than the sockets of a benchmark's node.
// Tags of what is not a connection.
constexpr std::uint64_t kListenerTag = ~std::uint64_t{0};
constexpr std::uint64_t kStopTag = kListenerTag - 1;
constexpr std::uint64_t kSyncDoneTag = kListenerTag - 2;

void notify(int event) {
  const std::uint64_t one = 1;
  floor_require(::write(event, &one, sizeof(one)) == sizeof(one), "eventfd write");
}

void await(int event) {
  std::uint64_t count = 0;
  while (::read(event, &count, sizeof(count)) < 0) {
    floor_require(errno == EINTR, "eventfd read");
  }
}

}  // namespace

FloorLoop::FloorLoop(FloorHandler* handler, bool fsync_per_step)
    : handler_(handler),
      fsync_per_step_(fsync_per_step),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      stop_event_(::eventfd(0, EFD_CLOEXEC)),
      sync_start_(::eventfd(0, EFD_CLOEXEC)),
      sync_done_(::eventfd(0, EFD_CLOEXEC)) {
  floor_require(epoll_ >= 0 && stop_event_ >= 0 && sync_start_ >= 0 && sync_done_ >= 0, "epoll");
  watch(stop_event_, kStopTag, EPOLLIN, EPOLL_CTL_ADD);
  watch(sync_done_, kSyncDoneTag, EPOLLIN, EPOLL_CTL_ADD);
}

FloorLoop::~FloorLoop() {
  stop();
  connections_.clear();
  if (listener_ >= 0) ::close(listener_);
  for (const int fd : {epoll_, stop_event_, sync_start_, sync_done_}) ::close(fd);
}

void FloorLoop::watch(int fd, std::uint64_t tag, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  floor_require(::epoll_ctl(epoll_, operation, fd, &event) == 0, "epoll_ctl");
}

void FloorLoop::set_listener(int fd) {
  listener_ = fd;
  watch(fd, kListenerTag, EPOLLIN, EPOLL_CTL_ADD);
}

std::uint32_t FloorLoop::add_connection(int fd) {
  const auto id = static_cast<std::uint32_t>(connections_.size());
  connections_.push_back(std::make_unique<FloorConnection>(id, fd));
  watch(fd, id, EPOLLIN, EPOLL_CTL_ADD);
  return id;
}

void FloorLoop::start() {
  if (fsync_per_step_) syncer_ = std::thread([this] { run_syncer(); });
  thread_ = std::thread([this] { run(); });
}

void FloorLoop::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  notify(stop_event_);
  thread_.join();
  if (!syncer_.joinable()) return;
  notify(sync_start_);
  syncer_.join();
}

void FloorLoop::run() {
  handler_->prepare_thread();
  std::array<epoll_event, kEventsMax> events;
  while (!stopping_) {
    const int ready = ::epoll_wait(epoll_, events.data(), kEventsMax, -1);
    floor_require(ready >= 0 || errno == EINTR, "epoll_wait");
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      handle_event(event.data.u64, event.events);
    }
    finish_step();
  }
}

void FloorLoop::run_syncer() {
  for (;;) {
    await(sync_start_);
    if (stopping_) return;
    handler_->sync();
    notify(sync_done_);
  }
}

void FloorLoop::handle_event(std::uint64_t tag, std::uint32_t events) {
  if (tag == kStopTag) return;
  if (tag == kListenerTag) return accept_connections();
  if (tag == kSyncDoneTag) return finish_sync();
  const auto connection = static_cast<std::uint32_t>(tag);
  if ((events & EPOLLOUT) != 0) flush(connection);
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) receive_from(connection);
}

void FloorLoop::accept_connections() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      floor_require(errno == EAGAIN || errno == EINTR || errno == ECONNABORTED, "accept");
      return;
    }
    add_connection(fd);
  }
}

void FloorLoop::receive_from(std::uint32_t connection) {
  FloorConnection* source = connections_[connection].get();
  if (source == nullptr) return;
  if (!source->receive()) return close(connection);
  FloorFrame frame;
  while (source->next_frame(&frame)) handler_->handle_frame(connection, frame);
}

FloorConnection* FloorLoop::output_of(std::uint32_t connection) {
  FloorConnection* target = connections_[connection].get();
  if (target != nullptr && !target->dirty) {
    target->dirty = true;
    dirty_.push_back(connection);
  }
  return target;
}

void FloorLoop::send(std::uint32_t connection, const FloorFrame& frame) {
  if (FloorConnection* target = output_of(connection)) target->append(frame);
}

void FloorLoop::send_encoded(std::uint32_t connection, const std::string& frames) {
  if (FloorConnection* target = output_of(connection)) target->append_encoded(frames);
}

void FloorLoop::finish_step() {
  add_to(&counters_.steps, 1);
  const bool wrote = handler_->end_step();
  if (wrote) add_to(&counters_.write_batches, 1);
  if (sync_under_way_) {
    unsynced_ = unsynced_ || wrote;
    return;
  }
  const bool must_sync = fsync_per_step_ && (unsynced_ || wrote);
  for (const std::uint32_t connection : dirty_) {
    FloorConnection* target = connections_[connection].get();
    if (target == nullptr) continue;
    target->dirty = false;
    if (must_sync) {
      target->mark();
    } else {
      target->release_all();
      flush(connection);
    }
  }
  if (must_sync) {
    in_sync_.swap(dirty_);
    unsynced_ = false;
    sync_under_way_ = true;
    notify(sync_start_);
  }
  dirty_.clear();
}

void FloorLoop::finish_sync() {
  await(sync_done_);
  add_to(&counters_.syncs, 1);
  sync_under_way_ = false;
  for (const std::uint32_t connection : in_sync_) {
    if (connections_[connection] == nullptr) continue;
    connections_[connection]->release_marked();
    flush(connection);
  }
  in_sync_.clear();
}

void FloorLoop::flush(std::uint32_t connection) {
  FloorConnection* target = connections_[connection].get();
  if (target == nullptr) return;
  add_to(&counters_.sends, 1);
  if (!target->flush()) return close(connection);
  if (target->blocked() == target->awaits_writable) return;
  target->awaits_writable = target->blocked();
  watch(target->fd(), connection,
        target->awaits_writable ? std::uint32_t{EPOLLIN | EPOLLOUT} : std::uint32_t{EPOLLIN},
        EPOLL_CTL_MOD);
}

void FloorLoop::close(std::uint32_t connection) { connections_[connection].reset(); }

}  // namespace dynakv::bench

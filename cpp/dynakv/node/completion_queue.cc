#include "dynakv/node/completion_queue.h"

#ifdef __linux__
#include <sys/eventfd.h>
#else
#include <fcntl.h>
#endif
#include <unistd.h>

#include <cstdint>
#include <iterator>
#include <utility>

namespace dynakv {

CompletionQueue::CompletionQueue() {
#ifdef __linux__
  read_end_ = write_end_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
#else
  int ends[2];
  if (::pipe(ends) != 0) return;
  for (const int end : ends) {
    ::fcntl(end, F_SETFL, O_NONBLOCK);
    ::fcntl(end, F_SETFD, FD_CLOEXEC);
  }
  read_end_ = ends[0];
  write_end_ = ends[1];
#endif
}

CompletionQueue::~CompletionQueue() {
  if (read_end_ >= 0) ::close(read_end_);
  if (write_end_ != read_end_) ::close(write_end_);
}

void CompletionQueue::push(std::vector<std::shared_ptr<Batch>> finished) {
  if (finished.empty()) return;
  const std::lock_guard lock(mutex_);
  const bool was_empty = finished_.empty();
  finished_.insert(finished_.end(), std::make_move_iterator(finished.begin()),
                   std::make_move_iterator(finished.end()));
  const std::uint64_t one = 1;
  if (was_empty) (void)!::write(write_end_, &one, sizeof(one));
}

std::vector<std::shared_ptr<Batch>> CompletionQueue::drain() {
  const std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  if (!finished_.empty()) (void)!::read(read_end_, &count, sizeof(count));
  return std::exchange(finished_, {});
}

}  // namespace dynakv

#include "dynakv/node/batch.h"

#include <chrono>
#include <utility>

#include "dynakv/base/check.h"

namespace dynakv {

Batch::Batch(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Batch::~Batch() = default;

bool Batch::wait_for(Duration timeout) const {
  if (parts_->done.load(std::memory_order_acquire)) return true;
  if (timeout <= Duration{}) return false;
  std::unique_lock lock(parts_->mutex);
  return parts_->changed.wait_for(lock, std::chrono::nanoseconds(timeout.nanoseconds),
                                  [this] { return parts_->done.load(); });
}

const std::vector<Reply>& Batch::results() const {
  DYNAKV_CHECK(done());
  return parts_->results;
}

std::vector<Reply> Batch::take_results() {
  DYNAKV_CHECK(done());
  return std::move(parts_->results);
}

void Batch::cancel() {
  if (!done()) parts_->request_cancel();
}

std::size_t Batch::operation_count() const { return parts_->operation_count; }
std::uint64_t Batch::tag() const { return parts_->tag; }

}  // namespace dynakv

#include "dynakv/node/syncer.h"

#include <exception>
#include <string>
#include <utility>

#include "dynakv/base/check.h"

namespace dynakv {

Syncer::Syncer(DurableStore& store, std::function<void()> notify)
    : store_(store), notify_(std::move(notify)), thread_([this] { run(); }) {}

Syncer::~Syncer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Syncer::request() {
  DYNAKV_CHECK(!busy_);
  busy_ = true;
  {
    const std::lock_guard lock(mutex_);
    requested_ = true;
  }
  changed_.notify_all();
}

std::optional<Status> Syncer::take_result() {
  if (!busy_) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (result_) busy_ = false;
  return std::exchange(result_, std::nullopt);
}

Status Syncer::wait() {
  DYNAKV_CHECK(busy_);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return result_.has_value(); });
  busy_ = false;
  return *std::exchange(result_, std::nullopt);
}

Status Syncer::sync() {
  // A failed check throws where its handler does (in Python's module); it must not end the process
  // from here.
  try {
    return store_.sync();
  } catch (const std::exception& error) {
    return fail(ErrorCode::internal, std::string("the sync of the store failed: ") + error.what());
  }
}

void Syncer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return requested_ || stopping_; });
    if (stopping_) return;
    requested_ = false;
    lock.unlock();
    Status status = sync();
    lock.lock();
    result_ = std::move(status);
    lock.unlock();
    changed_.notify_all();
    notify_();
    lock.lock();
  }
}

}  // namespace dynakv

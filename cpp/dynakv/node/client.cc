#include "dynakv/node/client.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "dynakv/adapters/asio_transport.h"
#include "dynakv/adapters/system_clock.h"
#include "dynakv/adapters/system_identity.h"
#include "dynakv/node/client_loop.h"

namespace dynakv {
namespace {

/// Longest wait for members that do not answer, once the layout is known: the others can serve.
constexpr Duration kSettleTimeMax = milliseconds(500);
constexpr Duration kWaitSlice = milliseconds(20);

Error no_nodes(const std::vector<std::string>& contact_points, const ClientBoard& board) {
  std::string text = "no contact point gave a layout:";
  for (const std::string& address : contact_points) {
    const auto found = board.contact_errors.find(address);
    text += "\n  " + address + ": " +
            (found == board.contact_errors.end() ? "no answer, or the node is in no cluster yet"
                                                 : found->second);
  }
  return {ErrorCode::no_nodes_available, std::move(text)};
}

}  // namespace

struct Client::Parts {
  Parts(std::vector<std::string> contact_points, const ClientOptions& options)
      : loop(std::move(contact_points), options, Random(system_random_seed())),
        thread([this] { loop.run(); }) {}
  ~Parts() { end(); }

  static std::shared_ptr<Batch> submit(const std::shared_ptr<Parts>& self,
                                       std::unique_ptr<Batch::Parts> batch_parts);

  void end() {
    loop.request_end();
    const std::lock_guard lock(end_mutex);
    if (thread.joinable()) thread.join();
  }

  ClientLoop loop;
  std::mutex end_mutex;
  std::thread thread;
};

Result<std::unique_ptr<Client>> Client::connect(std::vector<std::string> contact_points,
                                                ClientOptions options, Duration connect_timeout) {
  if (const Status valid = validate(options); !valid) return fail(valid.error());
  if (contact_points.empty()) {
    return fail(ErrorCode::invalid_argument, "a client needs at least one contact point");
  }
  for (const std::string& address : contact_points) {
    if (const Status valid = validate_address(address); !valid) return fail(valid.error());
  }
  auto parts = std::make_shared<Parts>(contact_points, options);
  const Instant start = system_now().steady;
  Instant layout_at = Instant::far_future();
  for (;;) {
    const bool connected = parts->loop.wait_connected(kWaitSlice);
    const ClientBoard board = parts->loop.board();
    const Instant now = system_now().steady;
    if (board.layout != nullptr) layout_at = std::min(layout_at, now);
    const bool late = now - start >= connect_timeout;
    if (connected || (board.layout != nullptr && (late || now - layout_at >= kSettleTimeMax))) {
      if (board.ended) return fail(ErrorCode::internal, "the client's thread has ended");
      return std::unique_ptr<Client>(new Client(std::move(parts)));
    }
    if (late) return fail(no_nodes(contact_points, board));
  }
}

Client::Client(std::shared_ptr<Parts> parts) : parts_(std::move(parts)) {}

Client::~Client() { close(); }

std::shared_ptr<Batch> Client::Parts::submit(const std::shared_ptr<Parts>& self,
                                             std::unique_ptr<Batch::Parts> batch_parts) {
  auto batch = std::make_shared<Batch>(std::move(batch_parts));
  // Both may be gone when a caller cancels.
  batch->parts_->request_cancel = [client = std::weak_ptr<Parts>(self),
                                   weak = std::weak_ptr<Batch>(batch)] {
    const auto parts = client.lock();
    auto locked = weak.lock();
    if (parts != nullptr && locked != nullptr) parts->loop.cancel(std::move(locked));
  };
  self->loop.submit(batch);
  return batch;
}

std::shared_ptr<Batch> Client::submit(std::vector<Operation> operations) {
  return Parts::submit(parts_, std::make_unique<Batch::Parts>(std::move(operations), 0, false));
}

std::shared_ptr<Batch> Client::submit(std::vector<Operation> operations, std::uint64_t tag) {
  return Parts::submit(parts_, std::make_unique<Batch::Parts>(std::move(operations), tag, true));
}

int Client::completion_fd() const { return parts_->loop.completions().descriptor(); }

std::vector<std::shared_ptr<Batch>> Client::drain() { return parts_->loop.completions().drain(); }

NodeId Client::id() const { return parts_->loop.id(); }

std::shared_ptr<const Layout> Client::layout() const { return parts_->loop.board().layout; }

std::size_t Client::in_flight() const { return parts_->loop.in_flight(); }

ClientCounters Client::counters() const { return parts_->loop.board().counters; }

void Client::forget_flow(FlowId flow) { parts_->loop.forget_flow(flow); }

void Client::close() { parts_->end(); }

}  // namespace dynakv

#include "dynakv/node/client_loop.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "dynakv/adapters/system_clock.h"
#include "dynakv/protocol/request_error.h"

namespace dynakv {
namespace {

ErrorReply ended(const Operation& operation, const std::string& why, bool started) {
  const bool is_write = std::holds_alternative<WriteOperation>(operation);
  return {.error = {ErrorCode::closed, why}, .in_doubt = started && is_write};
}

}  // namespace

ClientLoop::ClientLoop(std::vector<std::string> contact_points, const ClientOptions& options,
                       Random random)
    : contact_points_(std::move(contact_points)),
      session_(options, random.stream("session")),
      id_(session_.id()),
      links_(reactor_, {}, *this, random.stream("links")) {}

void ClientLoop::run() {
  try {
    links_.set_contacts(contact_points_);
    session_.open(link_now(), out_);
    end_turn();
    while (!end_requested_.load()) {
      now_.reset();
      reactor_.run_turn();
      end_turn();
    }
    now_.reset();
    session_.close(link_now(), out_);
    perform_effects();
  } catch (const std::exception&) {
    // A check failed in the session: what is in flight ends below, nothing is started any more.
  }
  close();
}

void ClientLoop::end_turn() {
  do {
    run_timers();
    follow_layout();
    perform_effects();
    links_.transport().flush();
  } while (!out_.empty());
  completions_.push(std::exchange(finished_, {}));
  publish();
  const Instant next = std::min(timers_.next(), links_.next_timer());
  if (next != Instant::far_future()) reactor_.set_alarm(next, system_now().steady);
}

Now ClientLoop::link_now() {
  if (!now_) now_ = system_now();
  return *now_;
}

void ClientLoop::run_timers() {
  const Now now = link_now();
  while (const auto timer = timers_.take_due(now.steady)) session_.handle_timer(now, *timer, out_);
  links_.run_timers(now.steady);
}

void ClientLoop::handle_peer_up(const Hello& hello) {
  session_.handle_peer_up(link_now(), hello, out_);
  changed_ = true;
}

void ClientLoop::handle_peer_down(const NodeId& peer) {
  ++counters_.disconnects;
  session_.handle_peer_down(link_now(), peer, out_);
}

void ClientLoop::handle_peer_message(const NodeId& from, Message&& message) {
  session_.handle_message(link_now(), from, std::move(message), out_);
}

void ClientLoop::handle_dial_failed(const std::string& address, const std::string& reason) {
  changed_ = true;
  if (layout_ == nullptr) contact_errors_[address] = reason;
}

void ClientLoop::follow_layout() {
  const std::uint64_t revision = session_.layout_revision();
  if (std::exchange(followed_layout_, revision) == revision) return;
  layout_ = std::make_shared<const Layout>(*session_.layout());
  std::vector<Links::Target> targets;
  for (const Member& member : layout_->members) targets.push_back({member.id, member.address});
  links_.set_targets(targets);
  links_.set_contacts({});
  changed_ = true;
}

void ClientLoop::post(Mailbox::Task task) {
  if (mailbox_.post(std::move(task))) reactor_.wake();
}

void ClientLoop::submit(std::shared_ptr<Batch> batch) {
  in_flight_.fetch_add(batch->parts_->operation_count, std::memory_order_relaxed);
  post([this, batch = std::move(batch)](bool running) {
    if (running) return start(batch);
    Batch::Parts& parts = *batch->parts_;
    in_flight_.fetch_sub(parts.operation_count, std::memory_order_relaxed);
    for (std::size_t i = 0; i < parts.results.size(); ++i) {
      parts.results[i] = {OperationId{i},
                          ended(parts.operations[i], "the client is closed", false)};
    }
    parts.finish();
    if (parts.tagged) completions_.push({batch});
  });
}

void ClientLoop::cancel(std::shared_ptr<Batch> batch) {
  post([this, batch = std::move(batch)](bool running) {
    if (running) cancel_started(batch);
  });
}

void ClientLoop::forget_flow(FlowId flow) {
  post([this, flow](bool running) {
    if (running) session_.forget_flow(flow);
  });
}

void ClientLoop::request_end() {
  end_requested_.store(true);
  reactor_.wake();
}

void ClientLoop::start(const std::shared_ptr<Batch>& batch) {
  Batch::Parts& parts = *batch->parts_;
  if (parts.operations.empty()) {
    parts.finish();
    if (parts.tagged) finished_.push_back(batch);
  }
  parts.started.resize(parts.operations.size());
  counters_.operations_started += parts.operations.size();
  for (std::size_t i = 0; i < parts.operations.size(); ++i) {
    const OperationId id{++operation_count_};
    parts.started[i] = id;
    places_.emplace(to_number(id), Place{batch, i});
    std::visit([&](auto& operation) { session_.start(link_now(), id, std::move(operation), out_); },
               parts.operations[i]);
  }
}

void ClientLoop::cancel_started(const std::shared_ptr<Batch>& batch) {
  Batch::Parts& parts = *batch->parts_;
  // A copy: the batch may end, and its owner move it away, with the last of them.
  const std::vector<OperationId> started = parts.started;
  for (std::size_t i = 0; i < started.size(); ++i) {
    if (!places_.contains(to_number(started[i]))) continue;
    session_.cancel(started[i], out_);
    end_operation({started[i], ended(parts.operations[i], "the operation was cancelled", true)});
  }
}

void ClientLoop::perform_effects() {
  for (Effect& effect : out_.take()) {
    if (auto* to_send = std::get_if<Send>(&effect)) {
      send(*to_send);
    } else if (auto* reply = std::get_if<Reply>(&effect)) {
      end_operation(std::move(*reply));
    } else if (const auto* timer = std::get_if<SetTimer>(&effect)) {
      timers_.set(timer->timer, timer->at);
    } else if (const auto* cancelled = std::get_if<CancelTimer>(&effect)) {
      timers_.cancel(cancelled->timer);
    }
  }
}

void ClientLoop::send(Send& effect) {
  for (const NodeId& to : effect.to) {
    Bytes* output = links_.output(to);
    if (output == nullptr || encode_message(effect.message, *output)) continue;
    // Larger than any node takes: answered here, as the node would.
    auto answer = answer_to_too_large(effect.message.body);
    if (!answer || !answer->is_for_sender) continue;
    session_.handle_message(link_now(), to, {effect.message.id, std::move(answer->body)}, out_);
  }
}

void ClientLoop::end_operation(Reply reply) {
  const auto found = places_.find(to_number(reply.operation));
  if (found == places_.end()) return;
  const Place place = std::move(found->second);
  places_.erase(found);
  finish_place(place, std::move(reply));
}

void ClientLoop::finish_place(const Place& place, Reply reply) {
  ++counters_.operations_ended;
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  Batch::Parts& parts = *place.batch->parts_;
  reply.operation = OperationId{place.index};
  parts.results[place.index] = std::move(reply);
  if (--parts.waiting > 0) return;
  parts.finish();
  if (parts.tagged) finished_.push_back(place.batch);
}

void ClientLoop::publish() {
  const std::lock_guard lock(board_mutex_);
  counters_.wakes = reactor_.counters().wakes;
  board_.counters = counters_;
  if (!std::exchange(changed_, false)) return;
  board_.layout = layout_;
  board_.contact_errors = contact_errors_;
  board_.connected = layout_ != nullptr && links_.up_count() > 0 && links_.targets_are_settled();
  board_changed_.notify_all();
}

void ClientLoop::close() {
  // After a failed check the session may have forgotten some.
  for (auto& [id, place] : std::exchange(places_, {})) {
    const Operation& operation = place.batch->parts_->operations[place.index];
    finish_place(place, {OperationId{id}, ended(operation, "the client was closed", true)});
  }
  completions_.push(std::exchange(finished_, {}));
  mailbox_.close();
  links_.transport().close_all();
  changed_ = true;
  publish();
  const std::lock_guard lock(board_mutex_);
  board_.ended = true;
  board_changed_.notify_all();
}

bool ClientLoop::wait_connected(Duration timeout) const {
  std::unique_lock lock(board_mutex_);
  return board_changed_.wait_for(lock, std::chrono::nanoseconds(timeout.nanoseconds),
                                 [this] { return board_.connected || board_.ended; });
}

ClientBoard ClientLoop::board() const {
  const std::lock_guard lock(board_mutex_);
  return board_;
}

}  // namespace dynakv

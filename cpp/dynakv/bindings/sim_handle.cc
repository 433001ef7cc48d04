#include "dynakv/bindings/sim_handle.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "dynakv/bindings/bind_errors.h"

namespace dynakv {
namespace {

namespace py = pybind11;

// Events between two looks at signals: a few milliseconds.
constexpr std::uint64_t kStepsPerSignalCheck = 1024;

// A batch ends at its deadline at the latest; this is for the end of a failing core.
constexpr Duration kPatience = seconds(7 * 86400);

class SimBatch final : public BatchHandle {
 public:
  SimBatch(std::shared_ptr<SimClient> client, std::vector<OperationId> operations,
           Requested requested)
      : BatchHandle(std::move(requested)), client_(std::move(client)) {
    for (const OperationId id : operations) waiting_.push_back({id, std::nullopt});
  }

  void wait() override {
    SimHandle& simulation = client_->simulation();
    simulation.run(simulation.simulation().now() + kPatience, [this] { return collect(); });
  }
  // Virtual time stands still until somebody runs it: there is nothing to wait for.
  void cancel() override {}
  bool is_done() const override { return collect(); }

 private:
  struct Waiting {
    OperationId id{};
    std::optional<Reply> reply;
  };

  /// Takes the replies that have come; true when all have.
  bool collect() const {
    while (next_ < waiting_.size()) {
      Waiting& first = waiting_[next_];
      first.reply = client_->simulation().simulation().take_reply(first.id);
      if (!first.reply) return false;
      first.reply->operation = static_cast<OperationId>(next_++);
      client_->note_ended();
      wall_ = client_->wall();
    }
    return true;
  }

  std::vector<Reply> take_replies() override {
    std::vector<Reply> replies;
    for (Waiting& each : waiting_) replies.push_back(std::move(*each.reply));
    return replies;
  }
  std::shared_ptr<const Layout> layout() const override { return client_->layout()->shared(); }
  std::optional<WallTime> wall() const override { return wall_; }

  std::shared_ptr<SimClient> client_;
  mutable std::vector<Waiting> waiting_;
  mutable std::size_t next_ = 0;
  mutable std::optional<WallTime> wall_;
};

}  // namespace

SimHandle::SimHandle(SimulationOptions options)
    : simulation_(std::move(options)),
      layout_(std::make_shared<LayoutView>(std::make_shared<const Layout>(simulation_.layout()))) {}

bool SimHandle::run(Instant until, const std::function<bool()>& condition) {
  while (!condition()) {
    if (!step(until)) return condition();
  }
  return true;
}

bool SimHandle::step(Instant until) {
  if (++steps_ % kStepsPerSignalCheck == 0) check_signals();
  const bool ran = simulation_.step(until);
  if (!due_.empty()) run_due();
  return ran;
}

void SimHandle::at(Instant when, std::uint64_t number) {
  simulation_.at(when, [this, number] { due_.push_back(number); });
}

void SimHandle::run_due() {
  const std::vector<std::uint64_t> numbers = std::exchange(due_, {});
  const py::object run = runner_();
  if (!run.is_none()) run(py::cast(numbers));
}

SimClient::SimClient(std::shared_ptr<SimHandle> simulation)
    : simulation_(std::move(simulation)), index_(simulation_->simulation().add_client()) {}

SharedBatch SimClient::submit(std::vector<Operation> operations, Requested requested) {
  if (is_closed_) raise_error({ErrorCode::closed, "the client is closed; take another one"});
  std::vector<OperationId> ids;
  ids.reserve(operations.size());
  in_flight_ += operations.size();
  counters_.operations_started += operations.size();
  for (Operation& operation : operations) {
    ids.push_back(simulation_->simulation().start(index_, std::move(operation)));
  }
  return std::make_shared<SimBatch>(shared_from_this(), std::move(ids), std::move(requested));
}

void SimClient::forget_flow(FlowId flow) {
  simulation_->simulation().session(index_).forget_flow(flow);
}

int SimClient::completion_fd() const {
  raise_error(
      {ErrorCode::invalid_argument,
       "a simulated client has no event loop; use its sync verbs, start_get and start_put"});
}

void SimClient::note_ended() {
  --in_flight_;
  ++counters_.operations_ended;
}

}  // namespace dynakv

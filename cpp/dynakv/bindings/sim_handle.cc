#include "dynakv/bindings/sim_handle.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "dynakv/bindings/bind_errors.h"
#include "dynakv/bindings/process_life.h"

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
      : BatchHandle(std::move(requested)),
        client_(std::move(client)),
        operations_(std::move(operations)) {}

  void wait() override {
    SimHandle& simulation = client_->simulation();
    simulation.run(simulation.simulation().now() + kPatience, [this] { return collect(); });
  }
  // Virtual time stands still until somebody runs it: there is nothing to wait for.
  void cancel() override {}
  bool is_done() const override { return collect(); }

 private:
  /// True when all replies have come.
  bool collect() const {
    const SimHandle& simulation = client_->simulation();
    for (; next_ < operations_.size(); ++next_) {
      const SimRecord& record = simulation.record(operations_[next_]);
      if (!record.reply) return false;
      client_->note_ended();
      wall_ = record.wall;
    }
    return true;
  }

  std::vector<Reply> take_replies() override {
    std::vector<Reply> replies;
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      replies.push_back(*client_->simulation().record(operations_[i]).reply);
      replies.back().operation = static_cast<OperationId>(i);
    }
    return replies;
  }
  std::shared_ptr<const Layout> layout() const override { return client_->layout()->shared(); }
  std::optional<WallTime> wall() const override { return wall_; }

  std::shared_ptr<SimClient> client_;
  std::vector<OperationId> operations_;
  mutable std::size_t next_ = 0;
  mutable std::optional<WallTime> wall_;
};

}  // namespace

SimHandle::SimHandle(SimulationOptions options)
    : simulation_(std::move(options)),
      layout_(std::make_shared<LayoutView>(std::make_shared<const Layout>(simulation_.layout()))) {
  simulation_.on_reply = [this](int client, const Reply& reply) { note_reply(client, reply); };
}

void SimHandle::apply(SimCall call) {
  const auto entry =
      std::make_shared<const SimLogEntry>(SimLogEntry{point_of(simulation_), std::move(call)});
  log_.push_back(entry);
  entry->call(*this);
}

int SimHandle::add_client() {
  const int index = simulation_.host_count() - simulation_.node_count();
  apply([](SimHandle& handle) { handle.simulation().add_client(); });
  return index;
}

OperationId SimHandle::start(int client, Operation operation) {
  const OperationId id = simulation_.next_operation();
  apply([client, operation = std::move(operation)](SimHandle& handle) {
    handle.begin(client, operation);
  });
  return id;
}

void SimHandle::begin(int client, Operation operation) {
  const Instant now = simulation_.now();
  // The reply may come at once, so the record is there before.
  records_.push_back({client, operation, now, now, {}, std::nullopt});
  simulation_.start(client, std::move(operation));
}

void SimHandle::note_reply(int client, const Reply& reply) {
  SimRecord& record = records_[static_cast<std::size_t>(reply.operation) - 1];
  record.ended = simulation_.now();
  record.wall = simulation_.wall_of(simulation_.node_count() + client);
  record.reply = reply;
}

SimSnapshot SimHandle::snapshot() {
  return {simulation_.options(), log_, point_of(simulation_), simulation_.trace_hash()};
}

std::shared_ptr<SimHandle> SimHandle::fork(const SimSnapshot& snapshot) {
  auto fork = std::make_shared<SimHandle>(snapshot.options);
  const auto run_to = [&fork](const SimPoint& point) {
    for (bool reached = false; !reached;) {
      {
        const WithoutGil section;
        reached = run_towards(fork->simulation_, point, kStepsPerSignalCheck);
      }
      if (!reached) check_signals();
    }
  };
  for (const auto& entry : snapshot.log) {
    run_to(entry->at);
    fork->apply(entry->call);
  }
  run_to(snapshot.at);
  fork->due_.clear();
  const SimPoint reached = point_of(fork->simulation_);
  if (fork->simulation_.trace_hash() != snapshot.trace_hash ||
      reached.events != snapshot.at.events || reached.now != snapshot.at.now) {
    raise_error({ErrorCode::internal, "the same calls gave another run; please report this seed"});
  }
  return fork;
}

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
  apply([when, number](SimHandle& handle) {
    handle.simulation_.at(when, [&handle, number] { handle.due_.push_back(number); });
  });
}

void SimHandle::run_due() {
  const std::vector<std::uint64_t> numbers = std::exchange(due_, {});
  const py::object run = runner_();
  if (!run.is_none()) run(py::cast(numbers));
}

SimClient::SimClient(std::shared_ptr<SimHandle> simulation)
    : simulation_(std::move(simulation)), index_(simulation_->add_client()) {}

SimClient::SimClient(std::shared_ptr<SimHandle> simulation, int index)
    : simulation_(std::move(simulation)), index_(index) {}

SharedBatch SimClient::submit(std::vector<Operation> operations, Requested requested) {
  if (is_closed_) raise_error({ErrorCode::closed, "the client is closed; take another one"});
  std::vector<OperationId> ids;
  ids.reserve(operations.size());
  in_flight_ += operations.size();
  counters_.operations_started += operations.size();
  for (Operation& operation : operations) {
    ids.push_back(simulation_->start(index_, std::move(operation)));
  }
  return std::make_shared<SimBatch>(shared_from_this(), std::move(ids), std::move(requested));
}

void SimClient::forget_flow(FlowId flow) {
  simulation_->apply([index = index_, flow](SimHandle& handle) {
    handle.simulation().session(index).forget_flow(flow);
  });
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

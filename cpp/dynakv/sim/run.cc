#include "dynakv/sim/run.h"

#include <algorithm>
#include <utility>

#include "dynakv/sim/fault_injector.h"
#include "dynakv/sim/perturbations.h"

namespace dynakv {
namespace {

constexpr Duration kDiskCheckInterval = seconds(10);
/// After the heal: nodes come up, connections are made, deadlines of old requests pass.
constexpr Duration kHealTime = seconds(40);
/// From here on, every deadline is long enough for a healthy cluster.
constexpr Duration kFinalReadTimeoutMin = seconds(2);
/// After the last reads: repairs and late hints arrive.
constexpr Duration kSettleTime = seconds(20);

Plan as_perturbed(Plan plan) {
  perturb(plan.perturbations, plan.simulation);
  return plan;
}

class Run {
 public:
  explicit Run(const Plan& plan)
      : plan_(as_perturbed(plan)),
        points_before_(point_counts()),
        simulation_(plan_.simulation),
        oracle_(simulation_, plan_),
        faults_(plan_, simulation_, oracle_) {
    for (int key = 0; key < plan.key_count; ++key) keys_.push_back(key_name(plan, key));
  }

  RunResult run(const std::function<bool()>& goes_on);

 private:
  void schedule();
  void perform(const PlannedOperation& operation);
  void final_reads();
  void read_all_keys();
  /// No node has a request in flight, or waits for a late owner of one.
  bool is_idle() const;
  std::uint64_t repairs_and_hints() const;
  void check_membership();

  const Plan plan_;
  PointCounts points_before_;
  Simulation simulation_;
  Oracle oracle_;
  FaultInjector faults_;
  std::vector<Bytes> keys_;
  std::uint64_t value_count_ = 0;
  bool is_reading_at_end_ = false;
};

RunResult Run::run(const std::function<bool()>& goes_on) {
  simulation_.on_reply = [this](int, const Reply& reply) { oracle_.reply_came(reply); };
  simulation_.on_crash = [this](int) { oracle_.note_recognised(); };
  simulation_.on_send = [this](int from, int, const Message& message) {
    oracle_.message_sent(from, message);
  };
  for (int i = 0; i < plan_.client_count; ++i) simulation_.add_client();
  schedule();
  while (simulation_.now() < Instant{} + plan_.length) {
    if (goes_on && !goes_on()) return {};
    simulation_.run_for(kDiskCheckInterval);
    oracle_.check_disks();
  }
  faults_.heal();
  simulation_.run_for(kHealTime);
  final_reads();
  check_membership();
  oracle_.check_end();

  RunResult result;
  result.violations = oracle_.violations();
  if (!result.violations.empty()) {
    const bool only_liveness =
        std::all_of(result.violations.begin(), result.violations.end(),
                    [](const Violation& v) { return v.invariant == "liveness"; });
    result.kind = only_liveness ? RunKind::liveness : RunKind::safety;
  }
  result.trace_hash = simulation_.trace_hash();
  result.event_count = simulation_.event_count();
  result.acked_writes = oracle_.acked_writes();
  result.answered_gets = oracle_.answered_gets();
  result.failed_operations = oracle_.failed_operations();
  result.store_calls = faults_.store_call_count();
  result.messages = simulation_.network().counters().sent;
  result.virtual_time = simulation_.now() - Instant{};
  result.trace = simulation_.trace_log();
  result.points = point_counts();
  for (std::size_t i = 0; i < kPointCount; ++i) {
    result.points[i] -= points_before_[i];
  }
  return result;
}

void Run::schedule() {
  for (const PlannedOperation& operation : plan_.operations) {
    simulation_.at(operation.at, [this, &operation] { perform(operation); });
  }
  faults_.schedule();
}

void Run::perform(const PlannedOperation& planned) {
  PlannedOperation operation = planned;
  const Bytes& key = keys_[static_cast<std::size_t>(operation.key)];
  const Bytes value = "v" + std::to_string(++value_count_);
  const bool is_blind = operation.kind == PlannedKind::blind_put;
  const auto flow = static_cast<FlowId>(is_blind ? 0 : operation.client + 1);
  if (operation.kind == PlannedKind::remove && !oracle_.flow_saw(flow, key)) {
    // A delete without a context takes what its coordinator reads, which the oracle is not told.
    operation.kind = PlannedKind::get;
    operation.quorum = QuorumSize::bucket_default();
  }
  OperationOptions options;
  options.quorum = operation.quorum;
  options.timeout = operation.timeout;
  options.flow = flow;
  if (is_reading_at_end_) options.read_repair = ReadRepair::background;
  SimOperation what;
  if (operation.kind == PlannedKind::get) {
    what = GetOperation{Bytes(kDefaultBucket), key, options};
  } else {
    WriteOperation write;
    write.bucket = Bytes(kDefaultBucket);
    write.key = key;
    write.value = value;
    write.options = options;
    if (operation.kind == PlannedKind::remove) write.kind = WriteKind::remove;
    if (operation.kind == PlannedKind::overwrite) write.precondition = Precondition::overwrite;
    if (operation.kind == PlannedKind::if_absent) write.precondition = Precondition::if_absent;
    what = std::move(write);
  }
  // The operation may end at once, so it is announced before it starts.
  const OperationId id = simulation_.next_operation();
  oracle_.operation_started(id, {operation, key, value, flow, {}});
  simulation_.start(operation.client, std::move(what));
}

void Run::read_all_keys() {
  PlannedOperation read;
  read.timeout = std::max(plan_.simulation.client.timeout, kFinalReadTimeoutMin);
  for (int key = 0; key < plan_.key_count; ++key) {
    read.key = key;
    read.client = key % plan_.client_count;
    perform(read);
    // One after the other: where few reads may wait for late owners, each must have its turn.
    simulation_.run_until([this] { return oracle_.pending_count() == 0; },
                          read.timeout + seconds(1));
    simulation_.run_for(plan_.simulation.protocol.coordinators.hint_timeout);
    simulation_.run_until([this] { return is_idle(); }, seconds(2));
  }
  simulation_.run_for(read.timeout + kSettleTime);
}

bool Run::is_idle() const {
  for (int i = 0; i < simulation_.node_count(); ++i) {
    const SimNode& node = simulation_.node(i);
    if (node.is_running() && node.core().counters().at("in_flight") != 0) return false;
  }
  return true;
}

std::uint64_t Run::repairs_and_hints() const {
  std::uint64_t sum = 0;
  for (int i = 0; i < simulation_.node_count(); ++i) {
    if (!simulation_.node(i).is_running()) continue;
    const auto counters = simulation_.node(i).core().counters();
    sum += counters.at("read_repairs") + counters.at("hints_made");
  }
  return sum;
}

// At the end, clients are shown what the disks together hold. The first reading repairs the copies
// that still differ, and the second finds nothing left to repair (I7, I19).
void Run::final_reads() {
  is_reading_at_end_ = true;
  read_all_keys();
  oracle_.check_convergence();
  const std::uint64_t before = repairs_and_hints();
  read_all_keys();
  // A damaged copy answers with an error for ever, and is sent what it lacks each time.
  if (!plan_.has(FaultKind::damage) && repairs_and_hints() != before) {
    oracle_.report("I19", "a healed cluster at rest still repairs");
  }
  for (int i = 0; i < simulation_.node_count(); ++i) {
    if (!simulation_.node(i).is_running()) continue;
    if (simulation_.node(i).core().counters().at("in_flight") != 0) {
      oracle_.report("I23", "node " + std::to_string(i) + " still has requests in flight");
    }
  }
}

// Long after the healing, each node knows the last life of every other.
void Run::check_membership() {
  for (int i = 0; i < simulation_.node_count(); ++i) {
    for (int j = 0; j < simulation_.node_count(); ++j) {
      const SimNode& at = simulation_.node(i);
      const SimNode& other = simulation_.node(j);
      if (i == j || !at.has_layout() || !other.has_layout()) continue;
      const MemberState* state = at.core().membership().find(other.id());
      const bool is_known = state && state->at.incarnation == other.core().incarnation();
      if (is_known && !at.core().is_suspect(other.id())) continue;
      oracle_.report("I16", other.name() + " is suspect or in an old life at " + at.name());
    }
  }
}

}  // namespace

RunResult run_plan(const Plan& plan, const std::function<bool()>& goes_on) {
  return Run(plan).run(goes_on);
}

}  // namespace dynakv

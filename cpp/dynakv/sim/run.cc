#include "dynakv/sim/run.h"

#include <algorithm>
#include <utility>

namespace dynakv {
namespace {

constexpr Duration kDiskCheckInterval = seconds(10);
/// After the heal: nodes come up, connections are made, deadlines of old requests pass.
constexpr Duration kHealTime = seconds(40);
/// After the last reads: repairs and late hints arrive.
constexpr Duration kSettleTime = seconds(20);

class Run {
 public:
  explicit Run(const Plan& plan)
      : plan_(plan),
        points_before_(sometimes_counts),
        simulation_(plan.simulation),
        oracle_(simulation_, plan) {
    backups_.resize(static_cast<std::size_t>(simulation_.node_count()));
    for (int key = 0; key < plan.key_count; ++key) keys_.push_back(key_name(plan, key));
  }

  RunResult run(const std::function<bool()>& goes_on);

 private:
  void schedule();
  void perform(const PlannedOperation& operation);
  void inject(const PlannedFault& fault);
  void inject_on_node(const PlannedFault& fault);
  void start_again(int node);
  void restart_later(int node, Duration delay);
  void restore_backup(int node, Duration age);
  void clone(int node, CloneSource source);
  void take_backups();
  void restart_failed_nodes();
  void cut(const std::vector<int>& group, Duration lasts);
  void heal();
  void final_reads();
  void read_all_keys();
  /// No node has a request in flight, or waits for a late owner of one.
  bool is_idle() const;
  std::uint64_t repairs_and_hints() const;
  void check_membership();

  const Plan& plan_;
  SometimesCounts points_before_;
  CallFault store_calls_;
  Simulation simulation_;
  Oracle oracle_;
  std::vector<Bytes> keys_;
  std::uint64_t value_count_ = 0;
  /// Of each node: its durable state at the last whole seconds.
  std::vector<std::vector<std::pair<Instant, SimDisk::Image>>> backups_;
  bool healed_ = false;
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
  heal();
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
  result.store_calls = store_calls_.count;
  result.messages = simulation_.network().counters().sent;
  result.virtual_time = simulation_.now() - Instant{};
  result.trace = simulation_.trace_log();
  for (std::size_t i = 0; i < kSometimesCount; ++i) {
    result.points[i] = sometimes_counts[i] - points_before_[i];
  }
  return result;
}

void Run::schedule() {
  for (const PlannedOperation& operation : plan_.operations) {
    simulation_.at(operation.at, [this, &operation] { perform(operation); });
  }
  bool needs_backups = false;
  for (const PlannedFault& fault : plan_.faults) {
    needs_backups = needs_backups || fault.kind == FaultKind::restore_backup;
    simulation_.at(fault.at, [this, &fault] {
      if (!healed_) inject(fault);
    });
  }
  if (needs_backups) take_backups();
  if (plan_.restarts_failed_nodes) restart_failed_nodes();
  store_calls_.fails_at = plan_.single_fault.failed_store_call;
  for (int i = 0; i < simulation_.node_count(); ++i) {
    simulation_.node(i).disk().watch_calls(&store_calls_);
  }
  simulation_.network().lose_message(plan_.single_fault.lost_message);
  simulation_.network().repeat_message(plan_.single_fault.repeated_message);
}

void Run::restart_failed_nodes() {
  for (int i = 0; i < simulation_.node_count(); ++i) {
    if (!simulation_.node(i).is_running()) restart_later(i, {});
  }
  simulation_.at(simulation_.now() + milliseconds(250), [this] {
    if (!healed_) restart_failed_nodes();
  });
}

void Run::perform(const PlannedOperation& planned) {
  PlannedOperation operation = planned;
  const Bytes& key = keys_[static_cast<std::size_t>(operation.key)];
  const Bytes value = "v" + std::to_string(++value_count_);
  const bool is_blind = operation.kind == PlannedKind::blind_put;
  const auto flow = static_cast<FlowId>(is_blind ? 0 : operation.client + 1);
  if (operation.kind == PlannedKind::remove && !oracle_.flow_saw(flow, key)) {
    // Without a context a delete takes what its coordinator reads, which no oracle is told.
    operation.kind = PlannedKind::get;
    operation.quorum = QuorumSize::bucket_default();
  }
  OperationOptions options;
  options.quorum = operation.quorum;
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
  oracle_.operation_started(id, operation, key, value, flow);
  simulation_.start(operation.client, std::move(what));
}

void Run::inject(const PlannedFault& fault) {
  const int nodes = simulation_.node_count();
  std::vector<int> group;
  switch (fault.kind) {
    case FaultKind::isolate:
      return cut({fault.a}, fault.lasts);
    case FaultKind::split:
      for (int i = 0; i < nodes; ++i) {
        if ((fault.amount >> i) & 1) group.push_back(i);
      }
      return cut(group, fault.lasts);
    case FaultKind::one_way:
      if (fault.a == fault.b) return;
      simulation_.partition({fault.a}, {fault.b}, true);
      simulation_.at(simulation_.now() + fault.lasts, [this] { simulation_.heal(); });
      return;
    case FaultKind::clog:
      if (fault.a != fault.b) simulation_.clog(fault.a, fault.b, fault.lasts);
      return;
    case FaultKind::reset:
      if (fault.a != fault.b) simulation_.reset_connection(fault.a, fault.b);
      return;
    default:
      return inject_on_node(fault);
  }
}

void Run::inject_on_node(const PlannedFault& fault) {
  const int node = fault.a;
  SimDisk& disk = simulation_.node(node).disk();
  const bool needs_syncs =
      fault.kind == FaultKind::power_loss || fault.kind == FaultKind::sync_failure;
  if (loses_data(fault.kind) || (needs_syncs && !plan_.simulation.sync_before_effects)) {
    oracle_.node_lost_data(node, fault.kind);
  }
  switch (fault.kind) {
    case FaultKind::crash:
    case FaultKind::power_loss:
      simulation_.crash(node, fault.kind == FaultKind::power_loss);
      return restart_later(node, fault.lasts);
    case FaultKind::clean_stop:
      simulation_.stop_cleanly(node);
      return restart_later(node, fault.lasts);
    case FaultKind::pause:
      simulation_.pause(node);
      simulation_.at(simulation_.now() + fault.lasts, [this, node] { simulation_.resume(node); });
      return;
    case FaultKind::slow:
      simulation_.set_slowness(node, fault.amount);
      simulation_.at(simulation_.now() + fault.lasts,
                     [this, node] { simulation_.set_slowness(node, 1); });
      return;
    case FaultKind::disk_full:
      disk.set_full(true);
      simulation_.at(simulation_.now() + fault.lasts, [&disk] { disk.set_full(false); });
      return;
    case FaultKind::sync_failure:
      disk.fail_next_sync();
      return restart_later(node, fault.lasts);
    case FaultKind::clock_offset:
      return simulation_.set_wall_offset(node, fault.amount);
    case FaultKind::clone:
      clone(node, static_cast<CloneSource>(fault.amount));
      return restart_later(node, fault.lasts);
    case FaultKind::restore_backup:
      return restore_backup(node, milliseconds(fault.amount));
    case FaultKind::damage: {
      Random random =
          Random(plan_.seed).stream("damage", static_cast<std::uint64_t>(fault.at.nanoseconds));
      for (std::int64_t i = 0; i < fault.amount; ++i) disk.damage_object(random);
      return;
    }
    case FaultKind::wipe:
      simulation_.wipe(node);
      // Backups of a directory whose identity lives on elsewhere are refused.
      backups_[static_cast<std::size_t>(node)].clear();
      return restart_later(node, fault.lasts);
    default:
      return;
  }
}

void Run::start_again(int node) {
  // A node whose past is refused stays down; the end of the run shows whether that loses data.
  if (simulation_.restart(node) || !simulation_.node(node).disk().was_refused()) return;
  // Its log lacks what was written since the machine started, so somebody starts the machine again.
  simulation_.reboot(node);
  (void)simulation_.restart(node);
}

void Run::restart_later(int node, Duration delay) {
  simulation_.at(simulation_.now() + delay, [this, node] { start_again(node); });
}

void Run::take_backups() {
  for (int i = 0; i < simulation_.node_count(); ++i) {
    auto& kept = backups_[static_cast<std::size_t>(i)];
    kept.emplace_back(simulation_.now(), simulation_.node(i).disk().image());
    if (kept.size() > 24) kept.erase(kept.begin());
  }
  simulation_.at(simulation_.now() + seconds(1), [this] {
    if (!healed_) take_backups();
  });
}

void Run::restore_backup(int node, Duration age) {
  simulation_.crash(node);
  const auto& kept = backups_[static_cast<std::size_t>(node)];
  const SimDisk::Image* image = nullptr;
  for (const auto& [at, taken] : kept) {
    if (image == nullptr || at + age <= simulation_.now()) image = &taken;
  }
  sometimes(Sometimes::backup_restored, image != nullptr);
  if (image != nullptr) simulation_.node(node).disk().restore(*image);
  restart_later(node, milliseconds(100));
}

void Run::clone(int node, CloneSource source) {
  if (source == CloneSource::stopped_cleanly) {
    simulation_.stop_cleanly(node);
  } else {
    simulation_.crash(node);
  }
  SimDisk& disk = simulation_.node(node).disk();
  if (source == CloneSource::disk_image) disk.restore(disk.image());
  simulation_.node(node).change_place();
}

void Run::cut(const std::vector<int>& group, Duration lasts) {
  std::vector<int> others;
  for (int host = 0; host < simulation_.host_count(); ++host) {
    // A client stays on the side of the group or of the rest by its number.
    if (std::find(group.begin(), group.end(), host) != group.end()) continue;
    if (host >= simulation_.node_count() && host % 2 == 0 && group.size() > 1) continue;
    others.push_back(host);
  }
  simulation_.partition(group, others);
  simulation_.at(simulation_.now() + lasts, [this] { simulation_.heal(); });
}

void Run::heal() {
  healed_ = true;
  simulation_.heal();
  simulation_.network().options().loss_permille = 0;
  simulation_.network().options().repeat_permille = 0;
  // An owner that is silent for longer than the hint timeout is not repaired by a read (I7).
  Duration& delay = simulation_.network().options().delay_mean;
  delay = std::min(delay, Duration{plan_.simulation.protocol.hint_timeout.nanoseconds / 20});
  for (int i = 0; i < simulation_.node_count(); ++i) {
    simulation_.resume(i);
    simulation_.set_slowness(i, 1);
    simulation_.node(i).disk().clear_faults();
    start_again(i);
  }
}

void Run::read_all_keys() {
  PlannedOperation read;
  for (int key = 0; key < plan_.key_count; ++key) {
    read.key = key;
    read.client = key % plan_.client_count;
    perform(read);
    // One after the other: where few reads may wait for late owners, each must have its turn.
    simulation_.run_until([this] { return oracle_.pending_count() == 0; },
                          plan_.simulation.client.timeout + seconds(1));
    simulation_.run_for(plan_.simulation.protocol.hint_timeout);
    simulation_.run_until([this] { return is_idle(); }, seconds(2));
  }
  simulation_.run_for(plan_.simulation.client.timeout + kSettleTime);
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

// What clients are shown at the end is what the disks hold together; reading repairs what still
// differs, and a second reading finds nothing left to repair (I7, I19).
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

// A whole cluster on virtual time: the very NodeCore and ClientSession that real processes run,
// with simulated disks and network, every fault at hand, and one seed that repeats the run.
//
// Hosts are numbered: nodes first, then clients in the order of their making. Messages pass through
// the real codec. Same options and same calls give the same run, to the trace hash.
//
// Threads: one strand. Source: INVARIANTS §3.1; FoundationDB's and TigerBeetle's simulators.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dynakv/protocol/client_session.h"
#include "dynakv/sim/host_clock.h"
#include "dynakv/sim/sim_network.h"
#include "dynakv/sim/sim_node.h"
#include "dynakv/sim/sim_world.h"

namespace dynakv {

struct SimulationOptions {
  int node_count = 5;
  std::uint64_t seed = 0;
  BucketProperties defaults;
  std::map<Bytes, BucketProperties> buckets;
  std::vector<std::string> zones;         // one for each node; empty = all alike
  std::vector<std::uint32_t> capacities;  // percent, one for each node; empty = all alike
  ProtocolOptions protocol;
  ClientOptions client;
  /// Clients are given the layout; else they learn it from the nodes, as real ones do.
  bool clients_are_told = true;
  NetworkOptions network;
  bool sync_before_effects = true;
  Duration sync_delay_mean = microseconds(200);
  /// Makes the stores under the nodes' disks; when null, disks are models in memory.
  SimStoreFactory store;
  /// How long a host takes to notice that a silent peer is gone.
  Duration silence_noticed_mean = seconds(3);
  Disturbances disturbances;
  bool tracing = false;
};

using SimOperation = std::variant<GetOperation, WriteOperation, StatusOperation>;

class Simulation final : private SimWorld {
 public:
  /// Starts all nodes and connects them; time has to pass before they are ready.
  /// Errors of the options are DYNAKV_CHECKed: validate before.
  explicit Simulation(SimulationOptions options);
  ~Simulation() override;

  // Time.
  Instant now() const { return events_.now(); }
  /// What a host's calendar clock says.
  WallTime wall_of(int host) { return now_at(host).wall; }
  /// Runs one event, if there is one before `until`.
  bool step(Instant until) { return events_.run_next(until); }
  void run_for(Duration span);
  /// Runs until `condition` holds or `limit` has passed; says whether it holds.
  bool run_until(const std::function<bool()>& condition, Duration limit);
  /// Runs `action` when virtual time has come to `at`.
  void at(Instant at, std::function<void()> action) { events_.schedule(at, std::move(action)); }

  // Clients.
  int add_client();
  ClientSession& session(int client);
  OperationId start(int client, SimOperation operation);
  /// The id that the next start() will give.
  OperationId next_operation() const { return static_cast<OperationId>(operation_count_ + 1); }
  /// The reply, once; nothing while the operation is on its way.
  std::optional<Reply> take_reply(OperationId operation);
  /// Called with each reply instead of keeping it.
  std::function<void(int client, const Reply&)> on_reply;
  /// Called with each message that a host sends, before the network has it.
  std::function<void(int from, int to, const Message&)> on_send;
  /// Called before a node's process ends and after it has started.
  std::function<void(int node)> on_crash;
  std::function<void(int node)> on_start;

  // Faults. Each is idempotent; a node's number is 0 to node_count - 1.
  void crash(int node, bool lose_power = false);
  Status restart(int node);
  /// Turns the machine of a node that does not run off and on again.
  void reboot(int node);
  void stop_cleanly(int node);
  void pause(int node);
  void resume(int node);
  void set_slowness(int node, std::int64_t factor);
  /// Ends the process and empties its disk.
  void wipe(int node);
  /// Blocks one direction, or both, between every host of `a` and every host of `b`.
  void partition(const std::vector<int>& a, const std::vector<int>& b, bool one_way = false);
  /// Ends the partitions between these hosts.
  void mend(const std::vector<int>& a, const std::vector<int>& b);
  /// Ends all partitions.
  void heal();
  void clog(int from, int to, Duration span) { network_.clog(from, to, events_.now() + span); }
  /// Breaks a connection between two hosts; they connect again by themselves.
  void reset_connection(int a, int b);
  /// Sets the calendar clock of a host wrong by this much.
  void set_wall_offset(int host, std::int64_t milliseconds) {
    clock(host).set_wall_offset(milliseconds);
  }
  /// Lets both clocks of a host gain this many microseconds a second.
  void set_clock_drift(int host, std::int64_t ppm);
  /// Ends all disturbances for good.
  void calm();

  SimNode& node(int i) { return *nodes_[static_cast<std::size_t>(i)]; }
  const SimNode& node(int i) const { return *nodes_[static_cast<std::size_t>(i)]; }
  int node_count() const { return static_cast<int>(nodes_.size()); }
  int host_count() const { return node_count() + static_cast<int>(clients_.size()); }
  int host_of(const NodeId& id) const override;
  const Layout& layout() const { return layout_; }
  const Ring& ring() const { return *ring_; }
  /// Every node runs, may coordinate, and is connected with every other.
  bool all_ready() const;
  SimNetwork& network() { return network_; }

  /// Grows with every frame delivered and every fault: equal runs have equal hashes.
  std::uint64_t trace_hash() const { return trace_hash_; }
  std::uint64_t event_count() const { return events_.run_count(); }
  const std::vector<SimEvent>& trace_log() const { return trace_; }
  const SimulationOptions& options() const { return options_; }

 private:
  struct Client {
    Client(ClientOptions options, Random random, RingSource rings)
        : session(options, random, std::move(rings)) {}
    ClientSession session;
    std::map<TimerId, Instant> timers;
  };
  /// One direction: `from` may send to `to`.
  struct Connection {
    bool is_up = false;
    NodeId peer;  // of `to`, as it said in its Hello
    bool is_dialling = false;
    std::uint64_t epoch = 0;
  };

  EventQueue& events() override { return events_; }
  Now now_at(int host) override;
  Instant when(int host, Instant steady) override;
  void send(int from, const std::vector<NodeId>& to, const Message& message) override;
  void host_failed(int host, const std::string& reason) override;
  void identity_changed(int host) override;
  void trace(SimEvent event) override;
  void remark(SimEvent event) override;
  bool is_tracing() const override { return options_.tracing; }
  const Disturbances& disturbances() const override { return options_.disturbances; }
  void remark_repair(int from, int to, const Message& message);

  bool is_client(int host) const { return host >= node_count(); }
  bool is_serving(int host) const;
  void deliver(int to, int from, const Bytes& frame);
  void connect_all(int host);
  void dial(int from, int to);
  void dial_after(int from, int to, Duration delay);
  void establish(int from, int to);
  const Greeter& greeter(int host);
  /// The Hello of `by`, if `to` accepts it; else `by` hears why not.
  std::optional<Hello> say_hello(int by, int to, Handshake& listener);
  /// All nodes and clients share the ring of the first layout.
  RingSource shared_ring();
  void lose_connection(int from, int to);
  void lose_connection_later(int from, int to, Duration delay);
  void lose_connections_of(int host, Duration notice_min, Duration notice_mean);
  void take_client_effects(int client, Outbox& out);
  void schedule_client_timer(int client, TimerId timer, Instant at);
  HostClock& clock(int host) { return clocks_[static_cast<std::size_t>(host)]; }
  /// Of `from` to `to`, if bytes of it were lost in a partition.
  void end_broken_streams(int from, int to);
  Connection& connection(int from, int to) {
    return connections_[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
  }
  /// Makes room for the connections of every host.
  void make_connections();
  void set_up(int from, int to, bool is_up);
  void mix(BytesView kind, std::uint64_t a, std::uint64_t b);

  SimulationOptions options_;
  Random random_;
  EventQueue events_;
  Random connection_random_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<std::unique_ptr<Client>> clients_;
  SimNetwork network_;
  std::map<NodeId, int> hosts_;
  /// A row for each host: there are a million of them between a thousand nodes.
  std::vector<std::vector<Connection>> connections_;
  /// Directions between two nodes that are up: counted, as all_ready() is asked after each event.
  std::size_t node_links_up_ = 0;
  std::vector<HostClock> clocks_;
  Layout layout_;
  std::shared_ptr<const Ring> ring_;
  std::uint64_t operation_count_ = 0;
  std::map<OperationId, Reply> replies_;
  std::uint64_t trace_hash_ = 0;
  std::vector<SimEvent> trace_;
};

}  // namespace dynakv

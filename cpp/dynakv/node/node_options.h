// The options of a real node. Every bound has its unit, default and reason beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dynakv/base/result.h"
#include "dynakv/base/time.h"
#include "dynakv/node/link_faults.h"
#include "dynakv/protocol/options.h"

namespace dynakv {

/// When an effect may leave the node (DESIGN §8).
enum class Durability : std::uint8_t {
  /// After the step's batch is synced: survives a loss of power. One sync serves many steps.
  group = 0,
  /// After the operating system has the batch: survives kill -9, not a loss of power.
  os = 1,
};

enum class StorageKind : std::uint8_t { rocksdb = 0, memory = 1 };

/// In the order of spdlog's levels.
enum class LogLevel : std::uint8_t { debug = 1, info = 2, warning = 3, error = 4, off = 6 };

struct NodeOptions {
  /// Unique in the cluster; the data directory remembers it.
  std::string name;
  /// Made when it does not exist. With StorageKind::memory it is only part of the evidence of
  /// where the node runs, and may be empty.
  std::string data_dir;
  /// "host:port" or "[v6]:port"; port 0 takes a free one. A host name is resolved at start.
  std::string listen = "127.0.0.1:0";
  /// The address that peers and clients are told; empty = the one where the node listens.
  std::string advertise;
  /// "host:port" of nodes of a running cluster. A node with an empty directory takes over their
  /// layout; it is no member, so it owns nothing and forwards what it is asked.
  std::vector<std::string> contact_points;
  /// With an empty directory, under the name of a member that is gone, and given first members or
  /// contact points of its cluster: takes over that member's identity and recovers its data
  /// (protocol/rejoin.h). Off: such a node is refused.
  bool rejoin = true;
  /// Allows other addresses than loopback although nothing is encrypted or authenticated yet.
  bool insecure = false;
  Durability durability = Durability::group;
  StorageKind storage = StorageKind::rocksdb;
  /// Blocks of RocksDB kept in memory, bytes.
  std::size_t block_cache_bytes = 64u << 20;
  /// A memtable of RocksDB, bytes; larger ones are slower (PERFORMANCE §1).
  std::size_t memtable_bytes = 32u << 20;
  ProtocolOptions protocol;
  /// `datacenter/rack`, for the layout that names this node.
  std::string zone = "dc1/r1";
  /// Share of the data relative to others, for the layout that names this node; percent.
  std::uint32_t capacity_percent = 100;

  /// Connections at a time, of clients and peers; beyond it, new ones are closed at once (I23).
  std::size_t connection_count_max = 4096;
  /// From a connection's start to its accepted Hello; strangers hold a place no longer (I26).
  Duration handshake_timeout = seconds(5);
  /// Bytes that one connection may wait to send; beyond it, the other side is too slow to keep and
  /// the connection is closed (I23).
  std::size_t output_bytes_max = 64u << 20;
  /// Effects that may wait for a sync before sockets are left unread (I23); unit: effects.
  std::size_t unsynced_effect_count_max = 65536;
  /// The same, in bytes of keys and values.
  std::size_t unsynced_bytes_max = 64u << 20;

  /// Requests of the node's own process (Node::submit) that wait for their reply; beyond it,
  /// `overloaded`.
  std::size_t local_request_count_max = 16384;

  /// The node obeys set_link_faults() and pause(): for tests, never for data that matters.
  bool development = false;
  /// From the start on; only with `development`.
  std::vector<LinkFault> link_faults;

  /// Off for clusters inside a process; a server sets it.
  LogLevel log_level = LogLevel::off;
};

/// Errors: invalid_argument.
Status validate(const NodeOptions& options);

}  // namespace dynakv

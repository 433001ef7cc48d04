#include "dynakv/node/node_options.h"

#include "dynakv/adapters/asio_transport.h"
#include "dynakv/adapters/wire_codec.h"
#include "dynakv/domain/layout.h"

namespace dynakv {

Status validate(const NodeOptions& options) {
  const auto invalid = [](const std::string& text) {
    return fail(ErrorCode::invalid_argument, text);
  };
  if (options.name.empty() || options.name.size() > kNameBytesMax) {
    return invalid("a node's name has 1 to " + std::to_string(kNameBytesMax) + " bytes");
  }
  if (options.data_dir.empty() && options.storage == StorageKind::rocksdb) {
    return invalid("a node on RocksDB needs a data directory");
  }
  if (const Status valid = validate_address(options.listen); !valid) return valid;
  if (!options.advertise.empty()) {
    if (const Status valid = validate_address(options.advertise); !valid) return valid;
  }
  if (options.advertise.size() > kAddressBytesMax || options.listen.size() > kAddressBytesMax) {
    return invalid("an address has at most " + std::to_string(kAddressBytesMax) + " bytes");
  }
  if (options.contact_points.size() > kMemberCountMax) {
    return invalid("there are at most " + std::to_string(kMemberCountMax) + " contact points");
  }
  for (const std::string& address : options.contact_points) {
    if (const Status valid = validate_address(address); !valid) return valid;
    if (address.size() > kAddressBytesMax) {
      return invalid("an address has at most " + std::to_string(kAddressBytesMax) + " bytes");
    }
  }
  if (options.zone.empty() || options.zone.size() > kNameBytesMax) {
    return invalid("a zone has 1 to " + std::to_string(kNameBytesMax) + " bytes");
  }
  if (options.capacity_percent == 0 || options.capacity_percent > kCapacityPercentMax) {
    return invalid("a capacity is 1 to " + std::to_string(kCapacityPercentMax) + " percent");
  }
  if (options.memtable_bytes < (1u << 20)) return invalid("a memtable has at least 1 MiB");
  if (options.connection_count_max == 0) return invalid("connection_count_max is at least 1");
  if (options.handshake_timeout <= Duration{}) return invalid("handshake_timeout is positive");
  if (options.output_bytes_max < 2 * kFrameBodyBytesMax) {
    return invalid("output_bytes_max is at least twice the largest frame, " +
                   std::to_string(2 * kFrameBodyBytesMax) + " bytes");
  }
  if (options.unsynced_effect_count_max == 0 || options.unsynced_bytes_max == 0) {
    return invalid("the bounds of unsynced effects are at least 1");
  }
  if (!options.link_faults.empty() && !options.development) {
    return invalid("link faults are only for nodes with the option development");
  }
  return validate(options.protocol);
}

}  // namespace dynakv

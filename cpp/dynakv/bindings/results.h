// What a client's replies look like to Python. They are decoded when first asked for; what of them
// a reader may see is in domain/reader_view.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dynakv/domain/context_token.h"
#include "dynakv/domain/layout.h"
#include "dynakv/domain/object.h"
#include "dynakv/domain/reader_view.h"
#include "dynakv/protocol/messages.h"

namespace dynakv {

/// By a virtual or steady clock.
inline double seconds_of(Instant at) { return static_cast<double>(at.nanoseconds) / 1e9; }

/// name_in() of each.
std::vector<std::string> node_names(const Layout* layout, const std::vector<NodeId>& ids);

/// The result of a get.
class Got {
 public:
  /// `wall` is the time of a reader whose calendar clock is not this machine's.
  Got(Bytes encoded, std::uint64_t scope, std::optional<WallTime> wall = std::nullopt)
      : encoded_(std::move(encoded)), scope_(scope), wall_(wall) {}
  Got(GetReply reply, std::uint64_t scope, std::shared_ptr<const Layout> layout,
      std::optional<WallTime> wall = std::nullopt)
      : encoded_(std::move(reply.object)),
        scope_(scope),
        wall_(wall),
        reply_(std::move(reply)),
        layout_(std::move(layout)) {}

  /// Throws CorruptionError when the object cannot be decoded.
  const Object& object();
  std::uint64_t scope() const { return scope_; }
  const std::optional<WallTime>& wall() const { return wall_; }
  /// The reply; its object is moved out.
  const GetReply& reply() const { return reply_; }
  const Layout* layout() const { return layout_.get(); }

 private:
  Bytes encoded_;
  std::uint64_t scope_;
  std::optional<WallTime> wall_;
  GetReply reply_;
  std::shared_ptr<const Layout> layout_;
  std::optional<Object> decoded_;
};

/// The result of a put or delete.
struct Wrote {
  WriteReply reply;
  const char* verb = "";
  std::uint64_t scope = 0;
  std::shared_ptr<const Layout> layout;
};

}  // namespace dynakv

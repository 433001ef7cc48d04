// LayoutView: a layout and the ring made from it, as Python sees them. Immutable.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "dynakv/domain/layout.h"
#include "dynakv/domain/ring.h"

namespace dynakv {

class LayoutView {
 public:
  /// REQUIRES: not null.
  explicit LayoutView(std::shared_ptr<const Layout> layout) : layout_(std::move(layout)) {}

  const Layout& layout() const { return *layout_; }
  const std::shared_ptr<const Layout>& shared() const { return layout_; }

  /// Built when first asked for. Threads: one at a time (the interpreter lock).
  const Ring& ring() {
    if (!ring_) ring_ = Ring::build(*layout_);
    return *ring_;
  }

 private:
  std::shared_ptr<const Layout> layout_;
  std::optional<Ring> ring_;
};

}  // namespace dynakv

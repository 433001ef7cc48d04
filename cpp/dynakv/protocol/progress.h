// How far a node has got, and how that is stored.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include "dynakv/base/byte_io.h"

namespace dynakv {

/// How far a node has got: its step in one run (one start to the next) of its data directory. Steps
/// are counted through all runs; only steps that change something count.
struct Progress {
  /// How often the data directory was started; persisted, never from a clock (B39).
  std::uint64_t incarnation = 0;
  /// Random, drawn at the start: two runs that both follow the same backup differ in it.
  std::uint64_t run = 0;
  std::uint64_t step = 0;

  bool is_of_run(const Progress& other) const {
    return incarnation == other.incarnation && run == other.run;
  }
  auto operator<=>(const Progress&) const = default;
};

inline constexpr std::size_t kProgressBytes = 24;

inline void write_progress(const Progress& progress, ByteWriter& out) {
  out.fixed(progress.incarnation);
  out.fixed(progress.run);
  out.fixed(progress.step);
}

inline Progress read_progress(ByteReader& in) {
  Progress progress;
  progress.incarnation = in.fixed<std::uint64_t>();
  progress.run = in.fixed<std::uint64_t>();
  progress.step = in.fixed<std::uint64_t>();
  return progress;
}

}  // namespace dynakv

#include "dynakv/domain/context.h"

#include <algorithm>

namespace dynakv {

bool Context::covers(const Dot& dot) const {
  return vector_.covers(dot) || std::binary_search(isolated_.begin(), isolated_.end(), dot);
}

void Context::advance(const Dot& dot) {
  vector_.advance(dot);
  if (!isolated_.empty()) normalize();
}

void Context::add_isolated(const Dot& dot) {
  if (dot.counter == 0 || covers(dot)) return;
  isolated_.insert(std::lower_bound(isolated_.begin(), isolated_.end(), dot), dot);
  // Only the vector's next event can start a run that belongs to the vector; a decoder that adds
  // dots in their order must not pay for a pass over all of them each time.
  if (dot.counter == vector_.counter_of(dot.actor) + 1) normalize();
}

void Context::join(const Context& other) {
  vector_.join(other.vector_);
  if (!other.isolated_.empty()) {
    std::vector<Dot> both;
    both.reserve(isolated_.size() + other.isolated_.size());
    std::set_union(isolated_.begin(), isolated_.end(), other.isolated_.begin(),
                   other.isolated_.end(), std::back_inserter(both));
    isolated_ = std::move(both);
  }
  if (!isolated_.empty()) normalize();
}

bool Context::descends(const Context& other) const {
  // With both in canonical form, no set of isolated dots reaches as far as a vector entry does
  // unless the vector itself does: an entry's first uncovered event would have been taken in.
  return vector_.descends(other.vector_) &&
         std::all_of(other.isolated_.begin(), other.isolated_.end(),
                     [this](const Dot& dot) { return covers(dot); });
}

bool Context::dominates(const Context& other) const {
  return descends(other) && !other.descends(*this);
}

bool Context::concurrent(const Context& other) const {
  return !descends(other) && !other.descends(*this);
}

std::uint64_t Context::highest_counter_of(ActorId actor) const {
  std::uint64_t highest = vector_.counter_of(actor);
  for (const Dot& dot : isolated_) {
    if (dot.actor == actor) highest = std::max(highest, dot.counter);
  }
  return highest;
}

void Context::normalize() {
  // Isolated dots are sorted by actor and counter, so one pass takes in each run that continues
  // its actor's vector entry.
  std::vector<Dot> kept;
  for (const Dot& dot : isolated_) {
    const std::uint64_t reached = vector_.counter_of(dot.actor);
    if (dot.counter <= reached) continue;
    if (dot.counter == reached + 1) {
      vector_.advance(dot);
    } else {
      kept.push_back(dot);
    }
  }
  isolated_ = std::move(kept);
}

}  // namespace dynakv

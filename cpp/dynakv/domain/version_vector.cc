#include "dynakv/domain/version_vector.h"

#include <algorithm>
#include <cstdio>

namespace dynakv {
namespace {

bool actor_less(const Dot& entry, ActorId actor) { return entry.actor < actor; }

}  // namespace

std::string to_string(const Dot& dot) {
  char text[48];
  std::snprintf(text, sizeof(text), "%08llx:%llu",
                static_cast<unsigned long long>(to_number(dot.actor) >> 32),
                static_cast<unsigned long long>(dot.counter));
  return text;
}

std::uint64_t VersionVector::counter_of(ActorId actor) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), actor, actor_less);
  return at != entries_.end() && at->actor == actor ? at->counter : 0;
}

void VersionVector::advance(const Dot& dot) {
  if (dot.counter == 0) return;
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), dot.actor, actor_less);
  if (at == entries_.end() || at->actor != dot.actor) {
    entries_.insert(at, dot);
  } else {
    at->counter = std::max(at->counter, dot.counter);
  }
}

void VersionVector::join(const VersionVector& other) {
  if (other.entries_.empty()) return;
  if (entries_.empty()) {
    entries_ = other.entries_;
    return;
  }
  for (const Dot& entry : other.entries_) advance(entry);
}

bool VersionVector::descends(const VersionVector& other) const {
  return std::all_of(other.entries_.begin(), other.entries_.end(),
                     [this](const Dot& entry) { return covers(entry); });
}

}  // namespace dynakv

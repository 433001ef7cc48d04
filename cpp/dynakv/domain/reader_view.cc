#include "dynakv/domain/reader_view.h"

#include <algorithm>

namespace dynakv {
namespace {

bool is_copy(const Payload& a, const Payload& b) {
  return (a.write_id != 0 && a.write_id == b.write_id) ||
         (a.value == b.value && a.content_type == b.content_type);
}

bool is_visible(const Sibling& sibling, WallTime wall) {
  const std::int64_t expires = sibling.payload.expires_at_ms;
  return !sibling.deleted && (expires == 0 || expires > wall.milliseconds);
}

}  // namespace

std::vector<ShownSibling> shown_siblings(const Object& object, WallTime wall) {
  std::vector<ShownSibling> shown;
  for (const Sibling& sibling : object.siblings()) {
    if (!is_visible(sibling, wall)) continue;
    auto at = std::find_if(shown.begin(), shown.end(), [&](const ShownSibling& other) {
      return is_copy(other.sibling->payload, sibling.payload);
    });
    if (at == shown.end()) at = shown.insert(shown.end(), {&sibling, {}});
    at->covers.add_isolated(sibling.dot);
  }
  return shown;
}

const Bytes* only_value(const Object& object, WallTime wall) {
  if (object.siblings().size() == 1) {
    const Sibling& only = object.siblings().front();
    return is_visible(only, wall) ? &only.payload.value : nullptr;
  }
  const std::vector<ShownSibling> shown = shown_siblings(object, wall);
  return shown.size() == 1 ? &shown.front().sibling->payload.value : nullptr;
}

}  // namespace dynakv

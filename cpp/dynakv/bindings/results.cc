#include "dynakv/bindings/results.h"

#include <algorithm>
#include <utility>

#include "dynakv/bindings/bind_errors.h"
#include "dynakv/domain/object_format.h"

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

std::string node_name(const Layout* layout, const NodeId& id) {
  const Member* member = layout != nullptr ? layout->find(id) : nullptr;
  return member != nullptr ? member->name : to_string(id);
}

std::vector<std::string> node_names(const Layout* layout, const std::vector<NodeId>& ids) {
  std::vector<std::string> names;
  names.reserve(ids.size());
  for (const NodeId& id : ids) names.push_back(node_name(layout, id));
  return names;
}

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

const Object& Got::object() {
  if (!decoded_) {
    decoded_ = encoded_.empty() ? Object{} : unwrap(decode_object(encoded_));
    encoded_ = Bytes{};
  }
  return *decoded_;
}

}  // namespace dynakv

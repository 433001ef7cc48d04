#include "dynakv/bindings/results.h"

#include <utility>

#include "dynakv/bindings/bind_errors.h"
#include "dynakv/domain/object_format.h"

namespace dynakv {
std::vector<std::string> node_names(const Layout* layout, const std::vector<NodeId>& ids) {
  std::vector<std::string> names;
  names.reserve(ids.size());
  for (const NodeId& id : ids) names.push_back(name_in(layout, id));
  return names;
}

const Object& Got::object() {
  if (!decoded_) {
    decoded_ = encoded_.empty() ? Object{} : unwrap(decode_object(encoded_));
    encoded_ = Bytes{};
  }
  return *decoded_;
}

}  // namespace dynakv

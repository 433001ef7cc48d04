#include "dynakv/bindings/bind_layout.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "dynakv/base/hash.h"
#include "dynakv/bindings/bind_errors.h"
#include "dynakv/bindings/layout_view.h"

namespace dynakv {
namespace {

namespace py = pybind11;

constexpr const char* kMemberDoc =
    "One member of a cluster: id, name, address, zone and capacity (1.0 is an ordinary node).";
constexpr const char* kLayoutDoc =
    "The members of a cluster, the buckets' properties, and where keys belong. Immutable.";

PropertyList property_list(const py::dict& given) {
  PropertyList list;
  for (const auto& [name, value] : given) {
    list.emplace_back(name.cast<std::string>(), value.cast<std::string>());
  }
  return list;
}

Member make_member(const std::string& id, std::string name, std::string address, std::string zone,
                   double capacity) {
  const std::optional<NodeId> parsed = id.empty() ? NodeId{} : parse_node_id(id);
  if (!parsed) {
    raise_error({ErrorCode::invalid_argument, "'" + id + "' is no node id; it has 32 hex digits"});
  }
  Member member;
  member.id = *parsed;
  member.name = std::move(name);
  member.address = std::move(address);
  member.zone = std::move(zone);
  member.capacity_percent = static_cast<std::uint32_t>(capacity * 100 + 0.5);
  return member;
}

double capacity_of(const Member& member) { return member.capacity_percent / 100.0; }

std::vector<std::string> walk_of(LayoutView& view, const py::bytes& key, std::size_t count_max) {
  const Slot slot = slot_of(token_of_key(key.cast<std::string_view>()));
  std::vector<std::string> names;
  for (const std::uint16_t index : view.ring().walk(slot)) {
    if (names.size() == count_max) break;
    names.push_back(view.layout().find(view.ring().node(index))->name);
  }
  return names;
}

py::dict properties_of(const LayoutView& view, const py::bytes& bucket) {
  const BucketProperties& properties = view.layout().properties_of(bucket.cast<std::string_view>());
  py::dict fields;
  for (const auto& [name, text] : to_property_list(properties)) {
    if (name != "quorum") fields[py::str(name)] = text;
  }
  fields["n"] = properties.n;
  fields["sloppy"] = properties.mode == QuorumMode::sloppy;
  return fields;
}

py::dict slots_owned(LayoutView& view, const py::bytes& bucket) {
  const int n = view.layout().properties_of(bucket.cast<std::string_view>()).n;
  const std::vector<std::uint32_t> counts = view.ring().slots_owned(n);
  py::dict by_name;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const NodeId& id = view.ring().node(static_cast<std::uint16_t>(i));
    by_name[py::str(view.layout().find(id)->name)] = counts[i];
  }
  return by_name;
}

/// A tuple of names for each slot; one string object for each member, as there are 16,384 tuples.
py::list slot_owners(LayoutView& view, const py::bytes& bucket) {
  const auto n =
      static_cast<std::size_t>(view.layout().properties_of(bucket.cast<std::string_view>()).n);
  const Ring& ring = view.ring();
  std::vector<py::str> names;
  for (std::size_t i = 0; i < ring.member_count(); ++i) {
    names.emplace_back(view.layout().find(ring.node(static_cast<std::uint16_t>(i)))->name);
  }
  py::list slots(kSlotCount);
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
    const auto walk = ring.walk(static_cast<Slot>(slot));
    py::tuple owners(std::min(n, walk.size()));
    for (std::size_t i = 0; i < owners.size(); ++i) owners[i] = names[walk[i]];
    slots[slot] = std::move(owners);
  }
  return slots;
}

std::shared_ptr<LayoutView> make_layout(std::vector<Member> members, const py::dict& defaults,
                                        const py::dict& buckets) {
  GivenProperties given = properties_from(defaults, buckets);
  return std::make_shared<LayoutView>(std::make_shared<const Layout>(
      unwrap(first_layout(std::move(members), given.defaults, std::move(given.buckets)))));
}

void bind_member(py::module_& module) {
  py::class_<Member>(module, "Member", py::is_final(), kMemberDoc)
      .def(py::init(&make_member), py::arg("id"), py::arg("name"), py::arg("address"),
           py::arg("zone") = "dc1/r1", py::arg("capacity") = 1.0)
      .def_property_readonly("id", [](const Member& m) { return to_string(m.id); })
      .def_property_readonly("name", [](const Member& m) { return m.name; })
      .def_property_readonly("address", [](const Member& m) { return m.address; })
      .def_property_readonly("zone", [](const Member& m) { return m.zone; })
      .def_property_readonly("capacity", &capacity_of)
      .def(
          "to_fields",
          [](const Member& m) {
            py::dict fields;
            fields["id"] = to_string(m.id);
            fields["name"] = m.name;
            fields["address"] = m.address;
            fields["zone"] = m.zone;
            fields["capacity"] = capacity_of(m);
            return fields;
          },
          "The constructor's arguments, as a dict.")
      .def(
          "__eq__", [](const Member& a, const Member& b) { return a == b; }, py::is_operator())
      .def("__hash__", [](const Member& m) { return static_cast<std::int64_t>(m.id.low >> 2); })
      .def("__repr__",
           [](const Member& m) { return "<Member '" + m.name + "' at " + m.address + ">"; });
}

}  // namespace

GivenProperties properties_from(const py::dict& defaults, const py::dict& buckets) {
  GivenProperties given;
  given.defaults = unwrap(apply_properties(BucketProperties{}, property_list(defaults)));
  for (const auto& [name, changes] : buckets) {
    Bytes bucket = name.cast<std::string>();
    Result<BucketProperties> properties =
        apply_properties(given.defaults, property_list(changes.cast<py::dict>()));
    if (!properties) {
      raise_error({properties.error().code,
                   "bucket '" + printable(bucket) + "': " + properties.error().message});
    }
    unwrap(validate_bucket_name(bucket));
    given.buckets.emplace(std::move(bucket), *properties);
  }
  return given;
}

void bind_layout(py::module_& module) {
  bind_member(module);
  py::class_<LayoutView, std::shared_ptr<LayoutView>>(module, "Layout", py::is_final(), kLayoutDoc)
      .def(py::init(&make_layout), py::arg("members"), py::arg("defaults") = py::dict(),
           py::arg("buckets") = py::dict(),
           "The layout that a new cluster of these members would have.")
      .def_property_readonly("version",
                             [](const LayoutView& v) { return to_number(v.layout().version); })
      .def_property_readonly("cluster",
                             [](const LayoutView& v) { return to_string(v.layout().cluster); })
      .def_property_readonly(
          "members", [](const LayoutView& v) { return py::tuple(py::cast(v.layout().members)); })
      .def_property_readonly("buckets",
                             [](const LayoutView& v) {
                               py::list names;
                               for (const auto& [name, properties] : v.layout().buckets) {
                                 names.append(py::str(name));
                               }
                               return py::tuple(names);
                             })
      .def("properties", &properties_of, py::arg("bucket") = py::bytes("default"),
           "n, r, w, conflict, sloppy and read_repair of a bucket.")
      .def(
          "slot",
          [](const LayoutView&, const py::bytes& key) {
            return to_number(slot_of(token_of_key(key.cast<std::string_view>())));
          },
          py::arg("key"), "The slot of the ring that a key is in.")
      .def(
          "walk", [](LayoutView& v, const py::bytes& key) { return walk_of(v, key, kWalkLength); },
          py::arg("key"), "Names of the nodes for a key, owners first, then fallbacks.")
      .def(
          "owners",
          [](LayoutView& v, const py::bytes& key, const py::bytes& bucket) {
            const int n = v.layout().properties_of(bucket.cast<std::string_view>()).n;
            return walk_of(v, key, static_cast<std::size_t>(n));
          },
          py::arg("key"), py::arg("bucket") = py::bytes("default"),
          "Names of the nodes that hold a key, in the order of preference.")
      .def("slot_owners", &slot_owners, py::arg("bucket") = py::bytes("default"),
           "For each slot, the names of its owners, in the order of preference.")
      .def("slots_owned", &slots_owned, py::arg("bucket") = py::bytes("default"),
           "For each member, the number of slots that it holds a copy of.")
      .def("__repr__", [](const LayoutView& v) {
        return "<Layout version " + std::to_string(to_number(v.layout().version)) + ", " +
               std::to_string(v.layout().members.size()) + " members>";
      });
  module.def(
      "check_properties",
      [](const py::dict& defaults, const py::dict& buckets, std::size_t member_count) {
        const GivenProperties given = properties_from(defaults, buckets);
        unwrap(validate(given.defaults, member_count));
        for (const auto& [name, properties] : given.buckets) {
          unwrap(validate(properties, member_count));
        }
      },
      py::arg("defaults"), py::arg("buckets"), py::arg("member_count"));
}

}  // namespace dynakv

#include "dynakv/protocol/layout_keeper.h"

#include <utility>

#include "dynakv/protocol/contacts.h"
#include "dynakv/protocol/store_keys.h"

namespace dynakv {

Status LayoutKeeper::start(Now, Outbox&) {
  auto stored = store_.get(Space::node_state, kLayoutKey);
  if (!stored) return fail(stored.error());
  if (!stored->has_value()) return {};
  auto layout = decode_layout(**stored);
  if (!layout) return fail(layout.error());
  show(std::move(*layout));
  return {};
}

void LayoutKeeper::show(Layout layout) {
  auto ring = options_.ring_source ? options_.ring_source(layout) : nullptr;
  view_.adopt(std::move(layout), std::move(ring));
}

void LayoutKeeper::keep(Layout layout) {
  store_.put(Space::node_state, kLayoutKey, encode_layout(layout));
  show(std::move(layout));
  is_adopted_ = true;
}

Status LayoutKeeper::adopt(const Layout& layout) {
  if (view_.has_layout()) {
    if (view_.digest() == digest_of(layout)) return {};
    return fail(ErrorCode::invalid_argument,
                "the node '" + options_.name +
                    "' belongs to a cluster already; start it with an empty "
                    "data directory, or without the list of first members");
  }
  const Member* self = layout.find(identity_.id());
  if (self == nullptr || self->name != options_.name) {
    return fail(ErrorCode::invalid_argument,
                "the layout has no member '" + options_.name + "' with this node's id");
  }
  keep(layout);
  return {};
}

bool LayoutKeeper::learn(BytesView encoded) {
  auto layout = decode_layout(encoded);
  if (!layout) return false;
  const bool is_newer = view_.has_layout() ? layout->cluster == view_.layout().cluster &&
                                                 layout->version > view_.version()
                                           : true;
  const Member* self = layout->find(identity_.id());
  const Member* namesake = layout->find_by_name(options_.name);
  // A name that has another id belongs to that; and nobody joins a cluster without being told to.
  const bool is_clash = namesake != self;
  const bool may_join = self != nullptr || view_.has_layout() || !options_.contact_points.empty();
  if (!is_newer || is_clash || !may_join) return false;
  ++learned_count_;
  keep(std::move(*layout));
  return true;
}

void LayoutKeeper::handle_message(Now now, const NodeId& from, Message&& message, Outbox& out) {
  dispatch(*this, now, {from, message}, out);
}

void LayoutKeeper::handle_message(Now, const Origin& from, const LayoutRequest&, Outbox& out) {
  LayoutReply reply;
  if (view_.has_layout()) reply.layout = encode_layout(reachable_layout());
  out.answer(from, std::move(reply));
}

Layout LayoutKeeper::reachable_layout() const {
  Layout layout = view_.layout();
  for (Member& member : layout.members) {
    member.address = member.id == identity_.id() && !options_.address.empty()
                         ? options_.address
                         : address_of(membership_, member);
  }
  return layout;
}

void LayoutKeeper::add_to(Counters& counters) const {
  counters["layouts_learned"] += learned_count_;
}

}  // namespace dynakv

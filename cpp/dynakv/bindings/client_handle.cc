#include "dynakv/bindings/client_handle.h"

#include <pybind11/stl.h>

#include <utility>
#include <variant>

#include "dynakv/bindings/bind_client.h"
#include "dynakv/bindings/bind_errors.h"
#include "dynakv/bindings/results.h"

namespace dynakv {

namespace py = pybind11;

py::dict status_fields(bool ready, LayoutVersion version, std::uint64_t incarnation,
                       const std::vector<PeerStatus>& peers, const Layout* layout) {
  py::list connected;
  for (const PeerStatus& peer : peers) {
    if (peer.connected) connected.append(py::str(node_name(layout, peer.node)));
  }
  py::dict fields;
  fields["ready"] = ready;
  fields["layout_version"] = to_number(version);
  fields["incarnation"] = incarnation;
  fields["connected"] = connected;
  return fields;
}

namespace {

py::object to_object(StatusReply& reply, const Layout* layout) {
  py::dict fields =
      status_fields(reply.ready, reply.layout, reply.incarnation, reply.peers, layout);
  py::dict counters;
  for (const auto& [name, value] : reply.counters) counters[py::str(name)] = value;
  fields["counters"] = counters;
  return fields;
}

}  // namespace

std::shared_ptr<LayoutView> ClientHandle::layout() {
  std::shared_ptr<const Layout> newest = client->layout();
  if (!view_ || view_->shared() != newest) {
    view_ = std::make_shared<LayoutView>(std::move(newest));
  }
  return view_;
}

void ClientHandle::close() {
  is_closed = true;
  if (client.is_foreign()) return;  // the parent closes it
  Client& open = *client;
  const WithoutGil section(WithoutGil::Purpose::closing);
  open.close();
}

void BatchHandle::wait() {
  const Batch& batch = *batch_;
  while (true) {
    {
      const WithoutGil section;
      if (batch.wait_for(kSignalSlice)) return;
    }
    if (PyErr_CheckSignals() != 0) {
      batch_->cancel();
      throw py::error_already_set();
    }
  }
}

std::vector<Reply> BatchHandle::take() {
  if (!is_done()) raise_error({ErrorCode::internal, "the batch has not ended"});
  return batch_->take_results();
}

py::object BatchHandle::to_result(Reply& reply, const std::shared_ptr<const Layout>& layout) const {
  const auto index = to_number(reply.operation);
  const std::uint64_t scope = index < scopes_.size() ? scopes_[index] : 0;
  if (auto* got = std::get_if<GetReply>(&reply.outcome)) {
    return py::cast(Got(std::move(*got), scope, layout));
  }
  if (auto* wrote = std::get_if<WriteReply>(&reply.outcome)) {
    return py::cast(Wrote{std::move(*wrote), scope, layout});
  }
  if (auto* status = std::get_if<StatusReply>(&reply.outcome)) {
    return to_object(*status, layout.get());
  }
  if (auto* error = std::get_if<ErrorReply>(&reply.outcome)) {
    return to_exception(std::move(*error), {verb_, scope, layout});
  }
  return to_exception(Error{ErrorCode::protocol, "a reply of an unexpected kind"});
}

py::list BatchHandle::take_all() {
  std::vector<Reply> replies = take();
  const std::shared_ptr<const Layout> layout = client_->client->layout();
  py::list results(replies.size());
  for (std::size_t i = 0; i < replies.size(); ++i) results[i] = to_result(replies[i], layout);
  return results;
}

py::object BatchHandle::take_one() {
  std::vector<Reply> replies = take();
  py::object result = to_result(replies.at(0), client_->client->layout());
  if (PyExceptionInstance_Check(result.ptr())) {
    PyErr_SetObject(py::type::handle_of(result).ptr(), result.ptr());
    throw py::error_already_set();
  }
  return result;
}

}  // namespace dynakv

#include "dynakv/bindings/client_handle.h"

#include <pybind11/stl.h>

#include <utility>
#include <variant>

#include "dynakv/bindings/bind_client.h"
#include "dynakv/bindings/bind_errors.h"
#include "dynakv/bindings/results.h"

namespace dynakv {

namespace py = pybind11;

namespace {

const char* name_of(PeerState state) {
  switch (state) {
    case PeerState::alive:
      return "alive";
    case PeerState::suspect:
      return "suspect";
    case PeerState::dead:
      return "dead";
    case PeerState::left:
      return "left";
  }
  return "";
}

}  // namespace

py::dict status_fields(bool ready, LayoutVersion version, std::uint64_t incarnation,
                       const std::vector<PeerStatus>& peers, const Layout* layout) {
  py::list connected;
  py::list known;
  for (const PeerStatus& peer : peers) {
    const std::string name = peer.name.empty() ? name_in(layout, peer.node) : peer.name;
    if (peer.connected) connected.append(py::str(name));
    py::dict row;
    row["id"] = to_string(peer.node);
    row["name"] = name;
    row["address"] = peer.address;
    row["state"] = name_of(peer.state);
    row["incarnation"] = peer.incarnation;
    row["in_layout"] = peer.in_layout;
    row["connected"] = peer.connected;
    known.append(std::move(row));
  }
  py::dict fields;
  fields["ready"] = ready;
  fields["layout_version"] = to_number(version);
  fields["incarnation"] = incarnation;
  fields["connected"] = connected;
  fields["peers"] = known;
  return fields;
}

namespace {

// Handing over few operations takes less time than getting the interpreter lock back.
constexpr std::size_t kSubmitWithLockMax = 16;

class RealBatch final : public BatchHandle {
 public:
  RealBatch(std::shared_ptr<RealClient> client, std::shared_ptr<Batch> batch, Requested requested)
      : BatchHandle(std::move(requested)), client_(std::move(client)), batch_(std::move(batch)) {}

  void wait() override {
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
  void cancel() override { batch_->cancel(); }
  bool is_done() const override { return batch_->done(); }

 private:
  std::vector<Reply> take_replies() override { return batch_->take_results(); }
  std::shared_ptr<const Layout> layout() const override { return client_->newest_layout(); }

  std::shared_ptr<RealClient> client_;
  Owned<Batch> batch_;
};

py::object to_object(StatusReply& reply, const Layout* layout) {
  py::dict fields =
      status_fields(reply.ready, reply.layout, reply.incarnation, reply.peers, layout);
  py::dict counters;
  for (const auto& [name, value] : reply.counters) counters[py::str(name)] = value;
  fields["counters"] = counters;
  fields["recovering"] = reply.recovering;
  return fields;
}

}  // namespace

py::object reply_to_python(Reply reply, const char* verb, std::uint64_t scope,
                           const std::shared_ptr<const Layout>& layout,
                           std::optional<WallTime> wall) {
  if (auto* got = std::get_if<GetReply>(&reply.outcome)) {
    return py::cast(Got(std::move(*got), scope, layout, wall));
  }
  if (auto* wrote = std::get_if<WriteReply>(&reply.outcome)) {
    return py::cast(Wrote{std::move(*wrote), verb, scope, layout});
  }
  if (auto* status = std::get_if<StatusReply>(&reply.outcome)) {
    return to_object(*status, layout.get());
  }
  if (auto* error = std::get_if<ErrorReply>(&reply.outcome)) {
    return to_exception(std::move(*error), {verb, scope, layout, wall});
  }
  return to_exception(Error{ErrorCode::protocol, "a reply of an unexpected kind"});
}

std::vector<Reply> BatchHandle::take() {
  if (!is_done()) raise_error({ErrorCode::internal, "the batch has not ended"});
  return take_replies();
}

py::object BatchHandle::to_result(Reply& reply, const std::shared_ptr<const Layout>& layout) const {
  const auto index = to_number(reply.operation);
  const std::uint64_t scope = index < requested_.scopes.size() ? requested_.scopes[index] : 0;
  return reply_to_python(std::move(reply), requested_.verb, scope, layout, wall());
}

py::list BatchHandle::take_all() {
  std::vector<Reply> replies = take();
  const std::shared_ptr<const Layout> newest = layout();
  py::list results(replies.size());
  for (std::size_t i = 0; i < replies.size(); ++i) results[i] = to_result(replies[i], newest);
  return results;
}

py::object BatchHandle::take_one() {
  std::vector<Reply> replies = take();
  py::object result = to_result(replies.at(0), layout());
  if (PyExceptionInstance_Check(result.ptr())) {
    PyErr_SetObject(py::type::handle_of(result).ptr(), result.ptr());
    throw py::error_already_set();
  }
  return result;
}

SharedBatch RealClient::submit(std::vector<Operation> operations, Requested requested) {
  Client& client = *client_;
  if (is_closed_) raise_error({ErrorCode::closed, "the client is closed; connect again"});
  std::optional<WithoutGil> section;
  if (operations.size() > kSubmitWithLockMax) section.emplace();
  const std::uint64_t tag = requested.tag;
  std::shared_ptr<Batch> batch =
      tag == 0 ? client.submit(std::move(operations)) : client.submit(std::move(operations), tag);
  section.reset();
  return std::make_shared<RealBatch>(shared_from_this(), std::move(batch), std::move(requested));
}

std::shared_ptr<LayoutView> RealClient::layout() {
  std::shared_ptr<const Layout> newest = client_->layout();
  if (!view_ || view_->shared() != newest) {
    view_ = std::make_shared<LayoutView>(std::move(newest));
  }
  return view_;
}

void RealClient::close() {
  is_closed_ = true;
  if (client_.is_foreign()) return;  // the parent closes it
  Client& open = *client_;
  const WithoutGil section(WithoutGil::Purpose::closing);
  open.close();
}

void RealClient::forget_flow(FlowId flow) {
  if (client_.is_foreign() || is_closed_) return;
  client_->forget_flow(flow);
}

std::vector<std::uint64_t> RealClient::drain() {
  std::vector<std::uint64_t> tags;
  for (const std::shared_ptr<Batch>& batch : client_->drain()) tags.push_back(batch->tag());
  return tags;
}

}  // namespace dynakv

#include "tests/cpp/support/transcript.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "dynakv/protocol/cluster_view.h"

namespace dynakv::testing {
namespace {

constexpr NodeId kClient{7, 7};
constexpr int kNodes = 5;
constexpr std::size_t kOwners = 3;

const char* timer_name(TimerKind kind) {
  switch (kind) {
    case TimerKind::get_deadline:
      return "get_deadline";
    case TimerKind::write_deadline:
      return "write_deadline";
    case TimerKind::forward_deadline:
      return "forward_deadline";
    case TimerKind::hinted_handoff:
      return "hinted_handoff";
    default:
      return nullptr;  // of machines that no request concerns
  }
}

std::string in_quotes(BytesView bytes) { return '"' + std::string(bytes) + '"'; }

std::string milliseconds_of(Duration duration) {
  return std::to_string(duration.milliseconds()) + " ms";
}

std::string text_of(const QuorumSize& size, const char* name) {
  return size.is_default() ? "" : std::string(" ") + name + "=" + size.text();
}

const char* text_of(Precondition precondition) {
  switch (precondition) {
    case Precondition::overwrite:
      return " overwrite";
    case Precondition::if_absent:
      return " if absent";
    case Precondition::if_context:
      return " if context";
    default:
      return "";
  }
}

}  // namespace

Transcript::Transcript(std::size_t place, BucketProperties properties) {
  NodeCoreOptions options;
  options.name = "n0";
  options.address = "n0:1";
  core_ = std::make_unique<NodeCore>(options, store_, Random(1));
  is_quiet_ = true;
  Outbox out;
  EXPECT_TRUE(core_->start(now_, {"boot-1", "place-1"}, out).has_value());
  step(out);
  std::vector<Member> members{{.id = core_->id(), .name = "n0", .address = "n0:1"}};
  for (std::uint64_t i = 1; i < kNodes; ++i) {
    const std::string name = "n" + std::to_string(i);
    members.push_back({.id = {9, i}, .name = name, .address = name + ":1"});
  }
  layout_ = first_layout(members, properties, {}).value();
  EXPECT_TRUE(core_->adopt_layout(now_, layout_, out).has_value());
  step(out);
  ClusterView view;
  view.adopt(layout_);
  for (int i = 0; walk_.empty() || walk_[place] != core_->id(); ++i) {
    key_ = "k" + std::to_string(i);
    walk_ = view.walk(slot_of(token_of_key(key_)));
  }
  for (std::size_t i = 0; i < walk_.size(); ++i) {
    names_[walk_[i]] =
        i < kOwners ? "owner" + std::to_string(i + 1) : "spare" + std::to_string(i + 1 - kOwners);
  }
  names_[core_->id()] = "self";
  names_[kClient] = "client";
  for (const Member& member : layout_.members) {
    if (member.id != core_->id()) add_hello(member);
  }
  is_quiet_ = false;
}

void Transcript::add_hello(const Member& member) {
  Hello hello;
  hello.sender = member.id;
  hello.name = member.name;
  hello.address = member.address;
  hello.cluster = layout_.cluster;
  hello.layout = layout_.version;
  hello.layout_digest = digest_of(layout_);
  hello.progress = {1, 11, 1};
  hello.directory = member.id;
  Outbox out;
  core_->handle_peer_up(now_, hello, out);
  step(out);
}

NodeId Transcript::id_of(const std::string& name) const {
  const auto at = std::find_if(names_.begin(), names_.end(),
                               [&](const auto& entry) { return entry.second == name; });
  EXPECT_NE(at, names_.end()) << name;
  return at->first;
}

Object Transcript::written(char actor, std::uint64_t counter, const std::string& value) {
  Object object;
  object.put({}, Dot{static_cast<ActorId>(actor), counter}, Payload{value, "", {}, 0, 0});
  return object;
}

void Transcript::have(const Object& object) {
  is_quiet_ = true;
  const Route route{.token = token_of_key(key_), .layout = layout()};
  Outbox out;
  const Body put = ReplicaPut{route.envelope({kDefaultBucket, key_}), encode_object(object)};
  (void)text_of(put);  // so that its digest is known
  core_->handle_message(now_, {9, 1}, {RequestId{8}, put}, out);
  step(out);
  is_quiet_ = false;
}

void Transcript::client(GetRequest request) {
  request.head.bucket = kDefaultBucket;
  request.head.key = key_;
  request.head.layout = layout_.version;
  if (request.head.time_left == Duration{}) request.head.time_left = seconds(5);
  take({RequestId{++client_requests_}, std::move(request)});
}

void Transcript::client(WriteRequest request) {
  request.head.bucket = kDefaultBucket;
  request.head.key = key_;
  request.head.layout = layout_.version;
  request.write_id = client_requests_ + 1;
  request.context_scope = context_scope(kDefaultBucket, key_);
  if (request.head.time_left == Duration{}) request.head.time_left = seconds(5);
  take({RequestId{++client_requests_}, std::move(request)});
}

void Transcript::client_again() { take(last_of_client_); }

void Transcript::take(Message message) {
  line("> ", "client", text_of(message.body));
  last_of_client_ = message;
  Outbox out;
  core_->handle_message(now_, kClient, std::move(message), out);
  step(out);
}

void Transcript::says(const std::string& node, const Body& body) {
  line("> ", node, text_of(body));
  Outbox out;
  core_->handle_message(now_, id_of(node), {asked_[id_of(node)], body}, out);
  step(out);
}

void Transcript::goes_down(const std::string& node) {
  line("> ", node, "the connection is lost");
  Outbox out;
  core_->handle_peer_down(now_, id_of(node), out);
  step(out);
}

void Transcript::passes(Duration time) {
  text_ += ". " + milliseconds_of(time) + " pass\n";
  const Instant until = now_.steady + time;
  while (true) {
    const auto next =
        std::min_element(timers_.begin(), timers_.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (next == timers_.end() || next->second > until) break;
    const auto [timer, at] = *next;
    timers_.erase(next);
    now_.steady = std::max(now_.steady, at);
    Outbox out;
    core_->handle_timer(now_, timer, out);
    step(out);
  }
  now_.steady = until;
}

void Transcript::step(Outbox& out) {
  core_->end_step();
  if (store_.has_pending()) {
    EXPECT_TRUE(store_.write_step().has_value());
  }
  for (const Effect& effect : out.take()) {
    if (const auto* send = std::get_if<Send>(&effect)) {
      if (std::holds_alternative<GossipDigest>(send->message.body)) continue;
      for (const NodeId& to : send->to) asked_[to] = send->message.id;
      line("< ", names_of(send->to), text_of(send->message.body));
    } else if (const auto* set = std::get_if<SetTimer>(&effect)) {
      timers_[set->timer] = set->at;
      const char* name = timer_name(set->timer.kind);
      const std::string in = milliseconds_of(set->at - now_.steady);
      if (name != nullptr) line("< ", "timer", std::string(name) + " in " + in);
    } else if (const auto* cancel = std::get_if<CancelTimer>(&effect)) {
      timers_.erase(cancel->timer);
    }
  }
}

void Transcript::line(const std::string& mark, const std::string& who, const std::string& what) {
  if (!is_quiet_) text_ += mark + who + "    " + what + "\n";
}

std::string Transcript::name_of(const NodeId& id) const {
  const auto at = names_.find(id);
  return at == names_.end() ? "nobody" : at->second;
}

std::string Transcript::names_of(const std::vector<NodeId>& ids) const {
  std::string text;
  for (const NodeId& id : ids) text += (text.empty() ? "" : ", ") + name_of(id);
  return text.empty() ? "nobody" : text;
}

std::string Transcript::text_of(const Dot& dot) {
  // Letters are the test's own actors; others are named as they appear.
  const std::uint64_t number = to_number(dot.actor);
  if (number < 128) return static_cast<char>(number) + std::to_string(dot.counter);
  const auto letter = static_cast<char>('S' + actors_.size());
  return actors_.try_emplace(dot.actor, letter).first->second + std::to_string(dot.counter);
}

std::string Transcript::text_of(const Context& context) {
  std::string text;
  for (const Dot& dot : context.vector().entries()) text += " " + text_of(dot);
  for (const Dot& dot : context.isolated()) text += " alone:" + text_of(dot);
  return "[" + (text.empty() ? text : text.substr(1)) + "]";
}

std::string Transcript::text_of(const Object& object) {
  std::string text;
  for (const Sibling& sibling : object.siblings()) {
    text += in_quotes(sibling.payload.value) + " " + text_of(sibling.dot) + ", ";
  }
  return "{" + text + "context " + text_of(object.context()) + "}";
}

std::string Transcript::text_of_encoded(const Bytes& object) {
  if (object.empty()) return "nothing";
  const std::string text = text_of(decode_object(object).value());
  digests_[digest_of_object(object)] = text;
  return text;
}

std::string Transcript::text_of(const Hash128& digest) {
  if (digest == Hash128{}) return "digest of nothing";
  const auto at = digests_.find(digest);
  return at == digests_.end() ? "another digest" : "digest of " + at->second;
}

std::string Transcript::text_of(const std::vector<StandIn>& hints) {
  std::string text;
  for (const StandIn& hint : hints) {
    text += ", " + name_of(hint.node) + " for " + name_of(hint.owner);
  }
  return text;
}

std::string Transcript::text_of(const Body& body) {
  const std::string type(row_of(body).name);
  if (const auto* get = std::get_if<GetRequest>(&body)) {
    return type + testing::text_of(get->r, "r") +
           (get->read_repair == ReadRepair::blocking ? " repair first" : "") +
           (get->head.forwarded ? " forwarded" : "");
  }
  if (const auto* write = std::get_if<WriteRequest>(&body)) {
    return type + (write->kind == WriteKind::put ? " put " + in_quotes(write->value) : " delete") +
           testing::text_of(write->w, "w") + testing::text_of(write->precondition) +
           (write->context.empty() ? "" : " seen " + text_of(write->context)) +
           (write->head.forwarded ? " forwarded" : "");
  }
  if (const auto* reply = std::get_if<GetReply>(&body)) {
    return type + " " + text_of_encoded(reply->object) + " from " + names_of(reply->answered) +
           (reply->fallbacks.empty() ? "" : ", hints of " + names_of(reply->fallbacks)) +
           (reply->is_strict ? "" : ", sloppy");
  }
  if (const auto* reply = std::get_if<WriteReply>(&body)) {
    return type + " context " + text_of(reply->context) + " held by " + names_of(reply->acked) +
           text_of(reply->hinted) + (reply->is_strict ? "" : ", sloppy");
  }
  if (const auto* error = std::get_if<ErrorReply>(&body)) {
    return type + " " + std::string(error_name(error->error.code)) + " " +
           std::to_string(error->received) + " of " + std::to_string(error->required) +
           (error->in_doubt ? ", in doubt" : ", not applied") +
           (error->object.empty() ? "" : ", found " + text_of_encoded(error->object));
  }
  if (const auto* get = std::get_if<ReplicaGet>(&body)) {
    return type + (get->digest_only ? " digest only" : " object");
  }
  if (const auto* reply = std::get_if<ReplicaGetReply>(&body)) {
    const std::string what =
        reply->object.empty() ? text_of(reply->digest) : text_of_encoded(reply->object);
    return type + " " + what + (reply->is_incomplete ? ", incomplete" : "");
  }
  if (const auto* put = std::get_if<ReplicaPut>(&body)) {
    return type + " " + text_of_encoded(put->object);
  }
  if (const auto* put = std::get_if<HintPut>(&body)) {
    return type + " for " + name_of(put->owner) + " " + text_of_encoded(put->object);
  }
  if (const auto* get = std::get_if<HintGet>(&body)) {
    return type + " for " + names_of(get->owners);
  }
  if (const auto* error = std::get_if<ReplicaError>(&body)) {
    return type + " " + std::string(error_name(error->error.code));
  }
  return type;
}

void expect_recorded(const std::string& name, const std::string& text) {
  const std::string path = std::string(DYNAKV_TESTDATA_DIR) + "/transcripts/" + name + ".txt";
  if (std::getenv("DYNAKV_REWRITE_TRANSCRIPTS") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  std::ifstream file(path);
  std::stringstream recorded;
  recorded << file.rdbuf();
  if (recorded.str() == text) return;
  std::istringstream expected(recorded.str());
  std::istringstream actual(text);
  std::string expected_line;
  std::string actual_line;
  std::string common;
  while (true) {
    const bool has_expected = static_cast<bool>(std::getline(expected, expected_line));
    const bool has_actual = static_cast<bool>(std::getline(actual, actual_line));
    if (!has_expected) expected_line = "(the end)";
    if (!has_actual) actual_line = "(the end)";
    if (expected_line != actual_line || (!has_expected && !has_actual)) break;
    common += "    " + actual_line + "\n";
  }
  ADD_FAILURE() << name << ".txt, after\n"
                << common << "recorded:\n    " << expected_line << "\nnow:\n    " << actual_line
                << "\nIf this is meant, record it anew: DYNAKV_REWRITE_TRANSCRIPTS=1 "
                   "build/dev/bin/dynakv_protocol_tests --gtest_filter='Transcript*'";
}

}  // namespace dynakv::testing

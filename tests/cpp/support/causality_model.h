// A small model of replicas, clients and their sessions around the real Object, and the oracle
// that judges it: explicit causal histories (I3, I4, I5, I8).
//
// The oracle never looks at dots. Each put and delete is an operation with the explicit set of
// writes that its context stood for; a replica is the set of operations it heard of. Its true
// siblings are the writes it heard of that no operation it heard of had seen. Beside that stands
// the strict truth: a context may only stand for a write whose value its holder was shown, or that
// somebody who was shown it has superseded.
//
// Rules is what a canary replaces to plant a bug.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dynakv/base/hash.h"
#include "dynakv/domain/object.h"

namespace dynakv::test {

/// The rules of the design, as the code under test has them.
struct RealRules {
  static constexpr bool kNewActorAfterWipe = true;
  static constexpr bool kCounterPerKey = false;
  /// False: only the siblings that replicas show are judged, not what contexts stand for.
  static constexpr bool kJudgesContexts = true;
  static Context reply(const Context& seen, std::optional<Dot> dot, const Object& before,
                       const Object& after) {
    return reply_context(seen, dot, before, after);
  }
  static void remove(Object& object, const Context& seen) { object.remove(seen); }
  static void apply(Object& mine, const Object& theirs) { mine.join(theirs); }
};

/// A set of the operations of one run, by number.
using OpSet = std::uint64_t;
inline constexpr std::size_t kOpsMax = 64;
inline constexpr OpSet bit_of(std::size_t op) { return OpSet{1} << op; }

enum class Act : std::uint8_t {
  get,
  put_seen,
  put_blind,
  remove_seen,
  replicate,
  wipe,  // the exhaustive alphabet
  send,
  deliver,
  new_session,  // random runs only
};

struct Step {
  Act act{};
  std::uint8_t client = 0;
  std::uint8_t replica = 0;
  std::uint8_t other = 0;  // receiving replica, or number of a message
  std::uint8_t key = 0;
};

inline std::string to_string(const Step& step) {
  static constexpr const char* kNames[] = {"get",         "put_seen",  "put_blind",
                                           "remove_seen", "replicate", "wipe",
                                           "send",        "deliver",   "new_session"};
  return std::string(kNames[static_cast<int>(step.act)]) +
         " client=" + std::to_string(step.client) + " replica=" + std::to_string(step.replica) +
         " other=" + std::to_string(step.other) + " key=" + std::to_string(step.key);
}

struct Shape {
  std::size_t replicas = 3;
  std::size_t clients = 2;
  std::size_t keys = 1;
  /// Every writer works through its session, so nobody has two siblings (I8).
  bool one_sibling_per_client = false;
};

/// The numbers are the most that a Shape may ask for; small ones make copies cheap.
template <typename Rules, std::size_t kReplicas = 5, std::size_t kClients = 4,
          std::size_t kKeys = 3>
class CausalityModel {
 public:
  static constexpr std::size_t kMessagesMax = 8;

  explicit CausalityModel(const Shape& shape) : shape_(shape) {
    for (std::size_t r = 0; r < shape_.replicas; ++r) start_life(r);
  }

  /// False when the oracle found a violation; failure() then says which.
  bool run(const Step& step) {
    switch (step.act) {
      case Act::get:
        get(step);
        break;
      case Act::put_seen:
        put(step, true);
        break;
      case Act::put_blind:
        put(step, false);
        break;
      case Act::remove_seen:
        remove(step);
        break;
      case Act::replicate:
        receive(step.other, step.key, cell(step.replica, step.key));
        break;
      case Act::wipe:
        wipe(step.replica);
        break;
      case Act::send:
        send(step);
        break;
      case Act::deliver:
        deliver(step);
        break;
      case Act::new_session:
        session(step.client, step.key) = Session{};
        break;
    }
    return ok();
  }

  /// Exchanges everything, then all replicas must be equal (I7).
  bool heal() {
    for (std::size_t round = 0; round < 2; ++round) {
      for (std::size_t from = 0; from < shape_.replicas; ++from) {
        for (std::size_t to = 0; to < shape_.replicas; ++to) {
          for (std::size_t key = 0; key < shape_.keys; ++key) receive(to, key, cell(from, key));
        }
      }
    }
    for (std::size_t key = 0; key < shape_.keys; ++key) {
      for (std::size_t r = 1; r < shape_.replicas; ++r) {
        if (cell(r, key).object != cell(0, key).object) fail_with("I7: replicas differ");
      }
    }
    return ok();
  }

  bool ok() const { return failure_.empty(); }
  const std::string& failure() const { return failure_; }
  bool full() const { return ops_.size() + 1 >= kOpsMax; }
  std::size_t sibling_count(std::size_t replica, std::size_t key) const {
    return replicas_[replica].cells[key].object.siblings().size();
  }

  /// Equal for states that differ only in the order in which operations were numbered.
  std::uint64_t digest() const {
    Bytes bytes;
    const auto add = [&bytes](std::uint64_t n) {
      bytes.append(reinterpret_cast<const char*>(&n), sizeof(n));
    };
    const auto add_context = [&](const Context& context) {
      for (const auto* dots : {&context.vector().entries(), &context.isolated()}) {
        add(dots->size());
        for (const Dot& dot : *dots) add(to_number(dot.actor) ^ (dot.counter << 48));
      }
    };
    for (std::size_t r = 0; r < shape_.replicas; ++r) {
      add(to_number(replicas_[r].actor));
      add(replicas_[r].counter);
      for (std::size_t k = 0; k < shape_.keys; ++k) {
        add(content_of(replicas_[r].cells[k].heard));
        add_context(replicas_[r].cells[k].object.context());
      }
    }
    for (std::size_t c = 0; c < shape_.clients; ++c) {
      for (std::size_t k = 0; k < shape_.keys; ++k) {
        add_context(sessions_[c][k].context);
        add(content_of(sessions_[c][k].shown));
      }
    }
    add(content_of(superseded_));
    add(content_of(all_ops()));
    return hash64(bytes);
  }

 private:
  struct Op {
    bool is_write = false;
    std::size_t key = 0;
    Dot dot;
    OpSet seen = 0;             // what its context stood for
    std::uint64_t content = 0;  // a name that does not depend on the order of numbering
  };
  struct Cell {
    Object object;
    OpSet heard = 0;
  };
  struct Replica {
    ActorId actor{};
    std::uint64_t life = 0;
    std::uint64_t counter = 0;                        // one for all keys of the slot
    std::array<std::uint64_t, kKeys> key_counters{};  // only for the canary that uses them
    std::array<Cell, kKeys> cells;
  };
  struct Session {
    Context context;
    OpSet stands_for = 0;  // what the context must cover, and nothing else of this key
    OpSet shown = 0;       // values that this client was shown or wrote itself
  };
  struct Message {
    std::size_t key = 0;
    Cell cell;
  };

  Cell& cell(std::size_t replica, std::size_t key) { return replicas_[replica].cells[key]; }
  Session& session(std::size_t client, std::size_t key) { return sessions_[client][key]; }
  OpSet all_ops() const { return ops_.empty() ? 0 : ~OpSet{0} >> (kOpsMax - ops_.size()); }

  template <typename Visit>
  void for_each(OpSet set, Visit visit) const {
    for (; set != 0; set &= set - 1) visit(static_cast<std::size_t>(std::countr_zero(set)));
  }
  std::uint64_t content_of(OpSet set) const {
    std::uint64_t sum = 0;
    for_each(set, [&](std::size_t op) { sum += ops_[op].content; });
    return sum;
  }
  OpSet seen_by(OpSet heard) const {
    OpSet seen = 0;
    for_each(heard, [&](std::size_t op) { seen |= ops_[op].seen; });
    return seen;
  }
  OpSet true_siblings(OpSet heard) const { return heard & writes_ & ~seen_by(heard); }
  /// All that a replica's context stands for: what it heard of and what that had seen.
  OpSet stands_for(OpSet heard) const { return (heard & writes_) | seen_by(heard); }

  void start_life(std::size_t r) {
    Replica fresh;
    fresh.life = replicas_[r].life + 1;
    const std::uint64_t life = Rules::kNewActorAfterWipe ? fresh.life : 1;
    // Mixed, so that the order of actors says nothing about replicas and lives.
    fresh.actor = static_cast<ActorId>(hash64_of_pair(r, life));
    replicas_[r] = std::move(fresh);
  }
  void wipe(std::size_t r) { start_life(r); }

  Dot next_dot(std::size_t r, std::size_t key) {
    Replica& replica = replicas_[r];
    if (Rules::kCounterPerKey) {
      // The planted bug: a tombstone is reaped on this replica alone, the key's counter with it.
      Cell& mine = replica.cells[key];
      if (mine.object.siblings().empty() && !mine.object.is_absent()) {
        mine.object = Object();
        mine.heard = 0;
        replica.key_counters[key] = 0;
      }
      return {replica.actor, ++replica.key_counters[key]};
    }
    return {replica.actor, ++replica.counter};
  }

  std::size_t new_op(Op op, OpSet shown) {
    superseded_ |= shown;
    const auto kind = static_cast<std::uint64_t>(op.is_write);
    op.content = hash64_of_pair(hash64_of_pair(to_number(op.dot.actor) + kind, op.dot.counter),
                                content_of(op.seen) + op.key * 77 + content_of(shown) * 31);
    if (op.is_write) {
      for (const Op& earlier : ops_) {
        if (earlier.is_write && earlier.dot == op.dot) fail_with("I4: a dot was used twice");
      }
      writes_ |= bit_of(ops_.size());
    }
    ops_.push_back(op);
    return ops_.size() - 1;
  }

  void get(const Step& step) {
    const Cell& at = cell(step.replica, step.key);
    Session& mine = session(step.client, step.key);
    mine.context.join(at.object.context());
    mine.stands_for |= stands_for(at.heard);
    mine.shown |= true_siblings(at.heard);
    check_session(mine, step.key);
  }

  void put(const Step& step, bool with_session) {
    Session& mine = session(step.client, step.key);
    const Session used = with_session ? mine : Session{};
    const Dot dot = next_dot(step.replica, step.key);
    Cell& at = cell(step.replica, step.key);
    const Cell before = at;
    const std::size_t op = new_op({true, step.key, dot, used.stands_for, 0}, used.shown);
    Payload payload;
    payload.write_id = op + 1;
    at.object.put(used.context, dot, std::move(payload));
    at.heard |= bit_of(op);
    finish_write(mine, used, before, at, dot, bit_of(op), with_session);
    check_cell(at, step.key);
    check_session(mine, step.key);
  }

  void remove(const Step& step) {
    Session& mine = session(step.client, step.key);
    const Session used = mine;
    Cell& at = cell(step.replica, step.key);
    const Cell before = at;
    const std::size_t op = new_op({false, step.key, {}, used.stands_for, 0}, used.shown);
    Rules::remove(at.object, used.context);
    at.heard |= bit_of(op);
    finish_write(mine, used, before, at, std::nullopt, 0, true);
    check_cell(at, step.key);
    check_session(mine, step.key);
  }

  void finish_write(Session& mine, const Session& used, const Cell& before, const Cell& after,
                    std::optional<Dot> dot, OpSet own, bool with_session) {
    const Context reply = Rules::reply(used.context, dot, before.object, after.object);
    const bool saw_all = (true_siblings(before.heard) & ~used.stands_for) == 0;
    const OpSet meaning = saw_all ? stands_for(after.heard) : (used.stands_for | own);
    if (with_session) {
      mine.context = reply;
      mine.stands_for = meaning;
    } else {
      mine.context.join(reply);
      mine.stands_for |= meaning;
    }
    mine.shown |= own;
  }

  void receive(std::size_t to, std::size_t key, const Cell& from) {
    Cell& at = cell(to, key);
    Rules::apply(at.object, from.object);
    at.heard |= from.heard;
    check_cell(at, key);
  }

  void send(const Step& step) {
    Message message{step.key, cell(step.replica, step.key)};
    if (messages_.size() < kMessagesMax) {
      messages_.push_back(std::move(message));
    } else {
      messages_[step.other % kMessagesMax] = std::move(message);  // the older one is lost
    }
  }

  /// The message stays: it may come again, much later.
  void deliver(const Step& step) {
    if (messages_.empty()) return;
    const Message& message = messages_[step.other % messages_.size()];
    receive(step.replica, message.key, message.cell);
  }

  void check_cell(const Cell& at, std::size_t key) {
    OpSet real = 0;
    for (const Sibling& sibling : at.object.siblings()) {
      const std::size_t op = static_cast<std::size_t>(sibling.payload.write_id) - 1;
      if (ops_[op].dot != sibling.dot) fail_with("I4: a value moved to another dot");
      real |= bit_of(op);
    }
    const OpSet truth = true_siblings(at.heard);
    if ((truth & ~real) != 0) fail_with("I3b: a sibling that nobody superseded is gone");
    if ((real & ~truth) != 0) fail_with("I3a: a superseded value is shown");
    if (shape_.one_sibling_per_client && at.object.siblings().size() > shape_.clients) {
      fail_with("I8: more siblings than clients");
    }
    if (!Rules::kJudgesContexts) return;
    const OpSet meaning = stands_for(at.heard);
    check_covers(at.object.context(), meaning, key, "I5: a replica's context");
    if ((meaning & ~truth & ~superseded_) != 0) {
      fail_with("I5: a replica's context stands for a value it never held");
    }
  }

  void check_session(const Session& mine, std::size_t key) {
    if (!Rules::kJudgesContexts) return;
    check_covers(mine.context, mine.stands_for, key, "I5: a session's context");
    if ((mine.stands_for & ~mine.shown & ~superseded_) != 0) {
      fail_with("I5: a session's context stands for a value nobody was shown");
    }
  }

  void check_covers(const Context& context, OpSet meaning, std::size_t key, const char* whose) {
    for_each(writes_, [&](std::size_t op) {
      if (ops_[op].key != key) return;
      const bool must = (meaning & bit_of(op)) != 0;
      if (context.covers(ops_[op].dot) == must) return;
      fail_with(whose + std::string(must ? " lost a write" : " covers a write it must not"));
    });
  }

  void fail_with(std::string what) {
    if (failure_.empty()) failure_ = std::move(what);
  }

  Shape shape_;
  std::array<Replica, kReplicas> replicas_;
  std::array<std::array<Session, kKeys>, kClients> sessions_;
  std::vector<Op> ops_;
  std::vector<Message> messages_;
  OpSet writes_ = 0;
  OpSet superseded_ = 0;  // by somebody who was shown it
  std::string failure_;
};

}  // namespace dynakv::test

// Random messages of every type, for the tests of the codec. A sample is filled by a walk over the
// message's fields (protocol/message_fields.h), so a new message needs nothing here.
#pragma once

#include <algorithm>
#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "dynakv/adapters/wire_messages.h"
#include "dynakv/base/random.h"
#include "dynakv/protocol/message_fields.h"
#include "dynakv/protocol/messages.h"

namespace dynakv {

class MessageSampler {
 public:
  explicit MessageSampler(std::uint64_t seed) : random_(seed) {}

  Random& random() { return random_; }

  /// A message of the type that stands at `index` in Body.
  Message message(std::size_t index) {
    Message made;
    made.id = static_cast<RequestId>(random_.next());
    emplace(made.body, index, std::make_index_sequence<std::variant_size_v<AnyMessage>>{});
    return made;
  }
  Message any() { return message(random_.below(std::variant_size_v<AnyMessage>)); }

  template <typename... Fields>
  void operator()(Fields&&... fields) {
    (fill(fields), ...);
  }

 private:
  template <std::size_t... I>
  void emplace(Body& body, std::size_t index, std::index_sequence<I...>) {
    ((index == I ? fill(body.emplace<I>()) : void()), ...);
  }

  /// A struct: its fields one by one.
  template <typename T>
  void fill(T& value) {
    serialize(*this, value);
  }
  template <std::integral T>
  void fill(T& value) {
    // Small numbers and large ones: both ends of a varint.
    const std::uint64_t number = flag() ? random_.next() : random_.below(300);
    value = std::is_same_v<T, bool> ? static_cast<T>(number & 1) : static_cast<T>(number);
  }
  template <typename T>
  requires std::is_enum_v<T>
  void fill(T& value) {
    do {
      value = static_cast<T>(sizeof(T) == 8 ? random_.next() : random_.below(64));
    } while (!WireEnum<T>::is_known(value));
  }
  template <typename String>
  void fill(Bounded<String>& field) {
    // Names are short, keys longer, values and objects longest; all small enough to be many.
    const std::size_t usual = field.size_max < 512 ? 20 : field.size_max < 8192 ? 60 : 700;
    field.bytes = random_.bytes(random_.below(std::min(usual, field.size_max) + 1));
  }
  template <typename T>
  void fill(std::vector<T>& items) {
    items.resize(random_.below(5));
    for (T& item : items) fill(item);
  }
  void fill(Duration& value) { value = {random_.between(0, 1'000'000'000'000)}; }
  void fill(QuorumSize& value) {
    value = QuorumSize::from_number(static_cast<std::int16_t>(random_.between(-2, 7)));
  }
  void fill(Error& value) {
    fill(value.code);
    value.message = random_.bytes(random_.below(41));
  }
  void fill(MemberVersion& value) {
    value = {{random_.next(), random_.next()},
             random_.below(300),
             random_.next(),
             random_.below(100'000)};
  }
  void fill(Context& value) {
    for (std::uint64_t i = random_.below(6); i > 0; --i) {
      const Dot dot{static_cast<ActorId>(random_.below(4)), 1 + random_.below(300)};
      if (flag()) {
        value.advance(dot);
      } else {
        value.add_isolated(dot);
      }
    }
  }
  void fill(ExplainRecord& value) {
    if (flag()) return;
    auto made = std::make_shared<Explain>();
    fill(*made);
    value = std::move(made);
  }

  bool flag() { return random_.chance(1, 2); }

  Random random_;
};

}  // namespace dynakv

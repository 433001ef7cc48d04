#include "dynakv/protocol/effect_queue.h"

#include <type_traits>

#include "dynakv/protocol/message_fields.h"

namespace dynakv {
namespace {

/// Walks over the fields of a message and counts what it keeps outside of itself, so that no field
/// can be forgotten.
class ByteCounter {
 public:
  template <typename... T>
  void operator()(T&&... fields) {
    (count(fields), ...);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  template <typename T>
  void count(const T& value) {
    // Archives change what they walk over; this one does not.
    if constexpr (!std::is_trivially_copyable_v<T>) serialize(*this, const_cast<T&>(value));
  }
  template <typename String>
  void count(const Bounded<String>& field) {
    bytes_ += field.bytes.size();
  }
  template <typename T>
  void count(const std::vector<T>& items) {
    bytes_ += items.size() * sizeof(T);
    if constexpr (!std::is_trivially_copyable_v<T>) {
      for (const T& item : items) count(item);
    }
  }
  void count(const Context& context) {
    count(context.vector().entries());
    count(context.isolated());
  }
  void count(const Error& error) { bytes_ += error.message.size(); }
  void count(const ExplainRecord& record) {
    if (record) bytes_ += sizeof(Explain) + record->events.size() * sizeof(ExplainEvent);
  }

  std::size_t bytes_ = 0;
};

}  // namespace

std::size_t effect_bytes(const Effect& effect) {
  const auto* send = std::get_if<Send>(&effect);
  if (send == nullptr) return 0;
  ByteCounter counter;
  std::visit([&](const auto& body) { counter(body); }, send->message.body);
  return counter.bytes();
}

}  // namespace dynakv

#include "tests/cpp/adapters/wire_allocation_count.h"

#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t allocated = 0;

}  // namespace

// In a file of their own, so that no caller sees one of the pair inlined and the other not.
void* operator new(std::size_t size) {
  allocated += size;
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace dynakv {

void reset_allocated_bytes() { allocated = 0; }
std::size_t allocated_bytes() { return allocated; }

}  // namespace dynakv

// How much memory this thread has asked for. The program's operator new is replaced (in the .cc).
#pragma once

#include <cstddef>

namespace dynakv {

void reset_allocated_bytes();
std::size_t allocated_bytes();

}  // namespace dynakv

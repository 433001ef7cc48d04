#include "dynakv/adapters/system_clock.h"

#include <chrono>

namespace dynakv {

Now system_now() {
  using std::chrono::duration_cast;
  const auto steady = std::chrono::steady_clock::now().time_since_epoch();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return Now{
      .steady = {duration_cast<std::chrono::nanoseconds>(steady).count()},
      .wall = {duration_cast<std::chrono::milliseconds>(wall).count()},
  };
}

}  // namespace dynakv

#include "bench/measure.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "bench/temp_directory.h"

namespace dynakv::bench {
namespace {

/// CPU time of a process and of the children that it has waited for, in clock ticks; 0 for kernel
/// threads, and for a process that is gone. The layout of the line is in proc(5).
double cpu_ticks(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream rest(line.substr(name_end + 1));
  double ticks = 0;
  std::string field;
  for (int number = 3; rest >> field; ++number) {
    if (number >= 14 && number <= 17) ticks += std::strtod(field.c_str(), nullptr);
    if (number == 23) return field == "0" ? 0 : ticks;  // no memory of its own: the kernel's
  }
  return 0;
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  require(!values.empty(), "no samples");
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

double quantile(std::vector<float>& values, int per_mille) {
  const std::size_t at =
      std::min(values.size() - 1, values.size() * static_cast<std::size_t>(per_mille) / 1000);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

double wall_seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_us_of_process() {
  rusage usage{};
  require(::getrusage(RUSAGE_SELF, &usage) == 0, "getrusage");
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

double cpu_seconds_of_others() {
  const std::unique_ptr<DIR, int (*)(DIR*)> processes(::opendir("/proc"), &::closedir);
  if (processes == nullptr) return 0;
  const std::string own = std::to_string(::getpid());
  double ticks = 0;
  while (const dirent* entry = ::readdir(processes.get())) {
    const std::string name = entry->d_name;
    if (name.front() < '0' || name.front() > '9' || name == own) continue;
    ticks += cpu_ticks(name);
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

Sample measure(std::uint64_t operations, const std::function<void()>& work) {
  Sample sample;
  sample.operations = operations;
  const double cpu = cpu_us_of_process();
  const double begin = wall_seconds_now();
  work();
  sample.wall_seconds = wall_seconds_now() - begin;
  sample.cpu_us = cpu_us_of_process() - cpu;
  return sample;
}

void require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "dynakv_bench: %s\n", what.c_str());
  leave_nothing_and_exit(1);
}

}  // namespace dynakv::bench

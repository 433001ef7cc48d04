// dynakv_bench: measures DynaKV beside its floor, in one run.
//
// Usage: dynakv_bench [--quick] [--rounds N] [--only NAME] [--json]
//
// Prints, for each row, the median and the range of N rounds (5): operations per second, CPU time
// of the whole process for each operation, and the ratio to the floor by round. A goal that is not
// reached is told, and is no failure. See PERFORMANCE.md §3.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "bench/rows.h"
#include "bench/temp_directory.h"

namespace {

using dynakv::bench::BenchOptions;
using dynakv::bench::Report;

[[noreturn]] void fail_with_usage(const std::string& why) {
  std::fprintf(stderr,
               "dynakv_bench: %s\n"
               "usage: dynakv_bench [--quick] [--rounds N] [--only NAME] [--json]\n"
               "  --quick        a tenth of the operations, and keeps rounds that others disturb\n"
               "  --rounds N     rounds of each row, at least 1 (5)\n"
               "  --only NAME    rows whose names contain NAME\n"
               "  --json         one object with all rows, instead of text\n",
               why.c_str());
  std::exit(2);
}

BenchOptions parse(int argc, char** argv) {
  BenchOptions options;
  options.command_line = "dynakv_bench";
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    options.command_line += " " + name;
    const auto value = [&]() -> std::string {
      if (i + 1 == argc) fail_with_usage(name + " needs a value");
      options.command_line += std::string(" ") + argv[i + 1];
      return argv[++i];
    };
    if (name == "--quick") {
      options.quick = true;
    } else if (name == "--json") {
      options.json = true;
    } else if (name == "--only") {
      options.only = value();
    } else if (name == "--rounds") {
      options.rounds = std::atoi(value().c_str());
      if (options.rounds < 1) fail_with_usage("--rounds is at least 1");
    } else {
      fail_with_usage("unknown argument " + name);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  Report report(parse(argc, argv));
  dynakv::bench::leave_nothing_when_interrupted();
  report.begin();
  dynakv::bench::run_value_rows(report);
  dynakv::bench::run_core_rows(report);
  dynakv::bench::run_cluster_rows(report);
  report.end();
  return 0;
}

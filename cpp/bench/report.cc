#include "bench/report.h"

#include <rocksdb/version.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <thread>
#include <utility>

namespace dynakv::bench {
namespace {

/// Rounds done at the most for each that is kept.
constexpr int kTriesForEachRound = 2;

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, value);
  return text;
}

/// Three significant digits, or all before the point.
std::string number(double value) {
  if (value >= 100) return format("%.0f", value);
  if (value >= 10) return format("%.1f", value);
  return format(value >= 1 ? "%.2f" : "%.3f", value);
}

std::string text_of(const Spread& spread) {
  return number(spread.median) + " [" + number(spread.min) + " .. " + number(spread.max) + "]";
}

std::string json_of(const Spread& spread) {
  return "[" + format("%.6g", spread.median) + "," + format("%.6g", spread.min) + "," +
         format("%.6g", spread.max) + "]";
}

/// REQUIRES: nothing below a space in `text`.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

template <typename Get>
Spread spread_by(const std::vector<Sample>& samples, Get get) {
  std::vector<double> values;
  for (const Sample& sample : samples) values.push_back(get(sample));
  return spread_of(std::move(values));
}

double rate_of(const Sample& sample) { return sample.operations_per_second(); }
double cpu_of(const Sample& sample) { return sample.cpu_us_per_operation(); }
double p50_of(const Sample& sample) { return sample.p50_us; }
double p99_of(const Sample& sample) { return sample.p99_us; }

template <typename Get>
Spread ratio_of(const Row& row, Get get) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < row.stores.size(); ++i) {
    ratios.push_back(get(row.stores[i]) / get(row.floors[i]));
  }
  return spread_of(std::move(ratios));
}

bool reaches(const RowPlan& plan, double ratio) {
  return plan.compare == Compare::rate ? ratio >= *plan.goal : ratio <= *plan.goal;
}

void print_samples(const std::string& label, const std::vector<Sample>& samples) {
  std::printf("    %-30s %s /s   CPU %s us", label.c_str(),
              text_of(spread_by(samples, rate_of)).c_str(),
              text_of(spread_by(samples, cpu_of)).c_str());
  if (samples.front().p50_us > 0) {
    std::printf("   p50 %s us   p99 %s us", text_of(spread_by(samples, p50_of)).c_str(),
                text_of(spread_by(samples, p99_of)).c_str());
  }
  std::printf("\n");
}

std::string json_samples(const std::vector<Sample>& samples) {
  std::string text = "{\"per_second\":" + json_of(spread_by(samples, rate_of)) +
                     ",\"cpu_us\":" + json_of(spread_by(samples, cpu_of));
  if (samples.front().p50_us > 0) {
    text += ",\"p50_us\":" + json_of(spread_by(samples, p50_of)) +
            ",\"p99_us\":" + json_of(spread_by(samples, p99_of));
  }
  return text + "}";
}

std::string json_row(const Row& row) {
  const RowPlan& plan = row.plan;
  std::string text = "{\"name\":" + quoted(plan.name) + ",\"what\":" + quoted(plan.what) +
                     ",\"rounds\":" + std::to_string(row.stores.size()) +
                     ",\"noisy_rounds\":" + std::to_string(row.noisy_rounds) +
                     ",\"operations\":" + std::to_string(row.stores.front().operations) +
                     ",\"store\":" + json_samples(row.stores);
  if (plan.floor) {
    const bool by_rate = plan.compare == Compare::rate;
    const Spread ratio = by_rate ? ratio_of(row, rate_of) : ratio_of(row, p50_of);
    text += ",\"floor_name\":" + quoted(plan.floor_name) +
            ",\"floor\":" + json_samples(row.floors) + ",\"ratio\":" + json_of(ratio) +
            ",\"cpu_ratio\":" + json_of(ratio_of(row, cpu_of));
    if (plan.goal) {
      text += ",\"goal\":" + format("%.3g", *plan.goal) +
              ",\"reached\":" + (reaches(plan, ratio.median) ? "true" : "false");
    }
  }
  return text + "}";
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown CPU";
}

std::string machine() {
  utsname system{};
  (void)::uname(&system);
  return std::to_string(std::thread::hardware_concurrency()) + " cores, " + cpu_model() + ", " +
         system.sysname + " " + system.release;
}

}  // namespace

Report::Report(BenchOptions options) : options_(std::move(options)) {}

bool Report::wants(const std::string& name) const {
  return options_.only.empty() || name.find(options_.only) != std::string::npos;
}

bool Report::wants_any(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    if (wants(name)) return true;
  }
  return false;
}

void Report::run(const RowPlan& plan) {
  if (!wants(plan.name)) return;
  Row row{.plan = plan};
  if (plan.floor) (void)plan.floor(0);
  (void)plan.store(0);
  const int tries_max = options_.rounds * kTriesForEachRound;
  for (int round = 1; static_cast<int>(row.stores.size()) < options_.rounds; ++round) {
    const double others = cpu_seconds_of_others();
    const double begin = wall_seconds_now();
    Sample floor;
    if (plan.floor) floor = plan.floor(round);
    const Sample store = plan.store(round);
    const double foreign =
        (cpu_seconds_of_others() - others) / std::max(wall_seconds_now() - begin, 1e-3);
    const bool noisy = foreign > kForeignCoresMax;
    const int tries_left = tries_max - round;
    const int missing = options_.rounds - static_cast<int>(row.stores.size());
    if (noisy && !options_.quick && tries_left >= missing) {
      ++row.rounds_done_again;
      continue;
    }
    if (noisy) ++row.noisy_rounds;
    if (plan.floor) row.floors.push_back(floor);
    row.stores.push_back(store);
  }
  print(row);
  json_rows_.push_back(json_row(row));
}

void Report::print(const Row& row) const {
  if (options_.json) return;
  const RowPlan& plan = row.plan;
  std::printf("%s: %s\n", plan.name.c_str(), plan.what.c_str());
  if (plan.floor) print_samples(plan.floor_name, row.floors);
  print_samples(plan.floor ? "DynaKV" : "", row.stores);
  if (plan.floor) {
    const bool by_rate = plan.compare == Compare::rate;
    const Spread ratio = by_rate ? ratio_of(row, rate_of) : ratio_of(row, p50_of);
    std::printf("    %-30s %s", by_rate ? "ratio of rates" : "ratio of medians",
                text_of(ratio).c_str());
    std::printf("   of CPU %s", text_of(ratio_of(row, cpu_of)).c_str());
    if (plan.goal) {
      std::printf("   goal %s %s: %s", by_rate ? ">=" : "<=", number(*plan.goal).c_str(),
                  reaches(plan, ratio.median) ? "reached" : "NOT reached");
    }
    std::printf("\n");
  }
  if (row.rounds_done_again > 0 || row.noisy_rounds > 0) {
    std::printf("    other processes were busy: %d rounds done again, %d kept\n",
                row.rounds_done_again, row.noisy_rounds);
  }
  std::fflush(stdout);
}

void Report::begin() const {
  if (options_.json) return;
  std::printf("%s\n%s, RocksDB %s\n", options_.command_line.c_str(), machine().c_str(),
              rocksdb::GetRocksVersionAsString().c_str());
  std::printf(
      "median [least .. most] of %d rounds, each: floor, then store; CPU of the whole process for "
      "each operation\n\n",
      options_.rounds);
  std::fflush(stdout);
}

void Report::end() const {
  if (!options_.json) return;
  std::printf("{\"command\":%s,\"machine\":%s,\"rocksdb\":%s,\"rounds\":%d,\"rows\":[",
              quoted(options_.command_line).c_str(), quoted(machine()).c_str(),
              quoted(rocksdb::GetRocksVersionAsString()).c_str(), options_.rounds);
  for (std::size_t i = 0; i < json_rows_.size(); ++i) {
    std::printf("%s\n%s", i == 0 ? "" : ",", json_rows_[i].c_str());
  }
  std::printf("]}\n");
}

}  // namespace dynakv::bench

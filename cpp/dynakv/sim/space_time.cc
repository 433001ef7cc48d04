#include "dynakv/sim/space_time.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

namespace dynakv {
namespace {

constexpr std::size_t kViolationsShown = 3;
constexpr std::array<std::string_view, 6> kVerbs = {"get",    "put",       "blind put",
                                                    "delete", "overwrite", "put if absent"};

/// A moment of the run: what to write into which column, or one text over all of them.
struct Row {
  Instant at;
  std::map<std::size_t, std::string> cells;
  std::string text;
};

std::string for_ms(Duration span) { return " for " + std::to_string(span.milliseconds()) + " ms"; }

class Table {
 public:
  explicit Table(const Plan& plan) : plan_(plan) {
    for (int i = 0; i < plan.client_count; ++i) names_.push_back("c" + std::to_string(i));
    for (int i = 0; i < nodes(); ++i) names_.push_back("n" + std::to_string(i));
    for (const std::string& name : names_) widths_.push_back(name.size());
  }

  void add(const PlannedOperation& operation) {
    std::string text(kVerbs[static_cast<std::size_t>(operation.kind)]);
    text += " " + key_name(plan_, operation.key);
    if (!operation.quorum.is_default()) text += " of " + operation.quorum.text();
    rows_.push_back({operation.at, {{static_cast<std::size_t>(operation.client), text}}, {}});
  }

  void add(const PlannedFault& fault) {
    Row row{fault.at, {}, {}};
    const std::string name(fault_name(fault.kind));
    switch (fault.kind) {
      case FaultKind::one_way:
      case FaultKind::clog:
      case FaultKind::reset:
        row.cells[column_of(fault.a)] = name + " to " + names_[column_of(fault.b)];
        break;
      case FaultKind::split:
      case FaultKind::swizzle:
      case FaultKind::bridge:
        for (int i = 0; i < nodes(); ++i) {
          if ((fault.amount >> i) & 1) row.cells[column_of(i)] = name;
        }
        if (fault.kind == FaultKind::bridge) row.cells[column_of(fault.a)] = "is the bridge";
        break;
      case FaultKind::ring:
        for (int i = 0; i < nodes(); ++i) row.cells[column_of(i)] = name;
        break;
      default:
        row.cells[column_of(fault.a)] = name + amount_of(fault);
        break;
    }
    if (fault.lasts > Duration{} && !row.cells.empty()) {
      row.cells.begin()->second += for_ms(fault.lasts);
    }
    rows_.push_back(std::move(row));
  }

  void add(const Violation& violation) {
    rows_.push_back({violation.at, {}, violation.invariant + " violated: " + violation.detail});
  }

  std::string text() {
    std::stable_sort(rows_.begin(), rows_.end(),
                     [](const Row& a, const Row& b) { return a.at < b.at; });
    std::vector<bool> is_used(names_.size(), false);
    for (const Row& row : rows_) {
      for (const auto& [column, cell] : row.cells) {
        is_used[column] = true;
        widths_[column] = std::max(widths_[column], cell.size());
      }
    }
    // Nodes are there even when nothing happens to them; of the clients, those that ask.
    Row head;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (i >= static_cast<std::size_t>(plan_.client_count)) is_used[i] = true;
      if (is_used[i]) head.cells[i] = names_[i];
    }
    std::string text = line("seconds", head, is_used);
    for (const Row& row : rows_) {
      std::array<char, 32> time{};
      std::snprintf(time.data(), time.size(), "%.6f",
                    static_cast<double>(row.at.nanoseconds) / 1e9);
      text += line(time.data(), row, is_used);
    }
    return text;
  }

 private:
  int nodes() const { return plan_.simulation.node_count; }
  std::size_t column_of(int host) const {
    const int column = host < nodes() ? plan_.client_count + host : host - nodes();
    return static_cast<std::size_t>(column);
  }

  static std::string amount_of(const PlannedFault& fault) {
    const std::string amount = std::to_string(fault.amount);
    switch (fault.kind) {
      case FaultKind::slow:
        return " x " + amount;
      case FaultKind::clock_offset:
        return " of " + amount + " ms";
      case FaultKind::clock_drift:
        return " of " + amount + " ppm";
      case FaultKind::no_room:
        return " after " + amount + " bytes";
      case FaultKind::flap:
        return " every " + amount + " ms";
      case FaultKind::restore_backup:
        return " " + amount + " ms old";
      case FaultKind::damage:
        return " to " + amount + " objects";
      default:
        return {};
    }
  }

  std::string line(const std::string& time, const Row& row,
                   const std::vector<bool>& is_used) const {
    constexpr std::size_t kTimeWidth = 10;
    std::string text = std::string(kTimeWidth - std::min(kTimeWidth, time.size()), ' ') + time;
    if (!row.text.empty()) return text + "  " + row.text + "\n";
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (!is_used[i]) continue;
      const auto cell = row.cells.find(i);
      const std::string& content = cell == row.cells.end() ? kNothing : cell->second;
      text += "  " + content + std::string(widths_[i] - content.size(), ' ');
    }
    return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  }

  inline static const std::string kNothing = ".";
  const Plan& plan_;
  std::vector<std::string> names_;
  std::vector<std::size_t> widths_;
  std::vector<Row> rows_;
};

}  // namespace

std::string space_time_table(const Plan& plan, const std::vector<Violation>& violations) {
  Table table(plan);
  for (const PlannedFault& fault : plan.faults) table.add(fault);
  for (const PlannedOperation& operation : plan.operations) table.add(operation);
  for (std::size_t i = 0; i < std::min(violations.size(), kViolationsShown); ++i) {
    table.add(violations[i]);
  }
  return table.text();
}

}  // namespace dynakv

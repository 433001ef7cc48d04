// The log of a node: lines for its operator, on standard error. The only user of spdlog.
#pragma once

#include <memory>
#include <string>

#include "dynakv/node/node_options.h"

namespace dynakv {

class Log {
 public:
  /// `name` stands in every line.
  Log(LogLevel level, const std::string& name);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Ask before building an expensive text.
  bool is_on(LogLevel level) const { return level >= level_ && level_ != LogLevel::off; }
  void write(LogLevel level, const std::string& text) const;

 private:
  struct Sink;
  LogLevel level_;
  std::unique_ptr<Sink> sink_;
};

}  // namespace dynakv

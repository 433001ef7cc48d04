#include "dynakv/node/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace dynakv {

struct Log::Sink {
  explicit Sink(const std::string& name)
      : logger(name, std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger.set_pattern("%Y-%m-%dT%H:%M:%S.%e %L [%n] %v");
  }
  spdlog::logger logger;
};

Log::Log(LogLevel level, const std::string& name) : level_(level) {
  if (level == LogLevel::off) return;
  sink_ = std::make_unique<Sink>(name);
  sink_->logger.set_level(static_cast<spdlog::level::level_enum>(level));
}

Log::~Log() = default;

void Log::write(LogLevel level, const std::string& text) const {
  if (!is_on(level)) return;
  sink_->logger.log(static_cast<spdlog::level::level_enum>(level), "{}", text);
}

}  // namespace dynakv

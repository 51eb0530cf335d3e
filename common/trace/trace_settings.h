// Where traces go and which, as the command line and OpenTelemetry's variables say.
// Errors: INVALID_ARGUMENT names the option or variable and what would be right; never the value of a header.
// Threads: pure. Source: OpenTelemetry specification, SDK environment variables and OTLP exporter.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/trace/span.h"

namespace headrace::trace {

struct Sampler {
  bool follows_caller = true;  // what was started with a traceparent is told when that says so
  double ratio = 1;            // of all other traces
  bool Takes(const TraceId& trace, const std::optional<TraceContext>& caller) const;
};

struct TraceSettings {
  std::string url{};  // of POST
  std::vector<std::pair<std::string, std::string>> headers{};
  Duration timeout = std::chrono::seconds(10);  // of one POST
  std::vector<Attribute> resource{};
  Sampler sampler{};
};

// An environment variable; nothing, also when it is empty.
using Variable = std::function<std::optional<std::string>(const char* name)>;

// Nothing: traces are not wanted. `endpoint`: of --otlp-endpoint, empty if not given; `known`: what this process says of itself.
Result<std::optional<TraceSettings>> ReadTraceSettings(const std::string& endpoint, const Variable& variable, std::vector<Attribute> known);

}  // namespace headrace::trace

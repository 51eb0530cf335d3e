// A span as OTLP has it: what was done from when to when, below what, and how it ended.
// Units: UTC microseconds. Threads: values. Source: opentelemetry-proto 1.3, trace.proto.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/time.h"
#include "common/trace/trace_context.h"

namespace headrace::trace {

using Attribute = std::pair<std::string, std::variant<std::string, std::int64_t, bool>>;

enum class SpanKind : std::uint8_t { kInternal = 1, kServer = 2, kConsumer = 5 };
enum class SpanStatus : std::uint8_t { kUnset = 0, kOk = 1, kError = 2 };

struct SpanEvent {
  Timestamp at{};
  std::string name;
  bool operator==(const SpanEvent&) const = default;
};

struct SpanLink {
  TraceId trace;
  SpanId span;
  std::string why;  // for people
  bool operator==(const SpanLink&) const = default;
};

struct Span {
  TraceId trace;
  SpanId id;
  std::optional<SpanId> parent{};
  bool parent_is_remote = false;  // of another process's making
  std::string name;
  SpanKind kind = SpanKind::kInternal;
  Timestamp start{};
  Timestamp end{};
  std::vector<Attribute> attributes{};
  std::vector<SpanEvent> events{};
  std::uint32_t events_left_out = 0;
  std::vector<SpanLink> links{};
  SpanStatus status = SpanStatus::kUnset;
  bool operator==(const Span&) const = default;
};

}  // namespace headrace::trace

// Spans as the body of a POST to /v1/traces, and what a collector answers.
// Threads: pure. Source: opentelemetry-proto 1.3, JSON Protobuf Encoding of OTLP (ids in hex, 64-bit numbers as text).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/trace/span.h"

namespace headrace::trace {

std::string ToOtlpJson(const std::vector<Attribute>& resource, std::string_view version, const std::vector<Span>& spans);

// How many spans of a request that was answered with 200 were refused, and why.
struct PartialSuccess {
  std::uint64_t refused = 0;
  std::string why{};
};
// An answer that is none of OTLP refuses nothing.
PartialSuccess ReadPartialSuccess(std::string_view body);

}  // namespace headrace::trace

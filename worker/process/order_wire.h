// What worker and supervisor say to each other. Same binary, same machine: plain structs.
// Shapes: an order is a header with three descriptors (stdout, stderr, control), then `bytes` of NUL-ended texts:
//   directory, arguments, environment. Control carries ControlOrder one way and ControlReport the other.
#pragma once

#include <cstdint>

namespace headrace::worker {

struct OrderHeader {
  std::uint32_t bytes = 0;
  std::uint32_t arguments = 0;
  std::uint32_t variables = 0;
};

struct ControlOrder {
  std::int64_t grace_us = 0;
};

enum class ReportKind : std::uint32_t { kNotStarted = 1, kExited = 2 };

struct ControlReport {
  ReportKind kind = ReportKind::kExited;
  std::int32_t value = 0;  // errno, or the wait status
};

}  // namespace headrace::worker

// The spans of an execution that has ended, out of its record: the same record gives the same spans, whoever asks.
// Shapes: a span for the execution, below it one a task run, nested as flowables nest, below those one an attempt that a worker or
//   another execution made. What goes on after a restart is another span; what had ended before the restart was told then, and is
//   left out. A subflow's execution hangs below the attempt that started it.
// Laws: nothing of inputs, outputs, variables, values of loops or messages of errors is in them.
// Threads: pure. Cost: O(task runs). Source: OpenTelemetry's CI/CD conventions; docs/tracing.md.
#pragma once

#include <cstddef>
#include <vector>

#include "common/trace/span.h"

namespace headrace::trace {

struct SpanLimits {
  std::size_t spans = 2000;  // of an execution; the oldest history goes first
  std::size_t events = 32;   // of a span
  std::size_t labels = 32;
  std::size_t text_bytes = 256;
};

struct ExecutionTrace {
  std::vector<Span> spans{};
  std::size_t left_out = 0;
};

// `flow`: the revision it ran; null when it cannot be read any more, then tasks have no names. Of one that was restarted already: what
// had ended before.
ExecutionTrace SpansOf(const model::Flow* flow, const model::Execution& execution, const SpanLimits& limits = {});

}  // namespace headrace::trace

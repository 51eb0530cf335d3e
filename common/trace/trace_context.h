// Names of traces and spans: W3C Trace Context, and ids that always come out the same for the same execution.
// Place: whoever exports a span, and whoever hands its name on before it exists (TRACEPARENT of a script), come to the same id.
// Shapes: a trace holds an execution and its subflows. Its id is that of the `traceparent` it was started with (label
//   system.traceParent, which children inherit), else it is made of system.correlationId.
// Threads: pure. Source: https://www.w3.org/TR/trace-context/ (version 00); docs/adr/0018.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/model/execution.h"

namespace headrace::trace {

using TraceId = StrongId<struct TraceIdTag>;  // 32 digits, hex in lower case
using SpanId = StrongId<struct SpanIdTag>;    // 16

struct TraceContext {
  TraceId trace;
  SpanId span;
  bool sampled = true;
  bool operator==(const TraceContext&) const = default;
};

inline constexpr std::string_view kTraceParentLabel = "system.traceParent";

// Nothing for a text that is none: such a one counts as not given. Fields that later versions add are passed over.
std::optional<TraceContext> ParseTraceParent(std::string_view text);
std::string FormatTraceParent(const TraceContext& context);
// How an execution remembers it, as a label; nothing for a text that is none.
std::optional<model::Label> CallerLabel(std::string_view given);
// What the caller gave when the execution, or the root of its family, was started.
std::optional<TraceContext> CallerOf(const model::Execution& execution);

TraceId TraceOf(const model::Execution& execution);
// `restart` counts how often it was restarted before: what goes on after a restart is a span of its own.
SpanId SpanOfExecution(const ExecutionId& id, std::size_t restart);
SpanId SpanOfTaskRun(const TaskRunId& id, std::size_t restart);
// `lost` counts the workers that were lost with it before.
SpanId SpanOfAttempt(const TaskRunId& id, std::uint32_t attempt, std::size_t lost);
// Of the attempt that is given to a worker now, or that one has.
SpanId SpanOfDelivery(const model::TaskRun& run);
// Of the parent's attempt that waits for this execution, or started it.
std::optional<SpanId> SpanOfParent(const model::Execution& execution);

}  // namespace headrace::trace

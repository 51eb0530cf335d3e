#include "common/trace/trace_context.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "common/base/hash.h"

namespace headrace::trace {
namespace {

constexpr std::string_view kCorrelationLabel = "system.correlationId";
constexpr std::size_t kTraceDigits = 32;
constexpr std::size_t kSpanDigits = 16;
// VERSION-TRACE-SPAN-FLAGS
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kSpanAt = kTraceAt + kTraceDigits + 1;
constexpr std::size_t kFlagsAt = kSpanAt + kSpanDigits + 1;
constexpr std::size_t kLength = kFlagsAt + 2;

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsId(std::string_view text) { return IsHex(text) && text.find_first_not_of('0') != std::string_view::npos; }

// Never only zeroes, which is no id.
std::string Digits(std::string_view bytes, std::uint64_t seed) {
  const std::uint64_t hash = std::max<std::uint64_t>(StableHash(bytes, seed), 1);
  std::array<char, kSpanDigits + 1> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

const std::string* LabelOf(const model::Execution& execution, std::string_view key) {
  for (const model::Label& label : execution.labels) {
    if (label.first == key) return &label.second;
  }
  return nullptr;
}

}  // namespace

std::optional<TraceContext> ParseTraceParent(std::string_view text) {
  if (text.size() < kLength || text[2] != '-' || text[kSpanAt - 1] != '-' || text[kFlagsAt - 1] != '-') return std::nullopt;
  const std::string_view version = text.substr(0, 2);
  const std::string_view trace = text.substr(kTraceAt, kTraceDigits);
  const std::string_view span = text.substr(kSpanAt, kSpanDigits);
  const std::string_view flags = text.substr(kFlagsAt, 2);
  if (!IsHex(version) || version == "ff" || !IsId(trace) || !IsId(span) || !IsHex(flags)) return std::nullopt;
  if (text.size() > kLength && (version == "00" || text[kLength] != '-')) return std::nullopt;
  const int last = flags[1] <= '9' ? flags[1] - '0' : flags[1] - 'a' + 10;
  return TraceContext{TraceId(std::string(trace)), SpanId(std::string(span)), (last & 1) != 0};
}

std::string FormatTraceParent(const TraceContext& context) {
  return "00-" + context.trace.str() + "-" + context.span.str() + (context.sampled ? "-01" : "-00");
}

std::optional<model::Label> CallerLabel(std::string_view given) {
  const auto context = ParseTraceParent(given);
  if (!context) return std::nullopt;
  return model::Label(kTraceParentLabel, FormatTraceParent(*context));
}

std::optional<TraceContext> CallerOf(const model::Execution& execution) {
  const std::string* given = LabelOf(execution, kTraceParentLabel);
  return given == nullptr ? std::nullopt : ParseTraceParent(*given);
}

TraceId TraceOf(const model::Execution& execution) {
  if (const auto caller = CallerOf(execution)) return caller->trace;
  const std::string* family = LabelOf(execution, kCorrelationLabel);
  const std::string& name = family == nullptr ? execution.id.str() : *family;
  return TraceId(Digits(name, 1) + Digits(name, 2));
}

SpanId SpanOfExecution(const ExecutionId& id, std::size_t restart) {
  return SpanId(Digits("execution/" + id.str() + "/" + std::to_string(restart), 0));
}

SpanId SpanOfTaskRun(const TaskRunId& id, std::size_t restart) {
  return SpanId(Digits("run/" + id.str() + "/" + std::to_string(restart), 0));
}

SpanId SpanOfAttempt(const TaskRunId& id, std::uint32_t attempt, std::size_t lost) {
  return SpanId(Digits("attempt/" + id.str() + "/" + std::to_string(attempt) + "/" + std::to_string(lost), 0));
}

SpanId SpanOfDelivery(const model::TaskRun& run) {
  auto at = run.attempts.rbegin();
  if (at != run.attempts.rend() && !model::IsTerminal(at->state.current())) ++at;
  std::size_t lost = 0;
  for (; at != run.attempts.rend() && at->state.current() == model::State::kResubmitted; ++at) ++lost;
  return SpanOfAttempt(run.id, run.attempt, lost);
}

std::optional<SpanId> SpanOfParent(const model::Execution& execution) {
  if (!execution.parent) return std::nullopt;
  const model::ParentLink& link = *execution.parent;
  return SpanOfAttempt(DeriveTaskRunId(link.execution, link.task_run), link.attempt, 0);
}

}  // namespace headrace::trace

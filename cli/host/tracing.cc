#include "cli/host/tracing.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "cli/version.h"
#include "common/base/random.h"
#include "common/trace/otlp_json.h"
#include "common/trace/trace_settings.h"
#include "worker/http_client/http_client.h"

namespace headrace::cli {
namespace {

using api::http::Metric;
using trace::TraceFate;

// Some hundred bytes each.
constexpr std::size_t kWaitingMost = 10'000;
constexpr std::uint64_t kAnswerBytesMost = 1 << 20;
constexpr std::size_t kLatelyMost = 1000;
constexpr Duration kLately = std::chrono::seconds(30);
constexpr Duration kLookEvery = std::chrono::seconds(5);
constexpr int kRetryAfterMostSeconds = 3600;

class HttpSink final : public trace::TraceSink {
 public:
  explicit HttpSink(const trace::TraceSettings& settings) {
    request_.method = "POST";
    request_.uri = settings.url;
    request_.headers = settings.headers;
    request_.headers.emplace_back("Content-Type", "application/json");
    request_.headers.emplace_back("User-Agent", std::string("OTel-OTLP-Exporter-headrace/") + kVersion);
    request_.follow_redirects = false;
    request_.connect_timeout = settings.timeout;
    request_.idle_timeout = settings.timeout;
    request_.timeout = settings.timeout;
    request_.allow = {"0.0.0.0/0", "::/0"};  // the operator names it, no flow
    request_.allow_failed = true;
  }

  trace::PostReply Post(const std::string& body) override {
    request_.body = body;
    auto answer = worker::CallHttp(request_, cancel_, kAnswerBytesMost);
    if (!answer) return {.problem = answer.error().message};
    trace::PostReply reply{.code = answer->code, .retry_after = RetryAfter(answer->Header("Retry-After"))};
    reply.body = std::move(answer->body);
    return reply;
  }
  void Cancel() override { cancel_.Cancel(Duration(0), "the process ends"); }

 private:
  // In seconds; as a date it is left to the back-off.
  static std::optional<Duration> RetryAfter(std::string_view text) {
    int seconds = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size() || seconds < 0) return std::nullopt;
    return std::chrono::seconds(std::min(seconds, kRetryAfterMostSeconds));
  }

  worker::HttpRequest request_;
  worker::CancelToken cancel_;
};

class EngineTracing final : public Tracing {
 public:
  EngineTracing(trace::TraceSettings settings, Measures& measures)
      : settings_(std::move(settings)), measures_(measures), queue_(kWaitingMost), sink_(settings_) {
    measures.Trace({.closed = [this](const ExecutionId& id) { Offer(id); },
                    .parent_of = [this](const auto& execution, const auto& run) { return ParentOf(execution, run); }});
  }

  std::unique_ptr<trace::TraceExporter> Export(scheduler::Engine& engine) override {
    trace::ExporterOptions options;
    options.read = [this, &engine](const ExecutionId& id) { return Read(engine, id); };
    options.encode = [this](const std::vector<trace::Span>& spans) { return ToOtlpJson(settings_.resource, kVersion, spans); };
    options.told = [this](TraceFate fate, std::size_t executions, std::size_t spans) {
      if (executions > 0) measures_.metrics().Count(Metric::kTraces, {trace::FateName(fate)}, static_cast<double>(executions));
      if (spans > 0) measures_.metrics().Count(Metric::kTraceSpans, {trace::FateName(fate)}, static_cast<double>(spans));
    };
    options.idle = [this, &engine] { LookForTakenOver(engine); };
    spdlog::info("traces of executions go to {}", settings_.url);
    return std::make_unique<trace::TraceExporter>(queue_, sink_, std::move(options));
  }

 private:
  void Offer(const ExecutionId& id) {
    if (!queue_.Offer(id)) measures_.metrics().Count(Metric::kTraces, {trace::FateName(TraceFate::kDropped)});
  }

  std::string ParentOf(const model::Execution& execution, const model::TaskRun& run) const {
    trace::TraceContext context{trace::TraceOf(execution), trace::SpanOfDelivery(run)};
    context.sampled = settings_.sampler.Takes(context.trace, trace::CallerOf(execution));
    return FormatTraceParent(context);
  }

  Result<std::optional<trace::ExecutionTrace>> Read(scheduler::Engine& engine, const ExecutionId& id) const {
    ASSIGN_OR_RETURN(const scheduler::ExecutionView view, engine.GetExecution(id));
    if (!settings_.sampler.Takes(trace::TraceOf(view.execution), trace::CallerOf(view.execution))) return std::nullopt;
    return trace::SpansOf(view.flow.get(), view.execution);
  }

  // At the start, and when partitions have come from another scheduler: it may have died before it told all. What it did tell comes
  // again under the same ids.
  void LookForTakenOver(scheduler::Engine& engine) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_look_) return;
    next_look_ = now + kLookEvery;
    const auto sample = engine.Sample();
    if (!sample) return;
    const std::uint64_t before = std::exchange(partitions_, sample->partitions);
    if (sample->partitions <= before) return;
    for (const ExecutionId& id : EndedLately(engine)) Offer(id);
  }

  const trace::TraceSettings settings_;
  Measures& measures_;
  trace::TraceQueue queue_;
  HttpSink sink_;
  std::chrono::steady_clock::time_point next_look_{};  // these two: the exporter's thread only
  std::uint64_t partitions_ = 0;
};

}  // namespace

Result<std::unique_ptr<Tracing>> Tracing::Open(const std::string& endpoint, const std::string& role, Measures& measures) {
  Random random = Random::FromSystem();
  const std::string instance = NewExecutionId(SystemClock().Now(), random, 0).str();
  ASSIGN_OR_RETURN(auto settings, trace::ReadTraceSettings(
                                      endpoint,
                                      [](const char* name) -> std::optional<std::string> {
                                        const char* value = std::getenv(name);
                                        return value == nullptr || *value == 0 ? std::nullopt : std::optional<std::string>(value);
                                      },
                                      {{"service.name", std::string("headrace")},
                                       {"service.version", std::string(kVersion)},
                                       {"service.instance.id", instance},
                                       {"telemetry.sdk.name", std::string("headrace")},
                                       {"telemetry.sdk.language", std::string("cpp")},
                                       {"telemetry.sdk.version", std::string(kVersion)},
                                       {"process.pid", std::int64_t{getpid()}},
                                       {"headrace.role", role}}));
  if (!settings) return nullptr;
  return std::make_unique<EngineTracing>(std::move(*settings), measures);
}

std::vector<ExecutionId> EndedLately(scheduler::Engine& engine) {
  store::ExecutionQuery query;
  query.limit = kLatelyMost;
  const auto list = engine.ListExecutions(query);
  if (!list) return {};
  std::vector<const model::Execution*> closed;
  for (const model::Execution& execution : list->executions) {
    if (execution.closed) closed.push_back(&execution);
  }
  Timestamp newest{};
  for (const model::Execution* execution : closed) newest = std::max(newest, execution->state.last_changed());
  std::vector<ExecutionId> ids;
  for (const model::Execution* execution : closed) {
    if (execution->state.last_changed() >= newest - kLately) ids.push_back(execution->id);
  }
  return ids;
}

}  // namespace headrace::cli

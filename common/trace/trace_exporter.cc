#include "common/trace/trace_exporter.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/hash.h"
#include "common/trace/otlp_json.h"

namespace headrace::trace {
namespace {

constexpr Duration kIdle = std::chrono::seconds(1);
constexpr Duration kRestAtEnd = std::chrono::milliseconds(200);
constexpr Duration kRetryAfterMost = std::chrono::minutes(5);
constexpr int kDoublings = 6;

Duration Steady() { return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()); }

// OTLP: these may go better later. Whatever else is no success will not.
bool MayGoBetter(int code) { return code == 0 || code == 429 || code == 502 || code == 503 || code == 504; }

}  // namespace

const char* FateName(TraceFate fate) {
  switch (fate) {
    case TraceFate::kSent: return "sent";
    case TraceFate::kUnsampled: return "unsampled";
    case TraceFate::kDropped: return "dropped";
    case TraceFate::kRefused: return "refused";
    case TraceFate::kUnreadable: return "unreadable";
  }
  return "";
}

TraceExporter::TraceExporter(TraceQueue& queue, TraceSink& sink, ExporterOptions options)
    : queue_(queue), sink_(sink), options_(std::move(options)), thread_([this] { Run(); }) {}

TraceExporter::~TraceExporter() {
  deadline_us_.store((Steady() + options_.flush).count());
  queue_.Close();
  {
    std::unique_lock lock(end_mutex_);
    if (!ended_.wait_for(lock, options_.flush, [this] { return done_; })) sink_.Cancel();
  }
  thread_.join();
}

bool TraceExporter::TimeIsUp() const {
  const std::int64_t deadline = deadline_us_.load();
  return deadline != 0 && Steady().count() >= deadline;
}

void TraceExporter::Run() {
  if (options_.idle) options_.idle();
  while (!TimeIsUp()) {
    const Batch batch = Gather();
    if (batch.executions > 0) Deliver(batch);
    else if (queue_.closed() && queue_.size() == 0) break;
    else if (options_.idle && !queue_.closed()) options_.idle();
  }
  std::size_t left = 0;
  while (queue_.Take(Duration(0))) ++left;
  if (left > 0) {
    spdlog::warn("traces of {} executions were not told to the collector before the end", left);
    options_.told(TraceFate::kDropped, left, 0);
  }
  const std::lock_guard lock(end_mutex_);
  done_ = true;
  ended_.notify_all();
}

TraceExporter::Batch TraceExporter::Gather() {
  Batch batch;
  Duration wait = kIdle;
  while (batch.spans.size() < options_.batch_spans && !TimeIsUp()) {
    const auto id = queue_.Take(wait);
    if (!id) break;
    if (batch.executions == 0 && !queue_.closed()) queue_.Sleep(options_.gather);
    wait = Duration(0);
    Read(*id, batch);
  }
  return batch;
}

void TraceExporter::Read(const ExecutionId& id, Batch& batch) {
  for (int tries = 1;; ++tries) {
    auto trace = options_.read(id);
    if (!trace && trace.error().code == Code::kUnavailable) {
      if (TimeIsUp()) return options_.told(TraceFate::kDropped, 1, 0);
      Rest(tries, std::nullopt);
      continue;
    }
    if (!trace) {
      spdlog::warn("the trace of execution {} cannot be told: {}", id.str(), trace.error().message);
      return options_.told(TraceFate::kUnreadable, 1, 0);
    }
    if (!*trace) return options_.told(TraceFate::kUnsampled, 1, 0);
    ++batch.executions;
    std::move((*trace)->spans.begin(), (*trace)->spans.end(), std::back_inserter(batch.spans));
    return;
  }
}

void TraceExporter::Deliver(const Batch& batch) {
  const std::string body = options_.encode(batch.spans);
  for (int tries = 1;; ++tries) {
    const PostReply reply = sink_.Post(body);
    if (Settle(batch, reply)) return;
    if (TimeIsUp()) {
      spdlog::warn("traces of {} executions were not told to the collector before the end", batch.executions);
      return options_.told(TraceFate::kDropped, batch.executions, batch.spans.size());
    }
    Rest(tries, reply.retry_after);
  }
}

// False: it is to be posted again.
bool TraceExporter::Settle(const Batch& batch, const PostReply& reply) {
  const bool taken = reply.code >= 200 && reply.code < 300;
  if (!taken) {
    const bool again = MayGoBetter(reply.code);
    Complain(reply, again);
    if (!again) options_.told(TraceFate::kRefused, batch.executions, batch.spans.size());
    return !again;
  }
  if (complained_) spdlog::info("the collector takes traces again");
  complained_ = false;
  const PartialSuccess partial = ReadPartialSuccess(reply.body);
  const std::size_t refused = std::min<std::size_t>(partial.refused, batch.spans.size());
  if (refused > 0) {
    spdlog::warn("the collector refused {} of {} spans: {}", refused, batch.spans.size(), partial.why);
    options_.told(TraceFate::kRefused, 0, refused);
  }
  options_.told(TraceFate::kSent, batch.executions, batch.spans.size() - refused);
  return true;
}

void TraceExporter::Complain(const PostReply& reply, bool again) {
  if (complained_) return;
  complained_ = true;
  const std::string what = reply.code == 0 ? reply.problem : "it answers " + std::to_string(reply.code);
  spdlog::warn("the collector does not take traces: {}; {}", what,
               again ? "they wait for it, and executions do not" : "they are dropped: look at --otlp-endpoint and OTEL_EXPORTER_OTLP_HEADERS");
}

void TraceExporter::Rest(int tries, const std::optional<Duration>& asked) {
  if (queue_.closed()) {
    std::this_thread::sleep_for(kRestAtEnd);
    return;
  }
  const Duration grown = std::min(options_.back_off * (1 << std::min(tries - 1, kDoublings)), options_.back_off_most);
  // Half of it is drawn, so that many schedulers do not come back at once.
  const auto half = static_cast<std::uint64_t>(grown.count() / 2);
  const std::uint64_t draw = StableHash(std::to_string(Steady().count()), static_cast<std::uint64_t>(tries)) % (half + 1);
  const Duration own(static_cast<std::int64_t>(half + draw));
  queue_.Sleep(asked ? std::clamp(*asked, own, kRetryAfterMost) : own);
}

}  // namespace headrace::trace

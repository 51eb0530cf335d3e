// Reads the records of executions that have ended and posts their spans to a collector, a batch at a time.
// Shapes: what a collector does not take now (429, 502, 503, 504, nobody answers) is posted again until it does, however long
//   that takes: what waits behind it are ids. What it refuses otherwise is gone. At the end a flush with a limit.
// Errors: told through `told` and the log, once when it begins and once when it is over.
// Threads: one of its own. Source: OTLP 1.3, "OTLP/HTTP Response" and "Throttling".
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "common/trace/execution_spans.h"
#include "common/trace/trace_queue.h"

namespace headrace::trace {

// What a collector answered.
struct PostReply {
  int code = 0;  // of HTTP; 0: nobody answered
  std::optional<Duration> retry_after{};
  std::string body{};
  std::string problem{};  // of code 0
};

class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual PostReply Post(const std::string& body) = 0;
  // Ends the Post under way, from another thread; those after it answer at once.
  virtual void Cancel() = 0;
};

// What became of an execution's trace.
enum class TraceFate : std::uint8_t { kSent, kUnsampled, kDropped, kRefused, kUnreadable };
const char* FateName(TraceFate fate);

struct ExporterOptions {
  // The trace of an execution; nothing when the sampler does not take it. UNAVAILABLE: it is asked again.
  std::function<Result<std::optional<ExecutionTrace>>(const ExecutionId&)> read;
  std::function<std::string(const std::vector<Span>&)> encode;
  std::function<void(TraceFate, std::size_t executions, std::size_t spans)> told;
  std::function<void()> idle{};                            // first, then now and then while it has time
  std::size_t batch_spans = 512;                           // a batch ends with the execution that reaches it
  Duration gather = std::chrono::milliseconds(500);        // how long the first of a batch waits for others
  Duration back_off = std::chrono::seconds(1);             // doubles up to back_off_most
  Duration back_off_most = std::chrono::seconds(30);
  Duration flush = std::chrono::seconds(5);                // at the end
};

class TraceExporter {
 public:
  // `queue` and `sink` outlive it.
  TraceExporter(TraceQueue& queue, TraceSink& sink, ExporterOptions options);
  // Closes the queue and sends what is there, within the limit.
  ~TraceExporter();

 private:
  struct Batch {
    std::vector<Span> spans{};
    std::size_t executions = 0;
  };
  void Run();
  Batch Gather();
  void Read(const ExecutionId& id, Batch& batch);
  void Deliver(const Batch& batch);
  bool Settle(const Batch& batch, const PostReply& reply);
  void Complain(const PostReply& reply, bool again);
  bool TimeIsUp() const;
  // The pause before the next try; less when the end is near.
  void Rest(int tries, const std::optional<Duration>& asked);

  TraceQueue& queue_;
  TraceSink& sink_;
  const ExporterOptions options_;
  bool complained_ = false;
  std::mutex end_mutex_;
  std::condition_variable ended_;
  bool done_ = false;
  std::atomic<std::int64_t> deadline_us_{0};  // of the flush, by the steady clock; 0: none yet
  std::thread thread_;
};

}  // namespace headrace::trace

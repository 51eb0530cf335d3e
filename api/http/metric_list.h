// Every metric that a process of ours serves: names, types, labels. A name or label never changes its meaning; docs/metrics.md
// is made from this list and a test holds the two together.
// Shapes: label values are given in the order of `labels`. Units: base units, as the names say.
// Threads: constant. Source: UX section 7; prometheus.io/docs/practices/naming.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace headrace::api::http {

enum class Metric : std::size_t {
  kBuildInfo,
  kExecutions, kExecutionsTotal, kExecutionDuration, kTaskRunsTotal, kTaskRunDuration,
  kQueueDepth, kQueueRunning, kQueueOldestAge, kScheduleToStart,
  kDecision, kLoopLag, kPartitions, kStorePartitions, kOutboxOwed, kPeerCalls, kTriggersLate, kTriggerLateness,
  kWorkers, kSchedulerSlots, kZmqMessages,
  kStoreOp, kStoreErrors, kRedisUp,
  kHttpRequests, kHttpDuration, kHttpConnections, kHttpRefused, kSseClients, kGrpcHandled, kGithubDeliveries, kTraces, kTraceSpans,
  kWorkerSlots, kWorkerReady, kWorkerDraining, kWorkerHeartbeat, kWorkerTasks, kLogLines, kLogBytes, kLogDropped,
  kProcessCpu, kProcessStart, kProcessResident, kProcessVirtual, kProcessThreads, kProcessFds, kProcessFdsMax,
  kEnd,
};
inline constexpr std::size_t kMetricCount = static_cast<std::size_t>(Metric::kEnd);

enum class MetricKind { kCounter, kGauge, kHistogram };
enum class MetricOf { kEvery, kScheduler, kWorker };

struct MetricSpec {
  Metric metric;
  const char* name;
  MetricKind kind;
  std::vector<const char*> labels;
  MetricOf of;
  const char* help;
  std::vector<double> buckets{};  // of a histogram
};

const std::vector<MetricSpec>& MetricList();
const MetricSpec& SpecOf(Metric metric);

// docs/metrics.md
std::string MetricsDocument();

}  // namespace headrace::api::http

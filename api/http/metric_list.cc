#include "api/http/metric_list.h"

namespace headrace::api::http {
namespace {

using enum MetricKind;
using Of = MetricOf;

// From a millisecond to half a minute: what somebody waits for.
const std::vector<double> kAnswers = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
// From ten microseconds to seconds: what a machine does.
const std::vector<double> kSteps = {0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5};
// From a hundredth of a second to an hour: what waits.
const std::vector<double> kWaits = {0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600};
// From a tenth of a second to a day: what people's work takes.
const std::vector<double> kWorks = {0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400, 43200, 86400};

std::vector<MetricSpec> MakeList() {
  return {
      {Metric::kBuildInfo, "headrace_build_info", kGauge, {"version", "role"}, Of::kEvery, "What this is; always 1"},
      {Metric::kExecutions, "headrace_executions", kGauge, {"state"}, Of::kScheduler,
       "Executions that have not ended, of those that have come to their state since this process has their partition"},
      {Metric::kExecutionsTotal, "headrace_executions_total", kCounter, {"namespace", "flow", "state"}, Of::kScheduler,
       "Executions that have ended; namespace and flow are empty without --metrics-flow-labels, and other beyond 1,000 series"},
      {Metric::kExecutionDuration, "headrace_execution_duration_seconds", kHistogram, {"state"}, Of::kScheduler,
       "From an execution's creation to its end", kWorks},
      {Metric::kTaskRunsTotal, "headrace_taskruns_total", kCounter, {"type", "state"}, Of::kScheduler, "Task runs that have ended"},
      {Metric::kTaskRunDuration, "headrace_taskrun_duration_seconds", kHistogram, {"type"}, Of::kScheduler,
       "From the last time that a task run began to run to its end", kWorks},
      {Metric::kQueueDepth, "headrace_queue_depth", kGauge, {"queue"}, Of::kScheduler,
       "Task runs that wait for a worker to begin them, by worker group; default is that of tasks that name none"},
      {Metric::kQueueRunning, "headrace_queue_running", kGauge, {"queue"}, Of::kScheduler, "Task runs given to workers, by worker group"},
      {Metric::kQueueOldestAge, "headrace_queue_oldest_age_seconds", kGauge, {"queue"}, Of::kScheduler,
       "How long the task run has waited that waits for longest"},
      {Metric::kScheduleToStart, "headrace_task_schedule_to_start_seconds", kHistogram, {"queue"}, Of::kScheduler,
       "From when a task run may be given to a worker until one has begun it", kWaits},
      {Metric::kDecision, "headrace_scheduler_decision_seconds", kHistogram, {}, Of::kScheduler,
       "One pass of the scheduler's loop: what has come is applied, decided and handed on", kSteps},
      {Metric::kLoopLag, "headrace_scheduler_loop_lag_seconds", kHistogram, {}, Of::kScheduler,
       "How long the oldest call or commit had waited for the loop when a pass began", kSteps},
      {Metric::kPartitions, "headrace_scheduler_partitions", kGauge, {}, Of::kScheduler, "Partitions that this scheduler drives"},
      {Metric::kStorePartitions, "headrace_store_partitions", kGauge, {}, Of::kScheduler,
       "Partitions of the store, which the schedulers drive together"},
      {Metric::kOutboxOwed, "headrace_outbox_owed", kGauge, {}, Of::kScheduler,
       "What executions here owe those of other partitions, not confirmed yet"},
      {Metric::kPeerCalls, "headrace_peer_calls_total", kCounter, {"call", "code"}, Of::kScheduler, "What this scheduler asked of others"},
      {Metric::kTriggersLate, "headrace_triggers_late_total", kCounter, {}, Of::kScheduler,
       "Dates of schedules that started their execution more than 30 seconds late; not those of backfills"},
      {Metric::kTriggerLateness, "headrace_trigger_lateness_seconds", kHistogram, {}, Of::kScheduler,
       "How long after its date a schedule started its execution; not those of backfills", kWaits},
      {Metric::kWorkers, "headrace_workers", kGauge, {"state"}, Of::kScheduler, "Workers connected to this scheduler"},
      {Metric::kSchedulerSlots, "headrace_scheduler_slots", kGauge, {"state"}, Of::kScheduler,
       "Slots of the workers connected: busy with what this scheduler gave them, or free as far as it knows"},
      {Metric::kZmqMessages, "headrace_zmq_messages_total", kCounter, {"dir"}, Of::kScheduler, "Messages of the worker queue, many words each"},
      {Metric::kStoreOp, "headrace_store_op_seconds", kHistogram, {"backend", "op"}, Of::kScheduler,
       "Operations of the store, from the question to the answer", kAnswers},
      {Metric::kStoreErrors, "headrace_store_errors_total", kCounter, {"backend", "op"}, Of::kScheduler,
       "Operations of the store that failed; not what was not there, nor what another owner of the partition refused"},
      {Metric::kRedisUp, "headrace_redis_up", kGauge, {}, Of::kScheduler, "Whether Redis, or every master of its cluster, answered when looked at last; of a store in Redis"},
      {Metric::kHttpRequests, "headrace_http_requests_total", kCounter, {"route", "method", "code"}, Of::kEvery,
       "HTTP requests answered, by route pattern"},
      {Metric::kHttpDuration, "headrace_http_request_duration_seconds", kHistogram, {"route", "method"}, Of::kEvery,
       "From the head of a request to the last byte of its answer", kAnswers},
      {Metric::kHttpConnections, "headrace_http_connections", kGauge, {}, Of::kEvery, "Open HTTP connections"},
      {Metric::kHttpRefused, "headrace_http_connections_refused_total", kCounter, {}, Of::kEvery,
       "Connections turned away because there were too many"},
      {Metric::kSseClients, "headrace_sse_clients", kGauge, {}, Of::kEvery, "Open event streams over HTTP"},
      {Metric::kGrpcHandled, "headrace_grpc_server_handled_total", kCounter, {"method", "code"}, Of::kScheduler,
       "Calls and streams of the API that have ended, also those that were refused at the door"},
      {Metric::kGithubDeliveries, "headrace_github_deliveries_total", kCounter, {"result"}, Of::kScheduler,
       "Deliveries of GitHub's webhooks, by what became of them"},
      {Metric::kTraces, "headrace_traces_total", kCounter, {"result"}, Of::kScheduler,
       "Executions that have ended, by what became of their traces; none without a collector"},
      {Metric::kTraceSpans, "headrace_trace_spans_total", kCounter, {"result"}, Of::kScheduler,
       "Spans that a collector took (sent), did not want (refused), or that the end of this process cut off (dropped)"},
      {Metric::kWorkerSlots, "headrace_worker_slots", kGauge, {"state"}, Of::kWorker, "Slots of this worker"},
      {Metric::kWorkerReady, "headrace_worker_ready", kGauge, {}, Of::kWorker, "Whether a scheduler has welcomed this worker and is heard"},
      {Metric::kWorkerDraining, "headrace_worker_draining", kGauge, {}, Of::kWorker, "Whether this worker takes nothing new and will end"},
      {Metric::kWorkerHeartbeat, "headrace_worker_heartbeat_timestamp_seconds", kGauge, {}, Of::kWorker,
       "When a scheduler last answered this worker's heartbeat, since the epoch; 0: never"},
      {Metric::kWorkerTasks, "headrace_worker_tasks_total", kCounter, {"type", "state"}, Of::kWorker, "Tasks that this worker has ended"},
      {Metric::kLogLines, "headrace_log_lines_total", kCounter, {}, Of::kWorker, "Log lines of tasks"},
      {Metric::kLogBytes, "headrace_log_bytes_total", kCounter, {}, Of::kWorker, "Bytes of log lines of tasks"},
      {Metric::kLogDropped, "headrace_log_dropped_total", kCounter, {}, Of::kWorker,
       "Log lines of tasks that were dropped, as they came faster than schedulers took them"},
      {Metric::kProcessCpu, "process_cpu_seconds_total", kCounter, {}, Of::kEvery, "CPU time of this process"},
      {Metric::kProcessStart, "process_start_time_seconds", kGauge, {}, Of::kEvery, "When it started, since the epoch"},
      {Metric::kProcessResident, "process_resident_memory_bytes", kGauge, {}, Of::kEvery, "Memory that is resident"},
      {Metric::kProcessVirtual, "process_virtual_memory_bytes", kGauge, {}, Of::kEvery, "Memory that is mapped"},
      {Metric::kProcessThreads, "process_threads", kGauge, {}, Of::kEvery, "Threads"},
      {Metric::kProcessFds, "process_open_fds", kGauge, {}, Of::kEvery, "Open file descriptors"},
      {Metric::kProcessFdsMax, "process_max_fds", kGauge, {}, Of::kEvery, "How many may be open"},
  };
}

constexpr char kBefore[] = R"(# Metrics

What `/metrics` serves, in Prometheus' text format 0.0.4: of `scheduler` and `standalone` on the management port and the main one, of
`worker` on its `--health-port` ([operations.md](operations.md#watching-it)). This page is made from `api/http/metric_list.cc` (`make golden`); a
name, type or label that changes breaks dashboards and alerts and is told in the CHANGELOG. No label holds an id, a path or a text of people.

| metric | type | labels | of | what it is |
|---|---|---|---|---|
)";

constexpr char kAfter[] = R"(
- *of*: which processes serve it; `standalone` is both. Numbers of a scheduler are its own: add those of all (`sum`), but not workers and slots,
  which each scheduler counts (`max`).
- **What a scrape costs** does not grow with executions: counts are kept where states change, and the rest is one question to the loop.
- `headrace_executions` begins with nothing when a scheduler starts or takes a partition, as counting what rests in the store would read all of
  it; `headrace exec list --state …` reads it. Ended executions are in `headrace_executions_total`.
- There is no `is_leader`: schedulers share partitions. `sum(headrace_scheduler_partitions)` is `max(headrace_store_partitions)`
  when all is well: 256 of a Redis with schedulers, 1 of a file.
- Flow labels are for installations with few flows: `--metrics-flow-labels`. From the thousandth series of namespace, flow and state on, both
  are `other`.
- `headrace_store_op_seconds`: `backend` is memory, sqlite or redis. A commit that waits for a Redis which is away ends late, or fails; look at
  `headrace_redis_up` meanwhile.
- `headrace_traces_total`: `result` is sent, unsampled, dropped (too many waited for the collector, or the end came first), refused (by the
  collector) or unreadable ([tracing.md](tracing.md)).
- `headrace_grpc_server_handled_total`: `method` is SERVICE/METHOD, `other` one that is not ours; `code` is gRPC's name of it.
)";

std::string KindName(MetricKind kind) {
  return kind == kCounter ? "counter" : kind == kGauge ? "gauge" : "histogram";
}

std::string OfName(MetricOf of) { return of == Of::kEvery ? "all" : of == Of::kWorker ? "worker" : "scheduler"; }

}  // namespace

const std::vector<MetricSpec>& MetricList() {
  static const std::vector<MetricSpec> list = MakeList();
  return list;
}

const MetricSpec& SpecOf(Metric metric) { return MetricList().at(static_cast<std::size_t>(metric)); }

std::string MetricsDocument() {
  std::string out = kBefore;
  for (const MetricSpec& spec : MetricList()) {
    std::string labels;
    for (const char* label : spec.labels) labels += std::string(labels.empty() ? "" : ", ") + label;
    out += std::string("| `") + spec.name + "` | " + KindName(spec.kind) + " | " + labels + " | " + OfName(spec.of) + " | " + spec.help + " |\n";
  }
  return out + kAfter;
}

}  // namespace headrace::api::http

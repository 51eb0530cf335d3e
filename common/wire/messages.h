// The messages between scheduler and worker as plain values. One frame carries many.
// Shapes: outputs, context and properties travel as JSON text inside; a TaskKey names one delivery of one attempt.
// Units: leases and graces are durations, never wall times. Threads: values.
// Source: DESIGN section 4, FAILURES 3.1; docs/protocol.md; proto/headrace/wire/v1/wire.proto.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/time.h"
#include "common/model/execution.h"

namespace headrace::wire {

inline constexpr std::uint32_t kProtocolVersion = 1;
// Decoding refuses more; the same as queue::kFrameBytesMax.
inline constexpr std::size_t kFrameBytesMax = 8 * 1024 * 1024;
inline constexpr std::size_t kFrameMessagesMax = 65'536;

struct TaskKey {
  ExecutionId execution;
  model::Fence fence;
  bool operator==(const TaskKey&) const = default;
};

// ---- worker to scheduler ----

// First on every connection, and again whenever the scheduler asks for it.
struct Hello {
  std::uint32_t protocol_min = kProtocolVersion;
  std::uint32_t protocol_max = kProtocolVersion;
  WorkerId worker;
  std::uint64_t incarnation = 0;  // random a process start
  std::string group{};            // empty: the default group
  std::map<std::string, std::string> tags{};
  std::uint32_t capacity = 0;     // slots
  std::string build{};
  std::string host{};
  std::uint32_t pid = 0;
  bool operator==(const Hello&) const = default;
};

struct RunningTask {
  TaskKey key;
  Timestamp started{};
  bool operator==(const RunningTask&) const = default;
};

// After every Welcome: what this worker runs and which results it has not got acked.
struct Resync {
  std::vector<RunningTask> running{};
  std::vector<TaskKey> unacked{};
  bool operator==(const Resync&) const = default;
};

// Free slots now, absolute: a lost or repeated one does no harm. `seq` rises; an older one is ignored.
struct Credit {
  std::uint32_t free_slots = 0;
  std::uint64_t seq = 0;
  bool operator==(const Credit&) const = default;
};

struct AssignAck {
  TaskKey key;
  bool operator==(const AssignAck&) const = default;
};

enum class NackReason : std::uint8_t { kNoSlot, kUnknownSpec, kOldEpoch, kDraining };

struct AssignNack {
  TaskKey key;
  NackReason reason = NackReason::kNoSlot;
  std::uint64_t credit_seq = 0;  // of the Assign it answers: this grant will not run here, a later one may; 0: not said
  bool operator==(const AssignNack&) const = default;
};

struct Started {
  TaskKey key;
  Timestamp at{};
  bool operator==(const Started&) const = default;
};

struct Heartbeat {
  std::vector<TaskKey> tasks{};  // everything this worker holds; a task that is absent is not held
  std::uint32_t free_slots = 0;
  std::uint64_t credit_seq = 0;
  bool draining = false;
  bool operator==(const Heartbeat&) const = default;
};

struct LogEntry {
  Timestamp at{};
  std::string level;
  std::string message;
  bool operator==(const LogEntry&) const = default;
};

// What an entry costs of a log window beside its message.
inline constexpr std::size_t kLogEntryOverhead = 32;

struct Logs {
  TaskKey key;
  std::uint64_t seq = 0;  // of the first entry, a task run's attempt; for dedup
  std::vector<LogEntry> entries{};
  bool operator==(const Logs&) const = default;
};

// A task that ran inside another's job.
struct NestedResult {
  std::string task_id;
  model::State outcome = model::State::kSuccess;
  std::string outputs_json{};
  std::string message{};
  Timestamp started{};
  Timestamp ended{};
  bool operator==(const NestedResult&) const = default;
};

// The attempt is not over: the task is to be looked at again, in another delivery, by whichever worker.
struct LookLater {
  Duration after{};                  // from when the scheduler has it
  Duration interval{};               // how old what is known of the topic may become; zero: as `after`
  Duration at_latest{};              // this one itself, whoever else of its topic was looked at; zero: no limit
  std::string memo_json{};           // given to the next delivery; masked
  std::string topic{};               // of those with the same topic one is looked at an interval, for all of them; empty: none
  std::vector<std::string> keys{};   // what of the topic it waits for: a change of one wakes it at once
  bool operator==(const LookLater&) const = default;
};

// Kept and resent by the worker until ResultAck.
struct TaskResult {
  TaskKey key;
  model::State outcome = model::State::kSuccess;
  std::string outputs_json{};
  std::string message{};
  Timestamp started{};
  Timestamp ended{};
  std::vector<NestedResult> nested{};  // of a WorkingDirectory, in the order they ran
  std::optional<LookLater> look_later{};  // then the outcome counts for nothing
  bool operator==(const TaskResult&) const = default;
};

struct CancelAck {
  TaskKey key;
  bool operator==(const CancelAck&) const = default;
};

// The worker takes nothing new and ends when it is idle.
struct Draining {
  bool operator==(const Draining&) const = default;
};
// Everything is done and acked; the worker leaves.
struct Bye {
  bool operator==(const Bye&) const = default;
};

using FromWorker = std::variant<Hello, Resync, Credit, AssignAck, AssignNack, Started, Heartbeat, Logs, TaskResult,
                                CancelAck, Draining, Bye>;

// ---- scheduler to worker ----

struct Welcome {
  std::uint32_t protocol = kProtocolVersion;
  std::string scheduler;           // its name, for people
  std::uint64_t session = 0;
  Duration lease{};
  Duration heartbeat{};
  std::uint64_t log_credit_bytes = 0;
  std::vector<std::string> schedulers{};  // endpoints of all there are, this one included; empty: not said
  bool operator==(const Welcome&) const = default;
};

// The session is not accepted: another protocol version, or a newer process of the same worker id.
struct Refused {
  std::string reason;
  bool permanent = false;
  bool operator==(const Refused&) const = default;
};

// The scheduler does not know this connection: say Hello and Resync.
struct HelloRequired {
  bool operator==(const HelloRequired&) const = default;
};

// The scheduler has taken partitions over: say Resync, for some of what runs here may be theirs.
struct ResyncRequired {
  bool operator==(const ResyncRequired&) const = default;
};

// What does not change between the runs of one task; sent once a session and task.
struct TaskSpec {
  std::string type;
  std::string task_id;
  std::string properties_json;  // not rendered
  std::string timeout{};
  std::string log_level{};
  std::string run_if{};               // only when the worker is to decide: falsy answers SKIPPED
  bool allow_failure = false;         // of children: what their siblings go by
  bool allow_warning = false;
  std::vector<TaskSpec> children{};   // of a WorkingDirectory
  bool operator==(const TaskSpec&) const = default;
};

struct Assign {
  TaskKey key;
  std::uint64_t epoch = 0;
  std::uint64_t spec_id = 0;
  std::optional<TaskSpec> spec{};  // absent when this session has had it
  std::string context_json;        // the variables its expressions name
  TaskRunId task_run{};
  std::string ns;
  std::string flow_id;
  // Of the newest credit or heartbeat that the scheduler had when it gave the lease: the lease counts from when the worker
  // sent that, so that an assignment that was long on its way is known to be too late. 0: not said.
  std::uint64_t credit_seq = 0;
  std::string memo_json{};  // of the delivery before, which is to be looked at again; empty: the attempt begins
  Timestamp started{};      // the attempt's begin, of one that is looked at again
  std::uint32_t partition = 0;  // whose epoch that is
  std::string trace_parent{};   // of the attempt's span, as in W3C Trace Context; empty: nothing is traced
  bool operator==(const Assign&) const = default;
};

struct HeartbeatAck {
  std::vector<TaskKey> renewed{};  // leases that run anew from now
  std::vector<TaskKey> unknown{};  // not this worker's (any more): end them, report nothing
  std::uint64_t credit_seq = 0;    // of the heartbeat it answers, so that a lease counts from when that was sent; 0: not said
  std::vector<TaskKey> elsewhere{};      // of partitions that another scheduler has: not for this one to say
  std::vector<std::string> schedulers{};  // as in Welcome
  bool operator==(const HeartbeatAck&) const = default;
};

// kElsewhere: another scheduler has its partition, and the result is for that one.
enum class Verdict : std::uint8_t { kAccepted, kStale, kUnknown, kElsewhere };

// Durable: the worker may forget the result, unless it is kElsewhere.
struct ResultAck {
  TaskKey key;
  Verdict verdict = Verdict::kAccepted;
  bool operator==(const ResultAck&) const = default;
};

struct Cancel {
  TaskKey key;
  Duration grace{};
  std::string reason;
  bool operator==(const Cancel&) const = default;
};

struct LogCredit {
  std::uint64_t bytes = 0;  // may be sent from now on; absolute window
  bool operator==(const LogCredit&) const = default;
};

struct Drain {
  bool operator==(const Drain&) const = default;
};

using ToWorker = std::variant<Welcome, Refused, HelloRequired, Assign, HeartbeatAck, ResultAck, Cancel, LogCredit, Drain,
                              ResyncRequired>;

// One frame: CRC-32C of the rest, then protobuf. Decoding checks everything: sizes, enums, JSON not parsed. A message of
// a kind that is not known here is skipped. Errors: DATA_LOSS (checksum), OUT_OF_RANGE (size), INVALID_ARGUMENT.
std::string EncodeFromWorker(const std::vector<FromWorker>& messages);
std::string EncodeToWorker(const std::vector<ToWorker>& messages);
Result<std::vector<FromWorker>> DecodeFromWorker(std::string_view frame);
Result<std::vector<ToWorker>> DecodeToWorker(std::string_view frame);

}  // namespace headrace::wire

template <>
struct std::hash<headrace::wire::TaskKey> {
  std::size_t operator()(const headrace::wire::TaskKey& key) const noexcept {
    return std::hash<headrace::ExecutionId>()(key.execution) ^
           (std::size_t{key.fence.task_run} * 0x9e3779b97f4a7c15ULL + key.fence.attempt * 31 + key.fence.delivery);
  }
};

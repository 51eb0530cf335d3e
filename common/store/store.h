// The Store seam: the only truth. One WriteBatch is applied whole or not at all, fenced by the partition's epoch.
// Shapes: records are opaque bytes (common/wire makes them); the columns beside them are for queries.
// Errors: a batch of an older epoch is ABORTED and changes nothing; a full or failing disk is UNAVAILABLE or DATA_LOSS,
//   after which no later batch of that store succeeds (an fsync that failed is never retried).
// Threads: Commit is called by the partition's loop; `done` runs on the store's thread or inline, in commit order.
//   Reads may come from any thread and see only what is durable.
// Source: DESIGN sections 3 and 5; FAILURES 2.5.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/model/event.h"

namespace headrace::store {

using PartitionId = std::uint32_t;
using Epoch = std::uint64_t;

// id, ns, flow_id, created and parent never change once written; nor does the partition.
struct ExecutionRow {
  ExecutionId id;
  std::string ns;
  std::string flow_id;
  model::State state = model::State::kCreated;
  Timestamp created{};
  std::optional<Timestamp> ended{};
  std::optional<ExecutionId> parent{};
  std::vector<model::Label> labels{};
  bool active = true;  // a worker has or may have something of it: loaded at recovery
  std::string record;
};

struct TaskRunRow {
  ExecutionId execution;
  model::TaskRunIndex index = 0;
  std::string record;
};

struct TimerRow {
  ExecutionId execution;
  model::TimerId timer;
  Timestamp due{};
};

// Something to do for another execution, kept until it is done: create a child, tell a parent.
struct OutboxRow {
  std::uint64_t id = 0;  // made by the partition, rising
  std::string record;
};

// "This request made that execution": the same request id again gets the same answer.
struct RequestRow {
  std::string request_id;
  std::string body_digest;
  ExecutionId execution;
  Timestamp expires{};
};

// A small record that no execution owns: when a trigger ticks next, what tasks share.
struct NoteRow {
  std::string key;  // at most kNoteKeyBytesMax; notes of one kind share a prefix
  std::string record;
};
inline constexpr std::size_t kNoteKeyBytesMax = 1024;

struct WriteBatch {
  PartitionId partition = 0;
  Epoch epoch = 0;
  std::vector<ExecutionRow> executions{};
  std::vector<TaskRunRow> task_runs{};
  std::vector<TimerRow> timers_set{};
  std::vector<TimerRow> timers_cleared{};  // `due` is ignored
  std::vector<OutboxRow> outbox_added{};
  std::vector<std::uint64_t> outbox_done{};
  std::vector<RequestRow> requests{};
  std::vector<NoteRow> notes_put{};        // each key stands once in the two
  std::vector<std::string> notes_dropped{};
  // Forgotten after all else of the batch is written, with their task runs. Logs, timers and the outbox stay.
  std::vector<ExecutionId> executions_deleted{};

  bool empty() const {
    return executions.empty() && task_runs.empty() && timers_set.empty() && timers_cleared.empty() &&
           outbox_added.empty() && outbox_done.empty() && requests.empty() && notes_put.empty() &&
           notes_dropped.empty() && executions_deleted.empty();
  }
};

// What a partition's new owner starts from.
struct PartitionSnapshot {
  std::vector<ExecutionId> active{};
  std::vector<TimerRow> timers{};
  std::vector<OutboxRow> outbox{};
  std::vector<NoteRow> notes{};
};

struct StoredExecution {
  std::string record;
  std::vector<std::string> task_runs{};  // by index
};

struct ExecutionQuery {
  std::string ns{};       // exact; empty: all
  std::string ns_prefix{};  // "a" finds a and a.b, not ab
  std::string flow_id{};
  std::vector<model::State> states{};
  std::vector<model::Label> labels{};  // all must match
  std::optional<Timestamp> created_from{};
  std::optional<Timestamp> created_before{};
  std::optional<ExecutionId> parent{};
  std::optional<PartitionId> partition{};  // only those that are kept there
  std::size_t limit = 50;
  std::string page_token{};  // of the previous page; empty: the newest
};

struct ExecutionPage {
  std::vector<std::string> records{};  // newest first
  std::string next_page_token{};       // empty: no more
};

struct FlowCount {
  std::string ns;
  std::string flow_id;
  std::uint64_t count = 0;
  bool operator==(const FlowCount&) const = default;
};

using CommitDone = std::function<void(Status)>;

class Store {
 public:
  virtual ~Store() = default;
  // Takes the partition: its epoch rises and every older owner's batches are refused from now on.
  virtual Result<Epoch> Acquire(PartitionId partition) = 0;
  virtual void Commit(WriteBatch batch, CommitDone done) = 0;
  virtual Result<PartitionSnapshot> Load(PartitionId partition) = 0;
  // NOT_FOUND if there is none.
  virtual Result<StoredExecution> Read(const ExecutionId& id) = 0;
  // The execution's own record, without its task runs. NOT_FOUND if there is none.
  virtual Result<std::string> ReadRecord(const ExecutionId& id) = 0;
  virtual Result<ExecutionPage> List(const ExecutionQuery& query) = 0;
  // How many there are of each flow, by name; `limit` and `page_token` do not count. Flows without any are left out.
  virtual Result<std::vector<FlowCount>> Count(const ExecutionQuery& query) = 0;
  virtual Result<std::optional<RequestRow>> FindRequest(const std::string& request_id) = 0;
  // As FindRequest, of a request that would be remembered with this partition.
  virtual Result<std::optional<RequestRow>> FindRequestIn(PartitionId /*partition*/, const std::string& request_id) {
    return FindRequest(request_id);
  }
  // Whether new work may begin; RESOURCE_EXHAUSTED while memory runs short. What runs is committed all the same.
  virtual Status HasRoom() const { return {}; }
};

struct FlowRow {
  std::string ns;
  std::string id;
  int revision = 0;
  std::string digest;
  std::string source;
  Timestamp created{};
  bool deleted = false;
};

// What has changed: each flow once, also those that were deleted.
struct FlowChanges {
  std::uint64_t version = 0;
  std::vector<std::pair<std::string, std::string>> flows{};  // namespace and id
};

// Flow sources by revision. Every call is durable when it returns. A deletion is a revision too (`deleted`): from then on
// the latest is NOT_FOUND and is listed no more, while the revisions stay for the executions that run them.
class FlowStore {
 public:
  virtual ~FlowStore() = default;
  // The next revision, or the latest one unchanged when the digest is the same. Returns the row as stored.
  virtual Result<FlowRow> Put(FlowRow flow) = 0;
  virtual Result<FlowRow> Get(const std::string& ns, const std::string& id, int revision /* 0: latest */) = 0;
  virtual Result<std::vector<FlowRow>> ListLatest(const std::string& ns_prefix /* empty: all */) = 0;
  virtual Result<std::vector<FlowRow>> Revisions(const std::string& ns, const std::string& id) = 0;
  // What others and oneself have changed since that version; 0: ever. A store that only one process has tells nothing.
  virtual Result<FlowChanges> ChangedSince(std::uint64_t /*version*/) { return FlowChanges{}; }
};

struct LogRow {
  ExecutionId execution;
  std::optional<model::TaskRunIndex> task_run{};
  std::string task_id{};
  std::uint32_t attempt = 0;
  Timestamp at{};
  std::string level;  // TRACE DEBUG INFO WARN ERROR
  std::string message;
};

struct LogQuery {
  ExecutionId execution;
  std::uint64_t after = 0;  // offset of the last row that was read
  std::string task_id{};
  std::string level_min{};  // "WARN" finds WARN and ERROR
  std::size_t limit = 1000;
};

struct LogPage {
  std::vector<LogRow> rows{};
  std::vector<std::uint64_t> offsets{};  // beside each row; rising
};

// Rows to delete.
struct LogPurge {
  std::vector<ExecutionId> executions{};
  std::vector<std::string> levels{};  // exactly these; none: all
  std::optional<Timestamp> from{};
  std::optional<Timestamp> before{};
};

// What one execution may keep; then a marker row says so, and the rest is dropped.
struct LogLimits {
  std::size_t rows_max = 100'000;
  std::size_t bytes_max = 64 * 1024 * 1024;    // of messages
  std::size_t message_bytes_max = 256 * 1024;  // a longer one is cut
};

// Task logs: an append path of its own, never in the commit. Capped an execution (docs/limits.md).
class LogStore {
 public:
  virtual ~LogStore() = default;
  virtual void Append(std::vector<LogRow> rows) = 0;  // asynchronous; a loss at a crash is allowed
  virtual void Flush() = 0;                           // returns when what was appended can be read
  virtual Result<LogPage> Read(const LogQuery& query) = 0;
  // Deletes what can be read and matches, and says how many rows that were; durable when it returns. No offset is given
  // to another row later, and what was deleted still counts for the cap.
  virtual Result<std::uint64_t> Purge(const LogPurge& purge) = 0;
};

}  // namespace headrace::store

#include "common/store/redis_batch.h"

#include "common/store/redis_layout.h"
#include "common/store/redis_library.h"

namespace headrace::store {
namespace {

void AddExecutions(const std::vector<ExecutionRow>& rows, Command& to) {
  for (const ExecutionRow& row : rows) {
    to.Add("x").Add(row.id.str()).Add(PackRow(row)).Add(ToMicros(row.created)).Add(FlowKey(row.ns, row.flow_id));
    to.Add(row.parent ? std::string_view(row.parent->str()) : std::string_view());
  }
}

// Those of one execution that follow each other go together.
void AddTaskRuns(const std::vector<TaskRunRow>& rows, Command& to) {
  for (std::size_t first = 0; first < rows.size();) {
    std::size_t last = first;
    while (last < rows.size() && rows[last].execution == rows[first].execution) ++last;
    to.Add("t").Add(rows[first].execution.str()).Add(std::uint64_t{last - first});
    for (; first < last; ++first) to.Add(std::uint64_t{rows[first].index}).Add(PackRecord(rows[first].record));
  }
}

template <typename Row, typename Add>
void AddFields(std::string_view verb, std::string_view hash, const std::vector<Row>& rows, Command& to, Add add) {
  if (rows.empty()) return;
  to.Add(verb).Add(hash).Add(std::uint64_t{rows.size()});
  for (const Row& row : rows) add(row);
}

void AddRequests(const std::vector<RequestRow>& rows, Timestamp now, Command& to) {
  for (const RequestRow& row : rows) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(row.expires - now).count();
    if (left > 0) to.Add("k").Add(row.request_id).Add(PackRequest(row)).Add(std::int64_t{left});
  }
}

}  // namespace

std::string PackCommit(const WriteBatch& batch, std::string_view writer, std::uint64_t number, Timestamp now) {
  Command command = GuardedCall("commit", PartitionHead(batch.partition));
  command.Add(std::uint64_t{batch.epoch}).Add(writer).Add(number);
  AddExecutions(batch.executions, command);
  AddTaskRuns(batch.task_runs, command);
  AddFields("h", "d", batch.timers_set, command, [&](const TimerRow& row) { command.Add(TimerField(row)).Add(PackDue(row)); });
  AddFields("H", "d", batch.timers_cleared, command, [&](const TimerRow& row) { command.Add(TimerField(row)); });
  AddFields("h", "o", batch.outbox_added, command, [&](const OutboxRow& row) { command.Add(row.id).Add(PackRecord(row.record)); });
  AddFields("H", "o", batch.outbox_done, command, [&](std::uint64_t id) { command.Add(id); });
  AddRequests(batch.requests, now, command);
  AddFields("h", "s", batch.notes_put, command, [&](const NoteRow& row) { command.Add(row.key).Add(PackRecord(row.record)); });
  AddFields("H", "s", batch.notes_dropped, command, [&](const std::string& key) { command.Add(std::string_view(key)); });
  for (const ExecutionId& id : batch.executions_deleted) command.Add("X").Add(id.str());
  return std::move(command).Take();
}

}  // namespace headrace::store

#include "common/store/sqlite_batch.h"

#include <optional>
#include <vector>

#include "common/store/query.h"
#include "common/store/sqlite_schema.h"

namespace headrace::store {
namespace {

// Written into the file as numbers: their meaning may not move.
static_assert(static_cast<int>(model::TimerKind::kRetry) == 0 && static_cast<int>(model::TimerKind::kTimeout) == 1 &&
              static_cast<int>(model::TimerKind::kLoopInterval) == 2 && static_cast<int>(model::TimerKind::kPause) == 3 &&
              static_cast<int>(model::TimerKind::kStart) == 4 && static_cast<int>(model::TimerKind::kSla) == 5 &&
              static_cast<int>(model::TimerKind::kLook) == 6);

constexpr std::size_t kSweepRows = 500;

// Rows in the order of their first appearance, each key once with its last row.
template <typename Key, typename Row, typename Hash>
class LastRows {
 public:
  explicit LastRows(std::size_t expected) {
    rows_.reserve(expected);
    places_.reserve(expected);
  }
  void Put(const Key& key, Row row) {
    const auto [place, added] = places_.try_emplace(key, rows_.size());
    if (added) rows_.push_back(row);
    else rows_[place->second] = row;
  }
  const std::vector<Row>& rows() const { return rows_; }

 private:
  std::vector<Row> rows_;
  std::unordered_map<Key, std::size_t, Hash> places_;
};

struct TaskRunKey {
  std::string_view execution;
  model::TaskRunIndex index;
  bool operator==(const TaskRunKey&) const = default;
};
struct TaskRunKeyHash {
  std::size_t operator()(const TaskRunKey& key) const noexcept {
    return std::hash<std::string_view>()(key.execution) + key.index * std::size_t{0x9e3779b97f4a7c15};
  }
};
struct TimerKey {
  PartitionId partition;
  std::string_view execution;
  model::TimerId timer;
  bool operator==(const TimerKey&) const = default;
};
struct TimerKeyHash {
  std::size_t operator()(const TimerKey& key) const noexcept {
    const std::size_t small = static_cast<std::size_t>(key.timer.kind) + key.timer.attempt * std::size_t{4} + key.partition;
    return TaskRunKeyHash()({key.execution, key.timer.task_run}) ^ (small * std::size_t{0xff51afd7ed558ccd});
  }
};
struct OutboxKey {
  PartitionId partition;
  std::uint64_t id;
  bool operator==(const OutboxKey&) const = default;
};
struct OutboxKeyHash {
  std::size_t operator()(const OutboxKey& key) const noexcept { return key.id * 31 + key.partition; }
};

template <typename Count>
std::size_t Sum(std::span<const WriteBatch* const> batches, Count count) {
  std::size_t sum = 0;
  for (const WriteBatch* batch : batches) sum += count(*batch);
  return sum;
}

void BindExecution(Statement& statement, PartitionId partition, const ExecutionRow& row, const std::string& labels) {
  statement.Bind(row.id.str()).Bind(partition).Bind(row.ns).Bind(row.flow_id).Bind(model::StateName(row.state));
  statement.Bind(ToMicros(row.created));
  if (row.ended) statement.Bind(ToMicros(*row.ended));
  else statement.BindNull();
  if (row.parent) statement.Bind(row.parent->str());
  else statement.BindNull();
  if (labels.empty()) statement.BindNull();
  else statement.BindBlob(labels);
  if (IsNotable(row.state)) statement.Bind(1);
  else statement.BindNull();
  statement.BindBlob(row.record);
}

// Separators never stand inside a label.
void AppendEscaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c >= '\x1d' && c <= '\x1f') {
      out += '\x1d';
      out += static_cast<char>(c - '\x1d' + '0');
    } else {
      out += c;
    }
  }
}

}  // namespace

std::string LabelBytes(std::span<const model::Label> labels) {
  std::string bytes;
  for (const auto& [key, value] : labels) {
    bytes += '\x1e';
    AppendEscaped(bytes, key);
    bytes += '\x1f';
    AppendEscaped(bytes, value);
    bytes += '\x1e';
  }
  return bytes;
}

Result<BatchWriter> BatchWriter::Make(Database& database) {
  BatchWriter writer;
  const std::pair<Statement*, const char*> statements[] = {
      {&writer.put_epoch_, "INSERT INTO partitions VALUES(?,?) ON CONFLICT DO UPDATE SET epoch = excluded.epoch"},
      {&writer.end_active_, "DELETE FROM active WHERE partition = ? AND id = ?"},
      {&writer.set_timer_, "INSERT OR REPLACE INTO timers VALUES(?,?,?,?,?,?)"},
      {&writer.clear_timer_,
       "DELETE FROM timers WHERE partition = ? AND execution = ? AND kind = ? AND task_run = ? AND attempt = ?"},
      {&writer.add_outbox_, "INSERT OR REPLACE INTO outbox VALUES(?,?,?)"},
      {&writer.end_outbox_, "DELETE FROM outbox WHERE partition = ? AND id = ?"},
      {&writer.put_note_, "INSERT OR REPLACE INTO notes VALUES(?,?,?)"},
      {&writer.drop_note_, "DELETE FROM notes WHERE partition = ? AND key = ?"},
      {&writer.put_request_, "INSERT OR REPLACE INTO requests VALUES(?,?,?,?)"},
      {&writer.requests_after_, "SELECT id FROM requests WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?"},
      {&writer.forget_requests_, "DELETE FROM requests WHERE id > ? AND (? OR id <= ?) AND expires <= ?"},
  };
  for (const auto& [statement, sql] : statements) {
    ASSIGN_OR_RETURN(*statement, Statement::Prepare(database, sql));
  }
  ASSIGN_OR_RETURN(writer.put_task_run_,
                   InsertStatement::Prepare(database, "INSERT OR REPLACE INTO task_runs VALUES", "(?,?,?)"));
  ASSIGN_OR_RETURN(writer.put_execution_,
                   InsertStatement::Prepare(database, "INSERT INTO executions VALUES", "(?,?,?,?,?,?,?,?,?,?,?)",
                                            " ON CONFLICT DO UPDATE SET state = excluded.state, ended = excluded.ended, "
                                            "labels = excluded.labels, notable = excluded.notable, record = excluded.record"));
  ASSIGN_OR_RETURN(writer.put_active_, InsertStatement::Prepare(database, "INSERT OR REPLACE INTO active VALUES", "(?,?)"));
  ASSIGN_OR_RETURN(writer.sweeper_, Sweeper::Make(database));
  RETURN_IF_ERROR(writer.LoadEpochsAndActive(database));
  return writer;
}

Status BatchWriter::LoadEpochsAndActive(Database& database) {
  ASSIGN_OR_RETURN(Statement epochs, Statement::Prepare(database, "SELECT partition, epoch FROM partitions"));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, epochs.Step());
    if (!row) break;
    epochs_[static_cast<PartitionId>(epochs.Integer(0))] = static_cast<Epoch>(epochs.Integer(1));
  }
  ASSIGN_OR_RETURN(Statement active, Statement::Prepare(database, "SELECT partition, id FROM active"));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, active.Step());
    if (!row) return {};
    active_[active.Text(1)] = static_cast<PartitionId>(active.Integer(0));
  }
}

Epoch BatchWriter::epoch(PartitionId partition) const {
  const auto found = epochs_.find(partition);
  return found == epochs_.end() ? 0 : found->second;
}

Result<Epoch> BatchWriter::RaiseEpoch(PartitionId partition) {
  const Epoch next = epoch(partition) + 1;
  RETURN_IF_ERROR(put_epoch_.Bind(partition).Bind(static_cast<std::int64_t>(next)).Run());
  epochs_[partition] = next;
  return next;
}

Status BatchWriter::Write(std::span<const WriteBatch* const> batches, Timestamp now) {
  RETURN_IF_ERROR(WriteExecutions(batches));
  RETURN_IF_ERROR(WriteTaskRuns(batches));
  RETURN_IF_ERROR(WriteTimers(batches));
  RETURN_IF_ERROR(WriteOutbox(batches));
  RETURN_IF_ERROR(WriteRequests(batches, now));
  RETURN_IF_ERROR(WriteNotes(batches));
  return batches.empty() ? Status() : DeleteExecutions(*batches.back());
}

Status BatchWriter::DeleteExecutions(const WriteBatch& batch) {
  for (const ExecutionId& id : batch.executions_deleted) {
    RETURN_IF_ERROR(EndActive(id));
    RETURN_IF_ERROR(sweeper_.Delete(id));
  }
  return {};
}

Status BatchWriter::WriteExecutions(std::span<const WriteBatch* const> batches) {
  struct Owned {
    PartitionId partition;
    const ExecutionRow* row;
  };
  LastRows<std::string_view, Owned, std::hash<std::string_view>> last(
      Sum(batches, [](const WriteBatch& batch) { return batch.executions.size(); }));
  for (const WriteBatch* batch : batches) {
    for (const ExecutionRow& row : batch->executions) last.Put(row.id.str(), {batch->partition, &row});
  }
  if (!sweeper_.idle()) {
    for (const Owned& owned : last.rows()) RETURN_IF_ERROR(sweeper_.MakeRoom(owned.row->id.str()));
  }
  // Most have no labels; those that have need bytes that live as long as the statement.
  std::vector<std::string> labels;
  labels.reserve(last.rows().size());
  RETURN_IF_ERROR(put_execution_.Run(last.rows(), [&](Statement& statement, const Owned& owned) {
    BindExecution(statement, owned.partition, *owned.row, labels.emplace_back(LabelBytes(owned.row->labels)));
  }));
  std::vector<Owned> started;
  for (const Owned& owned : last.rows()) {
    if (!owned.row->active) RETURN_IF_ERROR(EndActive(owned.row->id));
    else if (active_.emplace(owned.row->id.str(), owned.partition).second) started.push_back(owned);
  }
  return put_active_.Run(started, [](Statement& statement, const Owned& owned) {
    statement.Bind(owned.partition).Bind(owned.row->id.str());
  });
}

Status BatchWriter::EndActive(const ExecutionId& id) {
  const auto found = active_.find(id.str());
  if (found == active_.end()) return {};
  const PartitionId partition = found->second;
  active_.erase(found);
  return end_active_.Bind(partition).Bind(id.str()).Run();
}

Status BatchWriter::WriteTaskRuns(std::span<const WriteBatch* const> batches) {
  LastRows<TaskRunKey, const TaskRunRow*, TaskRunKeyHash> last(
      Sum(batches, [](const WriteBatch& batch) { return batch.task_runs.size(); }));
  for (const WriteBatch* batch : batches) {
    for (const TaskRunRow& row : batch->task_runs) last.Put({row.execution.str(), row.index}, &row);
  }
  return put_task_run_.Run(last.rows(), [](Statement& statement, const TaskRunRow* row) {
    statement.Bind(row->execution.str()).Bind(row->index).BindBlob(row->record);
  });
}

Status BatchWriter::WriteTimers(std::span<const WriteBatch* const> batches) {
  struct Change {
    PartitionId partition;
    const TimerRow* row;
    bool set;
  };
  LastRows<TimerKey, Change, TimerKeyHash> last(
      Sum(batches, [](const WriteBatch& batch) { return batch.timers_set.size() + batch.timers_cleared.size(); }));
  for (const WriteBatch* batch : batches) {
    const auto put = [&](const TimerRow& row, bool set) {
      last.Put({batch->partition, row.execution.str(), row.timer}, {batch->partition, &row, set});
    };
    for (const TimerRow& row : batch->timers_set) put(row, true);
    for (const TimerRow& row : batch->timers_cleared) put(row, false);
  }
  for (const auto& [partition, row, set] : last.rows()) {
    Statement& statement = set ? set_timer_ : clear_timer_;
    statement.Bind(partition).Bind(row->execution.str()).Bind(static_cast<std::int64_t>(row->timer.kind));
    statement.Bind(row->timer.task_run).Bind(row->timer.attempt);
    if (set) statement.Bind(ToMicros(row->due));
    RETURN_IF_ERROR(statement.Run());
  }
  return {};
}

Status BatchWriter::WriteOutbox(std::span<const WriteBatch* const> batches) {
  struct Change {
    OutboxKey key;
    const std::string* record;  // null: done
  };
  LastRows<OutboxKey, Change, OutboxKeyHash> last(
      Sum(batches, [](const WriteBatch& batch) { return batch.outbox_added.size() + batch.outbox_done.size(); }));
  for (const WriteBatch* batch : batches) {
    for (const OutboxRow& row : batch->outbox_added) {
      const OutboxKey key{batch->partition, row.id};
      last.Put(key, {key, &row.record});
    }
    for (const std::uint64_t id : batch->outbox_done) {
      const OutboxKey key{batch->partition, id};
      last.Put(key, {key, nullptr});
    }
  }
  for (const auto& [key, record] : last.rows()) {
    Statement& statement = record != nullptr ? add_outbox_ : end_outbox_;
    statement.Bind(key.partition).Bind(static_cast<std::int64_t>(key.id));
    if (record != nullptr) statement.BindBlob(*record);
    RETURN_IF_ERROR(statement.Run());
  }
  return {};
}

Status BatchWriter::WriteNotes(std::span<const WriteBatch* const> batches) {
  for (const WriteBatch* batch : batches) {
    for (const NoteRow& row : batch->notes_put) {
      RETURN_IF_ERROR(put_note_.Bind(batch->partition).Bind(row.key).BindBlob(row.record).Run());
    }
    for (const std::string& key : batch->notes_dropped) {
      RETURN_IF_ERROR(drop_note_.Bind(batch->partition).Bind(key).Run());
    }
  }
  return {};
}

Status BatchWriter::WriteRequests(std::span<const WriteBatch* const> batches, Timestamp now) {
  for (const WriteBatch* batch : batches) {
    for (const RequestRow& row : batch->requests) {
      put_request_.Bind(row.request_id).Bind(row.body_digest).Bind(row.execution.str()).Bind(ToMicros(row.expires));
      RETURN_IF_ERROR(put_request_.Run());
      if (++requests_since_sweep_ >= kSweepRows) RETURN_IF_ERROR(ForgetExpiredRequests(now));
    }
  }
  return {};
}

// As many old rows are looked at as new ones came, going round and round: no index by time and no long pause.
Status BatchWriter::ForgetExpiredRequests(Timestamp now) {
  requests_since_sweep_ = 0;
  requests_after_.Bind(swept_to_).Bind(std::int64_t{kSweepRows - 1});
  ASSIGN_OR_RETURN(const bool more, requests_after_.Step());
  const std::string until = more ? requests_after_.Text(0) : std::string();
  if (more) requests_after_.Reset();
  forget_requests_.Bind(swept_to_).Bind(std::int64_t{!more}).Bind(until).Bind(ToMicros(now));
  RETURN_IF_ERROR(forget_requests_.Run());
  swept_to_ = until;
  return {};
}

}  // namespace headrace::store

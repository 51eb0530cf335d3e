#include "common/store/sqlite_writer.h"

#include <future>

#include "common/base/log.h"

namespace headrace::store {
namespace {

// Bounds how long the first batch of a group waits for the last.
constexpr std::size_t kGroupRowsMax = 20'000;
// Bounds how long a commit waits behind logs.
constexpr std::size_t kLogRowsMax = 512;

std::size_t RowsOf(const WriteBatch& batch) {
  return 1 + batch.executions.size() + batch.task_runs.size() + batch.timers_set.size() + batch.timers_cleared.size() +
         batch.outbox_added.size() + batch.outbox_done.size() + batch.requests.size() + batch.notes_put.size() +
         batch.notes_dropped.size() + batch.executions_deleted.size();
}

tl::unexpected<Error> Fenced(const WriteBatch& batch, Epoch epoch) {
  return Fail(Code::kAborted, "partition " + std::to_string(batch.partition) + " is at epoch " + std::to_string(epoch) +
                                  ", the batch at " + std::to_string(batch.epoch));
}

}  // namespace

Result<std::unique_ptr<SqliteWriter>> SqliteWriter::Start(Database database, const SqliteOptions& options) {
  // Statements point to it.
  auto owned = std::make_unique<Database>(std::move(database));
  ASSIGN_OR_RETURN(BatchWriter batches, BatchWriter::Make(*owned));
  ASSIGN_OR_RETURN(LogWriter logs, LogWriter::Make(*owned, options.log_limits));
  return std::unique_ptr<SqliteWriter>(new SqliteWriter(std::move(owned), std::move(batches), std::move(logs), options));
}

SqliteWriter::SqliteWriter(std::unique_ptr<Database> database, BatchWriter batches, LogWriter logs,
                           const SqliteOptions& options)
    : database_(std::move(database)),
      durability_(options.durability),
      clock_(options.clock != nullptr ? *options.clock : system_clock_),
      batches_(std::move(batches)),
      logs_(std::move(logs)),
      thread_([this] { Loop(); }) {}

SqliteWriter::~SqliteWriter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  thread_.join();
}

void SqliteWriter::Enqueue(Job job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  work_.notify_one();
}

void SqliteWriter::Commit(WriteBatch batch, CommitDone done) { Enqueue({std::move(batch), {}, std::move(done)}); }

Status SqliteWriter::Call(Work work) {
  std::promise<Status> answer;
  Enqueue({{}, std::move(work), [&answer](Status status) { answer.set_value(std::move(status)); }});
  return answer.get_future().get();
}

void SqliteWriter::Drain() {
  std::unique_lock lock(mutex_);
  progress_.wait(lock, [this] { return jobs_.empty() && !running_group_; });
}

void SqliteWriter::AppendLogs(std::vector<LogRow> rows) {
  {
    std::lock_guard lock(mutex_);
    backlog_.Add(std::move(rows));
  }
  work_.notify_one();
}

void SqliteWriter::FlushLogs() {
  std::unique_lock lock(mutex_);
  const std::uint64_t target = backlog_.added();
  progress_.wait(lock, [&] { return backlog_.settled() >= target; });
}

void SqliteWriter::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return stopping_ || !jobs_.empty() || !backlog_.empty() || HasLeftovers(); });
    if (stopping_ && jobs_.empty() && backlog_.empty()) return;
    if (!jobs_.empty()) {
      std::vector<Job> group = TakeGroup();
      running_group_ = true;
      lock.unlock();
      RunGroup(group);
      group.clear();
      lock.lock();
      running_group_ = false;
      progress_.notify_all();
    }
    if (!backlog_.empty()) WriteSomeLogs(lock);
    if (HasLeftovers()) SweepSome(lock);
  }
}

std::vector<SqliteWriter::Job> SqliteWriter::TakeGroup() {
  std::vector<Job> group;
  std::size_t rows = 0;
  while (!jobs_.empty() && rows < kGroupRowsMax) {
    rows += RowsOf(jobs_.front().batch);
    group.push_back(std::move(jobs_.front()));
    jobs_.pop_front();
  }
  return group;
}

void SqliteWriter::RunGroup(std::vector<Job>& group) {
  std::vector<Status> answers(group.size());
  if (!failure_) {
    Result<std::vector<Status>> written = WriteGroup(group);
    if (written) {
      answers = std::move(*written);
    } else {
      failure_ = std::move(written.error());
      spdlog::error("{}", failure_->message);
      // What a failed transaction has left open; nothing can be done if that fails too.
      (void)database_->Execute("ROLLBACK");
    }
  }
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (failure_) answers[i] = Fail(*failure_);
    if (group[i].done) group[i].done(std::move(answers[i]));
  }
}

Result<std::vector<Status>> SqliteWriter::WriteGroup(const std::vector<Job>& group) {
  std::vector<Status> answers(group.size());
  std::vector<const WriteBatch*> accepted;
  accepted.reserve(group.size());
  const auto write_accepted = [&]() -> Status {
    if (accepted.empty()) return {};
    Status status = batches_.Write(accepted, clock_.Now());
    accepted.clear();
    return status;
  };
  RETURN_IF_ERROR(database_->Execute("BEGIN IMMEDIATE"));
  for (std::size_t i = 0; i < group.size(); ++i) {
    const Job& job = group[i];
    if (job.work) {
      // A new epoch stands between the batches before it and those after.
      RETURN_IF_ERROR(write_accepted());
      RETURN_IF_ERROR(job.work(*database_, batches_));
    } else if (const Epoch epoch = batches_.epoch(job.batch.partition); job.batch.epoch != epoch || epoch == 0) {
      answers[i] = Fenced(job.batch, epoch);
    } else {
      accepted.push_back(&job.batch);
      // What comes later may bring the same executions again.
      if (!job.batch.executions_deleted.empty()) RETURN_IF_ERROR(write_accepted());
    }
  }
  RETURN_IF_ERROR(write_accepted());
  RETURN_IF_ERROR(database_->Execute("COMMIT"));
  return answers;
}

void SqliteWriter::WriteSomeLogs(std::unique_lock<std::mutex>& lock) {
  std::vector<LogRow> rows = backlog_.Take(kLogRowsMax);
  const std::size_t taken = rows.size();
  lock.unlock();
  WriteUnsynced([&] { return logs_.Write(rows); });
  lock.lock();
  backlog_.Settle(taken);
  progress_.notify_all();
}

void SqliteWriter::SweepSome(std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  WriteUnsynced([this] { return batches_.sweeper().Sweep(); });
  lock.lock();
}

// What may be lost at a power cut, or is found again after it, waits for no disk; the next commit's fsync takes it along.
void SqliteWriter::WriteUnsynced(const std::function<Status()>& write) {
  if (failure_) return;
  const bool synced = durability_ == Durability::kFull;
  const Status status = [&]() -> Status {
    if (synced) RETURN_IF_ERROR(database_->Execute("PRAGMA synchronous = NORMAL"));
    RETURN_IF_ERROR(database_->Execute("BEGIN IMMEDIATE"));
    RETURN_IF_ERROR(write());
    RETURN_IF_ERROR(database_->Execute("COMMIT"));
    if (synced) RETURN_IF_ERROR(database_->Execute("PRAGMA synchronous = FULL"));
    return {};
  }();
  if (status) return;
  failure_ = status.error();
  spdlog::error("{}", failure_->message);
  (void)database_->Execute("ROLLBACK");
}

}  // namespace headrace::store

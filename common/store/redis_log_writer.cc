#include "common/store/redis_log_writer.h"

#include "common/base/log.h"
#include "common/base/random.h"
#include "common/store/redis_layout.h"
#include "common/store/redis_library.h"

namespace headrace::store {
namespace {

constexpr std::size_t kRowsAtOnce = 4096;
constexpr std::size_t kTalliesMax = 20'000;
// A call of its own for every task would be most of what Redis does for a short one.
constexpr std::chrono::milliseconds kGather(20);
constexpr int kTries = 5;

std::string NewName() { return std::to_string(Random::FromSystem().Below(1'000'000'000)); }

}  // namespace

RedisLogWriter::RedisLogWriter(RedisPool& pool, LogLimits limits) : pool_(pool), limits_(limits), writer_(NewName()) {
  thread_ = std::thread([this] { Loop(); });
}

RedisLogWriter::~RedisLogWriter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = ending_ = true;
  }
  work_.notify_all();
  thread_.join();
}

void RedisLogWriter::Append(std::vector<LogRow> rows) {
  std::lock_guard lock(mutex_);
  backlog_.Add(std::move(rows));
  work_.notify_one();
}

void RedisLogWriter::Sweep(PartitionId partition, std::vector<ExecutionId> ids) {
  std::lock_guard lock(mutex_);
  sweepings_.push_back({partition, std::move(ids), backlog_.added()});
  ++sweeps_asked_;
  work_.notify_one();
}

void RedisLogWriter::Hurry(Duration most) {
  pool_.Hurry(most);
  std::lock_guard lock(mutex_);
  ending_ = true;
  work_.notify_one();
}

void RedisLogWriter::Flush() {
  std::unique_lock lock(mutex_);
  ++flushing_;
  work_.notify_one();
  const std::uint64_t wanted = backlog_.added();
  const std::uint64_t swept = sweeps_asked_;
  progress_.wait(lock, [&] { return backlog_.settled() >= wanted && sweeps_done_ >= swept; });
  --flushing_;
}

std::deque<RedisLogWriter::Sweeping> RedisLogWriter::TakeSweepings(std::size_t rows) {
  std::deque<Sweeping> taken;
  while (!sweepings_.empty() && sweepings_.front().after <= backlog_.settled() + rows) {
    taken.push_back(std::move(sweepings_.front()));
    sweepings_.pop_front();
  }
  return taken;
}

void RedisLogWriter::Gather(std::unique_lock<std::mutex>& lock) {
  work_.wait_for(lock, kGather, [this] {
    return stopping_ || ending_ || flushing_ > 0 || !sweepings_.empty() || backlog_.added() - backlog_.settled() >= kRowsAtOnce;
  });
}

void RedisLogWriter::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return stopping_ || !backlog_.empty() || !sweepings_.empty(); });
    if (backlog_.empty() && sweepings_.empty()) return;
    Gather(lock);
    std::vector<LogRow> rows = backlog_.Take(kRowsAtOnce);
    const std::size_t taken = rows.size();
    const std::deque<Sweeping> sweepings = TakeSweepings(taken);
    lock.unlock();
    const bool written = rows.empty() || Write(std::move(rows));
    for (const Sweeping& one : sweepings) {
      // They stand in the partition's list of what is to be swept: its next owner finds them there.
      if (const Status swept = SweepNow(one); !swept) spdlog::warn("logs of deleted executions stay for now: {}", swept.error().message);
    }
    lock.lock();
    backlog_.Settle(taken);
    sweeps_done_ += sweepings.size();
    // Who ends does not wait for a Redis that is away once for every part.
    while (ending_ && !written && !backlog_.empty()) backlog_.Settle(backlog_.Take(kRowsAtOnce).size());
    progress_.notify_all();
  }
}

bool RedisLogWriter::Write(std::vector<LogRow> rows) {
  const std::size_t count = rows.size();
  if (tallies_.size() >= kTalliesMax) tallies_.clear();
  std::vector<Group> groups;
  std::unordered_map<ExecutionId, std::size_t> places;
  for (LogRow& row : rows) {
    const auto [at, added] = places.try_emplace(row.execution, groups.size());
    if (added) groups.push_back({row.execution, {}});
    groups[at->second].rows.push_back(std::move(row));
  }
  const Status written = WriteGroups(std::move(groups));
  if (written) return true;
  tallies_.clear();
  spdlog::warn("up to {} log lines are dropped: {}", count, written.error().message);
  return false;
}

Status RedisLogWriter::WriteGroups(std::vector<Group> groups) {
  for (int tries = 0; tries < kTries && !groups.empty(); ++tries) {
    RETURN_IF_ERROR(FetchTallies(groups));
    ASSIGN_OR_RETURN(groups, TryGroups(std::move(groups)));
  }
  if (groups.empty()) return {};
  return Fail(Code::kAborted, "others keep writing the same logs");
}

Status RedisLogWriter::FetchTallies(const std::vector<Group>& groups) {
  std::vector<const Group*> asked;
  std::vector<std::string> questions;
  for (const Group& group : groups) {
    if (tallies_.contains(group.execution)) continue;
    asked.push_back(&group);
    questions.push_back(Command{"LINDEX", LogKey(group.execution.str()), "0"}.Take());
  }
  if (asked.empty()) return {};
  ASSIGN_OR_RETURN(const std::vector<Reply> replies, pool_.Call(questions));
  for (std::size_t i = 0; i < replies.size(); ++i) tallies_[asked[i]->execution] = UnpackTally(replies[i].text);
  return {};
}

Result<std::vector<RedisLogWriter::Group>> RedisLogWriter::TryGroups(std::vector<Group> groups) {
  std::vector<std::string> calls;
  std::vector<std::size_t> called;
  std::vector<std::string> tallies;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    LogTally& tally = tallies_[groups[i].execution];
    const std::uint64_t before = tally.rows;
    std::vector<LogLine> lines;
    for (LogRow row : groups[i].rows) {
      if (Admit(limits_, tally, row)) lines.push_back({tally.rows, std::move(row)});
    }
    if (lines.empty()) continue;
    called.push_back(i);
    tallies.push_back(PackTally(tally, writer_));
    Command call = FunctionCall("append_log", LogKey(groups[i].execution.str()));
    calls.push_back(std::move(call.Add(before).Add(tallies.back()).Add(PackLogChunk(before + 1, lines))).Take());
  }
  std::vector<Group> again;
  if (calls.empty()) return again;
  ASSIGN_OR_RETURN(const std::vector<Reply> replies, pool_.Call(calls));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (replies[i].text == tallies[i]) continue;
    tallies_.erase(groups[called[i]].execution);
    again.push_back(std::move(groups[called[i]]));
  }
  return again;
}

Status RedisLogWriter::SweepNow(const Sweeping& sweeping) {
  Command swept{"SREM", PartitionPrefix(sweeping.partition) + "g"};
  std::vector<std::string> calls;
  for (const ExecutionId& id : sweeping.ids) {
    calls.push_back(Command{"UNLINK", LogKey(id.str())}.Take());
    swept.Add(id.str());
    tallies_.erase(id);
  }
  if (calls.empty()) return {};
  // In a cluster the one may be done and the other not.
  if (pool_.clustered()) RETURN_IF_ERROR(pool_.Call(std::exchange(calls, {})));
  calls.push_back(std::move(swept).Take());
  RETURN_IF_ERROR(pool_.Call(calls));
  return {};
}

}  // namespace headrace::store

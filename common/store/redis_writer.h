// The one thread that commits: sends batches as they come, many in flight, and answers in order.
// Shapes: batches of an epoch are numbered and Redis remembers the last; after a connection broke all that is unanswered
//   is sent again, and what was applied already is only answered. What Redis forgot of the confirmed ones in a failover
//   is written again from memory while it is still at hand.
// Errors: ABORTED when another epoch holds; what may pass is waited for, `outage` at most; then that error for ever.
// Threads: Commit, Begin and Drain from any (not from `done`); `done` runs on the writer's thread.
// Source: FAILURES 2.1, 2.5 and row 40; docs/redis.md.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <thread>

#include "common/store/redis_gate.h"
#include "common/store/redis_locator.h"
#include "common/store/redis_retained.h"
#include "common/store/store.h"

namespace headrace::store {

struct RedisWriterOptions {
  std::optional<RedisSlot> slot{};  // in a cluster, of all that it commits
  int replicas = 0;  // that must have a commit before it is answered
  Duration connect = std::chrono::seconds(2);
  Duration reply = std::chrono::seconds(10);
  Duration outage = std::chrono::minutes(10);
  Duration ending = std::chrono::seconds(5);  // the outage that is waited for in a hurry
  RedisGate* gate = nullptr;  // told what may be read where
  std::function<bool(const std::string&)> may_warn{};  // empty: always; else of this text, for writers that have one trouble together
  std::function<void()> on_connected{};  // to whoever is the master now
  std::function<void(PartitionId, const std::vector<ExecutionId>&)> on_deleted{};
};

class RedisWriter {
 public:
  RedisWriter(const RedisLocator& locator, RedisWriterOptions options);
  // Waits for what was committed, though not for long if Redis is away.
  ~RedisWriter();

  void Commit(const WriteBatch& batch, Timestamp now, CommitDone done);
  // The partition was taken by this process: numbering begins anew.
  void Begin(PartitionId partition, Epoch epoch);
  // Returns when everything committed so far has been answered.
  void Drain();
  // Another server may be the master now.
  void Reconnect();
  // From now on Redis may be away for `ending` only.
  void Hurry();
  // It ends soon: for who ends many, and does not want to wait for one after the other.
  void Stop();

 private:
  struct Entry {
    BatchName name;
    std::string bytes;
    CommitDone done;  // none: it was answered before, and is written again
    std::vector<ExecutionId> deleted;
    std::optional<Status> answer;
  };
  struct Numbers {
    std::uint64_t given = 0;
    std::uint64_t confirmed = 0;
  };

  void Loop();
  bool Finished();
  bool TakeReconnect();
  void Connect();
  Status CheckWhatIsApplied(RedisLink& link);
  Status WriteAgain(const BatchName& from, std::uint64_t applied, std::uint64_t confirmed);
  void OpenGate(const RedisLink& link);
  Status Exchange();
  void Stage();
  Result<bool> TakeReplies();
  Status OnCommitReply(const Reply& reply);
  Status OnWaitReply(const Reply& reply);
  void AnswerFirst(std::size_t count);
  void Finish(Entry entry);
  Status Sleep();
  std::optional<std::chrono::steady_clock::time_point> hurried();
  void Warn(const std::string& text);
  void Lost(const Error& error);
  void GiveUp(Error error);
  void AnswerAllWithFailure();
  void Wake();

  const RedisLocator& locator_;
  const RedisWriterOptions options_;
  const std::string writer_;  // this process, as Redis remembers it
  const int wake_fd_;

  // Writer thread only.
  std::unique_ptr<RedisLink> link_;
  std::size_t sent_ = 0;      // of entries_, on this connection
  std::size_t answered_ = 0;  // of those
  std::size_t written_again_ = 0;  // of entries_: those that come again, before all others
  std::deque<char> expected_;  // 'c' a commit's reply, 'w' a wait's
  std::optional<Deadline> reply_due_;
  std::optional<std::chrono::steady_clock::time_point> outage_since_;
  Duration pause_{0};
  std::optional<Error> load_refused_;
  std::optional<Error> failure_;
  RetainedBatches retained_;

  std::mutex mutex_;
  std::condition_variable progress_;
  std::deque<Entry> entries_;
  std::map<std::pair<PartitionId, Epoch>, Numbers> numbers_;
  bool sleeping_ = false;
  bool stopping_ = false;
  bool reconnect_ = false;
  std::optional<std::chrono::steady_clock::time_point> hurried_;
  std::thread thread_;
};

}  // namespace headrace::store

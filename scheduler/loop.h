// The thread of a scheduler: brings frames, submissions, commits and the time to its Core.
// Shapes: one pass drains what is there (bounded), lets the core tick, then waits for the next thing.
// Threads: Run on one thread; Post and Stop from any.
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/mailbox.h"
#include "common/base/work_watch.h"
#include "scheduler/core.h"

namespace headrace::scheduler {

// Other schedulers. Threads: called on the loop's; `done` from any.
class Neighbours {
 public:
  virtual ~Neighbours() = default;
  virtual void Tell(store::PartitionId to, const std::string& name, const wire::OutboxItem& item,
                    std::function<void(Status)> done) = 0;
  virtual void Spread(const model::SharedNews& news) = 0;
  // Another owner has taken the partition, which was driven at this epoch.
  virtual void Lost(store::PartitionId id, store::Epoch epoch) = 0;
};

// Runs on the loop's thread; false when the mailbox is full.
using PostToLoop = std::function<bool(std::function<void(Core&, Moment)>)>;

struct LoopOptions {
  CoreOptions core{};
  Neighbours* neighbours = nullptr;  // null: there are none, and the one partition is taken at the start
  std::size_t mailbox_capacity = 65536;
};

class Loop final : private CorePort {
 public:
  Loop(LoopOptions options, const Clock& clock, store::Store& store, store::LogStore& logs, FlowRegistry& flows,
       WatchHub& hub, queue::ServerQueue& workers);
  ~Loop() override;

  // Recovers where there are no neighbours, then starts the thread.
  Status Start();
  // Runs on the loop thread; false when the mailbox is full.
  bool Post(std::function<void(Core&, Moment)> work) {
    NoteWaiting();
    return mailbox_.Post(std::move(work));
  }
  void Stop();
  // How long it has been at what it does now; any thread.
  Duration StuckFor() const { return work_.Spent(); }

 private:
  void Run();
  void Pass();
  void Work();
  // Something waits for the loop from now on; any thread.
  void NoteWaiting();
  Moment Now() const { return {clock_.Now(), clock_.Monotonic()}; }
  Duration WaitFor() const;
  void SendFrame(const std::string& peer, std::string bytes) override;
  void AppendLogs(std::vector<store::LogRow> rows) override { logs_.Append(std::move(rows)); }
  std::vector<store::LogRow> ErrorLogs(const ExecutionId& id) override;
  void Tell(store::PartitionId to, const std::string& name, const wire::OutboxItem& item, std::function<void(Status)> done) override;
  void Spread(const model::SharedNews& news) override;
  void Commit(store::WriteBatch batch) override;

  const Clock& clock_;
  store::Store& store_;
  store::LogStore& logs_;
  Neighbours* const neighbours_;
  Telemetry* const telemetry_;
  queue::ServerQueue& workers_;
  Core core_;
  Mailbox<std::function<void(Core&, Moment)>> mailbox_;
  Mailbox<std::pair<store::PartitionId, Status>> committed_;
  std::vector<std::function<void(Core&, Moment)>> posted_;
  std::vector<std::pair<store::PartitionId, Status>> statuses_;
  std::vector<queue::Frame> frames_;
  std::atomic<Duration::rep> waiting_since_{0};  // the oldest call or commit; 0: none, or nobody measures
  WorkWatch work_;
  std::uint64_t sent_ = 0;                       // frames, in this pass
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace headrace::scheduler

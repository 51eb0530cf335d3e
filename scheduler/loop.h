// The thread of a scheduler: brings frames, submissions, commits and the time to its Core.
// Shapes: one pass drains what is there (bounded), lets the core tick, then waits for the next thing.
// Threads: Run on one thread; Post and Stop from any.
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "common/base/mailbox.h"
#include "scheduler/core.h"

namespace headrace::scheduler {

struct LoopOptions {
  CoreOptions core{};
  std::size_t mailbox_capacity = 65536;
};

class Loop final : private CorePort {
 public:
  Loop(LoopOptions options, const Clock& clock, store::Store& store, store::LogStore& logs, FlowRegistry& flows,
       WatchHub& hub, queue::ServerQueue& workers);
  ~Loop() override;

  // Recovers, then starts the thread.
  Status Start();
  // Runs on the loop thread; false when the mailbox is full.
  bool Post(std::function<void(Core&, Moment)> work) { return mailbox_.Post(std::move(work)); }
  void Stop();

 private:
  void Run();
  void Pass();
  Moment Now() const { return {clock_.Now(), clock_.Monotonic()}; }
  Duration WaitFor() const;
  void SendFrame(const std::string& peer, std::string bytes) override;
  void AppendLogs(std::vector<store::LogRow> rows) override { logs_.Append(std::move(rows)); }
  std::vector<store::LogRow> ErrorLogs(const ExecutionId& id) override;
  void Commit(store::WriteBatch batch) override;

  const Clock& clock_;
  store::Store& store_;
  store::LogStore& logs_;
  queue::ServerQueue& workers_;
  Core core_;
  Mailbox<std::function<void(Core&, Moment)>> mailbox_;
  Mailbox<Status> committed_;
  std::vector<std::function<void(Core&, Moment)>> posted_;
  std::vector<Status> statuses_;
  std::vector<queue::Frame> frames_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace headrace::scheduler

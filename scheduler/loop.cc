#include "scheduler/loop.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/base/check.h"
#include "common/base/failpoint.h"
#include "scheduler/telemetry.h"

namespace headrace::scheduler {
namespace {
constexpr std::size_t kFramesPerPass = 256;
constexpr Duration kLongestWait = std::chrono::seconds(30);
}  // namespace

Loop::Loop(LoopOptions options, const Clock& clock, store::Store& store, store::LogStore& logs, FlowRegistry& flows,
           WatchHub& hub, queue::ServerQueue& workers)
    : clock_(clock), store_(store), logs_(logs), neighbours_(options.neighbours), telemetry_(options.core.telemetry), workers_(workers), core_(options.core, store, flows, hub, *this),
      mailbox_(options.mailbox_capacity, [this] { workers_.Wake(); }),
      committed_(1 << 20, [this] { workers_.Wake(); }) {}

Loop::~Loop() { Stop(); }

Status Loop::Start() {
  if (neighbours_ == nullptr) RETURN_IF_ERROR(core_.Recover(Now()));
  thread_ = std::thread([this] { Run(); });
  return {};
}

void Loop::Stop() {
  mailbox_.Close();
  stop_.store(true);
  workers_.Wake();
  if (thread_.joinable()) thread_.join();
}

void Loop::Run() {
  core_.Tick(Now());
  while (!stop_.load()) Pass();
  // What was accepted is committed and answered before the thread ends.
  Pass();
  while (core_.failed() && !core_.idle()) Pass();
}

void Loop::Pass() {
  frames_.clear();
  workers_.Receive(frames_, kFramesPerPass, stop_.load() ? Duration(1000) : WaitFor());
  if (telemetry_ == nullptr) return Work();
  const Duration began = clock_.Monotonic();
  const Duration since(waiting_since_.exchange(0));
  Work();
  telemetry_->Passed(since == Duration(0) ? std::nullopt : std::optional(std::max(began - since, Duration(0))), clock_.Monotonic() - began);
  telemetry_->Messages(frames_.size(), std::exchange(sent_, 0));
}

void Loop::NoteWaiting() {
  if (telemetry_ == nullptr || waiting_since_.load() != 0) return;
  Duration::rep none = 0;
  waiting_since_.compare_exchange_strong(none, clock_.Monotonic().count());
}

void Loop::Work() {
  work_.Begin();
  committed_.Drain(statuses_);
  for (const auto& [partition, status] : statuses_) {
    PassFailpoint(Failpoint::kCommitted);
    core_.OnCommitted(partition, status, Now());
  }
  mailbox_.Drain(posted_);
  const Moment now = Now();
  for (auto& work : posted_) work(core_, now);
  for (const queue::Frame& frame : frames_) core_.OnFrame(frame.peer, frame.bytes, now);
  core_.Tick(now);
  work_.End();
}

Duration Loop::WaitFor() const {
  Duration wait = kLongestWait;
  if (const auto timer = core_.NextTimer()) wait = std::min(wait, clock_.RealWait(*timer - clock_.Now()));
  if (const auto lease = core_.NextLease()) wait = std::min(wait, *lease - clock_.Monotonic());
  return std::max(wait, Duration(0));
}

void Loop::SendFrame(const std::string& peer, std::string bytes) {
  // A lost frame is repaired by the protocol: resends, heartbeats, leases.
  if (const Status sent = workers_.Send(peer, std::move(bytes)); !sent) {
    spdlog::debug("a frame to a worker was not sent: {}", sent.error().message);
  } else {
    ++sent_;
  }
}

void Loop::Commit(store::WriteBatch batch) {
  PassFailpoint(Failpoint::kCommit);
  const store::PartitionId id = batch.partition;
  store_.Commit(std::move(batch), [this, id](Status status) {
    NoteWaiting();
    CHECK(committed_.Post({id, std::move(status)}));
  });
}

void Loop::Tell(store::PartitionId to, const std::string& name, const wire::OutboxItem& item, std::function<void(Status)> done) {
  if (neighbours_ == nullptr) return CorePort::Tell(to, name, item, std::move(done));
  neighbours_->Tell(to, name, item, [this, done = std::move(done)](Status status) {
    // What is not told is brought again after a while.
    static_cast<void>(Post([done, status = std::move(status)](Core&, Moment) { done(status); }));
  });
}

void Loop::Spread(const model::SharedNews& news) {
  if (neighbours_ != nullptr) neighbours_->Spread(news);
}

std::vector<store::LogRow> Loop::ErrorLogs(const ExecutionId& id) {
  logs_.Flush();
  store::LogQuery query;
  query.execution = id;
  query.level_min = "ERROR";
  auto page = logs_.Read(query);
  return page ? std::move(page->rows) : std::vector<store::LogRow>();
}

}  // namespace headrace::scheduler

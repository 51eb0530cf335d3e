#include "tests/sim/nodes.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace headrace::sim {

// ---- scheduler ----

SchedulerNode::SchedulerNode(Surroundings& around)
    : around_(around), store_(around.world, around.disk, around.laws, around.store_faults),
      registry_(around.catalog, around.flow_disk),
      hub_(std::make_shared<scheduler::WatchHub>(
          [](const ExecutionId&) -> Result<scheduler::ExecutionView> { return NotFound("nobody watches here"); })) {
  scheduler::CoreOptions options;
  options.dispatcher.scheduler_name = "sim";
  options.partition_limits.parked_max = 2;  // so that waiting executions are really let go and read again
  core_.reset(new scheduler::Core(options, store_, registry_, *hub_, *this));
  CHECK(core_->Recover(around_.world.moment()).has_value());
  around_.world.Note("scheduler starts, epoch " + std::to_string(core_->partition()->epoch()));
  Tick();
}

SchedulerNode::~SchedulerNode() {
  *alive_ = false;
  store_.Crash();
}

void SchedulerNode::Do(std::function<void()> work) {
  if (paused_) return waiting_.push_back(std::move(work));
  work();
  Tick();
}

void SchedulerNode::Resume() {
  paused_ = false;
  for (auto& work : std::exchange(waiting_, {})) work();
  Tick();
}

void SchedulerNode::Tick() {
  core_->Tick(around_.world.moment());
  PlanWake();
}

void SchedulerNode::PlanWake() {
  Duration delay = std::chrono::seconds(30);
  if (const auto timer = core_->NextTimer()) delay = std::min(delay, *timer - around_.world.wall());
  if (const auto lease = core_->NextLease()) delay = std::min(delay, *lease - around_.world.now());
  around_.world.After(std::max(delay, Duration(1)), [this, alive = alive_, wake = ++wake_] {
    if (!*alive || wake != wake_) return;
    Do([] {});
  });
}

void SchedulerNode::OnFrame(const std::string& peer, const std::string& frame) {
  Do([this, peer, frame] { core_->OnFrame(peer, frame, around_.world.moment()); });
}

void SchedulerNode::Submit(scheduler::SubmitRequest request, scheduler::Engine::SubmitDone done) {
  Do([this, request = std::move(request), done = std::move(done)]() mutable {
    auto prepared = scheduler::PrepareSubmission(registry_, std::move(request), around_.world.wall(), around_.world.random);
    CHECK(prepared.has_value());
    prepared->done = std::move(done);
    core_->Submit(std::move(*prepared), around_.world.moment());
  });
}

void SchedulerNode::Kill(const ExecutionId& id) {
  Do([this, id] { core_->Post(id, model::KillRequested{"the simulator"}, [](Status) {}, around_.world.moment()); });
}

void SchedulerNode::Restart(const ExecutionId& id) {
  Do([this, id] { core_->Post(id, model::RestartRequested{}, [](Status) {}, around_.world.moment()); });
}

void SchedulerNode::Purge(const ExecutionId& id) {
  Do([this, id] {
    core_->Delete({id}, [this, id](const auto& gone) { if (gone && !gone->empty()) around_.laws.OnPurgeReply(id); },
                  around_.world.moment());
  });
}

void SchedulerNode::Follow(const std::string& flow_id) {
  Do([this, flow_id] {
    const scheduler::Moment now = around_.world.moment();
    core_->WithTriggers([&](scheduler::TriggerRunner& triggers) {
      triggers.FollowFlow("sim", flow_id, now.wall);
      return Status();
    }, [](const Status&) {}, now);
  });
}

void SchedulerNode::SendFrame(const std::string& peer, std::string bytes) {
  auto messages = wire::DecodeToWorker(bytes);
  CHECK(messages.has_value());
  for (const wire::ToWorker& message : *messages) {
    if (const auto* assign = std::get_if<wire::Assign>(&message)) around_.laws.OnAssignSent(*assign);
    if (const auto* ack = std::get_if<wire::ResultAck>(&message)) around_.laws.OnResultAcked(ack->key, ack->verdict);
  }
  around_.to_worker(peer, std::move(bytes));
}

void SchedulerNode::Commit(store::WriteBatch batch) {
  store_.Commit(std::move(batch), [this, alive = alive_](Status status) {
    if (!*alive) return;
    Do([this, status = std::move(status)] { core_->OnCommitted(status, around_.world.moment()); });
  });
}

// ---- worker ----

WorkerNode::WorkerNode(Surroundings& around, int index, std::string name,
                       std::function<TaskFate(const worker::StartOrder&)> fate)
    : around_(around), index_(index), fate_(std::move(fate)) {
  worker::SessionOptions options;
  options.worker = WorkerId(name);
  options.incarnation = around.world.random.Next();
  options.capacity = 4;
  session_.reset(new worker::WorkerSession(options, *this));
  around_.world.Note("worker " + name + " starts");
  session_->OnConnected(around_.world.now());
  Settle();
}

WorkerNode::~WorkerNode() {
  *alive_ = false;
  for (const auto& [key, run] : running_) around_.laws.OnRunEnds(key, index_);
}

void WorkerNode::Do(std::function<void()> work) {
  if (paused_) return waiting_.push_back(std::move(work));
  work();
  Settle();
}

void WorkerNode::Settle() {
  session_->OnTick(around_.world.now());
  if (!outgoing_.empty()) around_.to_scheduler(index_, wire::EncodeFromWorker(std::exchange(outgoing_, {})));
  const Duration next = session_->NextWake();
  if (next == worker::WorkerSession::kNever) return;
  around_.world.After(std::max(next - around_.world.now(), Duration(1)), [this, alive = alive_, wake = ++wake_] {
    if (!*alive || wake != wake_) return;
    Do([] {});
  });
}

void WorkerNode::OnFrame(const std::string& frame) {
  Do([this, frame] {
    auto messages = wire::DecodeToWorker(frame);
    CHECK(messages.has_value());
    for (wire::ToWorker& message : *messages) session_->OnMessage(std::move(message), around_.world.now());
  });
}

void WorkerNode::Pause() {
  paused_ = true;
  around_.laws.OnWorkerFrozen(index_, true);
}

void WorkerNode::Resume() {
  paused_ = false;
  // Its first act on waking is to look at its leases, before it believes anything.
  Settle();
  around_.laws.OnWorkerFrozen(index_, false);
  for (auto& work : std::exchange(waiting_, {})) work();
  Settle();
}

void WorkerNode::Drain() {
  Do([this] { session_->BeginDrain(around_.world.now()); });
}

void WorkerNode::StartTask(worker::StartOrder order) {
  const wire::TaskKey key = order.key;
  around_.world.Note("worker " + std::to_string(index_) + " runs " + order.spec->task_id + " of " +
                     key.execution.str() + "/" + std::to_string(key.fence.task_run) + " attempt " +
                     std::to_string(key.fence.attempt) + " delivery " + std::to_string(key.fence.delivery));
  around_.laws.OnRunBegins(key, index_);
  Running run{.started = around_.world.wall(), .fate = fate_(order), .number = ++next_run_};
  run.order = std::move(order);
  Plan(key, run.number, run.fate.takes, run.fate.outcome);
  running_[key] = std::move(run);
}

void WorkerNode::Plan(const wire::TaskKey& key, std::uint64_t number, Duration delay, model::State outcome) {
  around_.world.After(delay, [this, alive = alive_, key, number, outcome] {
    if (!*alive) return;
    Do([this, key, number, outcome] {
      const auto it = running_.find(key);
      if (it != running_.end() && it->second.number == number) Finish(key, outcome, "");
    });
  });
}

void WorkerNode::Finish(const wire::TaskKey& key, model::State outcome, const std::string& message) {
  const auto it = running_.find(key);
  wire::TaskResult result{.key = key, .outcome = outcome, .outputs_json = it->second.fate.outputs_json,
                          .message = message, .started = it->second.started, .ended = around_.world.wall()};
  running_.erase(it);
  around_.laws.OnRunEnds(key, index_);
  session_->OnTaskEnded(std::move(result), around_.world.now());
}

void WorkerNode::CancelTask(const wire::TaskKey& key, Duration, const std::string&) {
  if (const auto it = running_.find(key); it != running_.end()) {
    Plan(key, it->second.number, around_.world.Between(Duration(0), std::chrono::milliseconds(500)), model::State::kKilled);
  }
}

void WorkerNode::AbandonTask(const wire::TaskKey& key) {
  const auto it = running_.find(key);
  if (it == running_.end()) return;
  around_.laws.OnRunEnds(key, index_);  // the process tree is ended before anything else happens
  Plan(key, it->second.number, Duration(1), model::State::kKilled);
}

}  // namespace headrace::sim

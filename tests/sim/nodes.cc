#include "tests/sim/nodes.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/base/check.h"

namespace headrace::sim {
namespace {

constexpr Duration kPartitionLease = std::chrono::seconds(5);
constexpr Duration kLook = std::chrono::milliseconds(500);

}  // namespace

// ---- scheduler ----

SchedulerNode::SchedulerNode(Surroundings& around, int index, const SchedulerLife& life)
    : around_(around), index_(index), owner_("s" + std::to_string(index) + "-" + std::to_string(life.number)), life_(life),
      stores_(around.disk.Open()),
      store_(around.world, around.server, {index, life.before}, *stores_.store, around.laws, around.store_faults),
      leases_(around.server, index, *stores_.leases), flows_(around.server, index, *stores_.flows),
      registry_(around.catalog, flows_),
      hub_(std::make_shared<scheduler::WatchHub>(
          [](const ExecutionId&) -> Result<scheduler::ExecutionView> { return NotFound("nobody watches here"); })) {
  scheduler::CoreOptions options;
  options.partitions = around_.partitions;
  options.on_lost = [this](store::PartitionId id, store::Epoch epoch) {
    if (const auto mine = mine_.find(id); mine != mine_.end() && mine->second.epoch == epoch) mine_.erase(mine);
  };
  options.dispatcher.scheduler_name = owner_;
  options.partition_limits.parked_max = 2;  // so that waiting executions are really let go and read again
  core_.reset(new scheduler::Core(options, store_, registry_, *hub_, *this));
  if (around_.partitions > 1) {
    around_.world.Note("scheduler " + owner_ + " starts" + (life_.before ? ", of the release before" : ""));
    Keep();
  } else {
    CHECK(core_->Recover(Moment()).has_value());
    around_.world.Note("scheduler starts, epoch " + std::to_string(core_->partition()->epoch()));
  }
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
  core_->Tick(Moment());
  PlanWake();
}

void SchedulerNode::PlanWake() {
  Duration delay = std::chrono::seconds(30);
  if (const auto timer = core_->NextTimer()) delay = std::min(delay, *timer - Moment().wall);
  if (const auto lease = core_->NextLease()) delay = std::min(delay, *lease - around_.world.now());
  around_.world.After(std::max(delay, Duration(1)), [this, alive = alive_, wake = ++wake_] {
    if (!*alive || wake != wake_) return;
    Do([] {});
  });
}

void SchedulerNode::OnFrame(const std::string& peer, const std::string& frame) {
  Do([this, peer, frame] { core_->OnFrame(peer, frame, Moment()); });
}

void SchedulerNode::Submit(scheduler::SubmitRequest request, scheduler::Engine::SubmitDone done) {
  Do([this, request = std::move(request), done = std::move(done)]() mutable {
    auto prepared = scheduler::PrepareSubmission(registry_, std::move(request), around_.world.wall(), around_.world.random);
    if (!prepared) {
      CHECK(prepared.error().code == Code::kUnavailable);
      return done(Fail(prepared.error()));
    }
    prepared->done = std::move(done);
    core_->Submit(std::move(*prepared), Moment());
  });
}

void SchedulerNode::Kill(const ExecutionId& id) {
  Do([this, id] { core_->Post(id, model::KillRequested{"the simulator"}, [](Status) {}, Moment()); });
}

void SchedulerNode::Restart(const ExecutionId& id) {
  Do([this, id] { core_->Post(id, model::RestartRequested{}, [](Status) {}, Moment()); });
}

void SchedulerNode::Purge(const ExecutionId& id) {
  Do([this, id] {
    core_->Delete({id}, [this, id](const auto& gone) { if (gone && !gone->empty()) around_.laws.OnPurgeReply(id); },
                  Moment());
  });
}

void SchedulerNode::Follow(const std::string& flow_id) {
  Do([this, flow_id] {
    const scheduler::Moment now = Moment();
    core_->WithTriggers(PlaceOfFlow("sim", flow_id), [&](scheduler::TriggerRunner& triggers) {
      triggers.FollowFlow("sim", flow_id, now.wall);
      return Status();
    }, [](const Status&) {}, now);
  });
}

void SchedulerNode::SendFrame(const std::string& peer, std::string bytes) {
  auto messages = wire::DecodeToWorker(bytes);
  CHECK(messages.has_value());
  for (const wire::ToWorker& message : *messages) {
    if (const auto* assign = std::get_if<wire::Assign>(&message)) {
      around_.laws.OnAssignSent(*assign);
      if (around_.partitions > 1) around_.laws.OnEpochSent(*assign);
    }
    if (const auto* ack = std::get_if<wire::ResultAck>(&message)) around_.laws.OnResultAcked(ack->key, ack->verdict);
  }
  around_.to_worker(index_, peer, std::move(bytes));
}

void SchedulerNode::Commit(store::WriteBatch batch) {
  const store::PartitionId id = batch.partition;
  store_.Commit(std::move(batch), [this, id, alive = alive_](Status status) {
    if (!*alive) return;
    Do([this, id, status = std::move(status)] { core_->OnCommitted(id, status, Moment()); });
  });
}

scheduler::Moment SchedulerNode::Moment() const { return {around_.world.wall() + life_.skew, around_.world.now()}; }

void SchedulerNode::Tell(store::PartitionId to, const std::string& name, const wire::OutboxItem& item,
                         std::function<void(Status)> done) {
  around_.tell(index_, to, name, item, [this, alive = alive_, done = std::move(done)](Status status) {
    if (!*alive) return;
    Do([done, status = std::move(status)] { done(status); });
  });
}

void SchedulerNode::Accept(const std::string& name, const wire::OutboxItem& item, std::function<void(Status)> done) {
  Do([this, name, item, done = std::move(done)] { core_->Accept(name, item, done, Moment()); });
}

void SchedulerNode::Keep() {
  KeepOn();
  around_.world.After(kLook, [this, alive = alive_] {
    if (*alive) Do([this] { Keep(); });
  });
}

void SchedulerNode::KeepOn() {
  RenewLeases();
  if (leaving_) static_cast<void>(leases_.Leave(owner_));
  else if (!leases_.Announce({.id = owner_}, kPartitionLease)) return;
  std::vector<store::PartitionId> all(around_.partitions);
  std::iota(all.begin(), all.end(), 0);
  const auto members = leases_.Members();
  const auto holders = leases_.Holders(all);
  if (!members || !holders) return;
  reached_ = around_.world.now();
  const auto self = std::find_if(members->begin(), members->end(), [&](const store::Member& one) { return one.id == owner_; });
  const auto place = static_cast<std::size_t>(self - members->begin());
  std::size_t share = 0;
  if (!leaving_) share = around_.partitions / members->size() + (place < around_.partitions % members->size() ? 1 : 0);
  TakeFree(share, *holders);
  GiveAway(share);
}

// While the store is away for all, nobody else can take anything; who alone cannot reach it lets go in time.
void SchedulerNode::RenewLeases() {
  const Duration now = around_.world.now();
  std::vector<store::PartitionId> lost;
  for (auto& [id, mine] : mine_) {
    const Status renewed = leases_.Renew(id, owner_, mine.epoch, kPartitionLease);
    if (renewed) mine.renewed = now;
    else if (renewed.error().code == Code::kAborted) lost.push_back(id);
    else if (now - mine.renewed > kPartitionLease && around_.others_reach_store(index_)) lost.push_back(id);
  }
  for (const store::PartitionId id : lost) {
    mine_.erase(id);
    core_->Lose(id, Moment());
  }
}

bool SchedulerNode::reaches_store() const { return !paused_ && around_.world.now() - reached_ < kPartitionLease / 2; }

std::size_t SchedulerNode::Kept() const {
  return static_cast<std::size_t>(std::count_if(mine_.begin(), mine_.end(), [](const auto& one) { return !one.second.closing; }));
}

void SchedulerNode::TakeFree(std::size_t share, const std::vector<store::LeaseHolder>& holders) {
  std::size_t kept = Kept();
  bool taken = false;
  for (const store::LeaseHolder& holder : holders) {
    if (kept >= share || holder.left > Duration(0) || mine_.contains(holder.partition)) continue;
    if (!Take(holder.partition)) continue;
    taken = true;
    ++kept;
  }
  if (taken) core_->dispatcher().AskWhatRuns();
}

bool SchedulerNode::Take(store::PartitionId partition) {
  const auto epoch = leases_.Acquire(partition, owner_, kPartitionLease);
  if (!epoch || !*epoch) return false;
  around_.world.Note(owner_ + " takes partition " + std::to_string(partition));
  auto snapshot = store_.Load(partition);
  auto heads = registry_.Heads();
  around_.server.on_loaded();
  bool opened = false;
  if (snapshot && heads) {
    scheduler::Opening opening{.epoch = **epoch, .snapshot = std::move(*snapshot), .flows = std::move(*heads)};
    std::erase_if(opening.flows, [&](const scheduler::FlowHead& flow) {
      return core_->PartitionAt(PlaceOfFlow(flow.ns, flow.id)) != partition;
    });
    // Not while what it had of it before is still on its way to the store.
    opened = core_->Open(partition, opening, Moment()).has_value();
  }
  if (opened) mine_[partition] = {.epoch = **epoch, .renewed = around_.world.now()};
  else static_cast<void>(leases_.Release(partition, owner_, **epoch));
  return opened;
}

void SchedulerNode::GiveAway(std::size_t share) {
  std::size_t kept = Kept();
  for (auto& [id, mine] : mine_) {
    if (kept <= share) break;
    if (mine.closing) continue;
    mine.closing = true;
    --kept;
    around_.world.Note(owner_ + " hands over partition " + std::to_string(id));
    core_->Close(id, [this, id = id, epoch = mine.epoch] {
      mine_.erase(id);
      static_cast<void>(leases_.Release(id, owner_, epoch));
    }, Moment());
  }
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
  for (int link = 0; link < around_.schedulers; ++link) {
    session_->OnConnected(static_cast<worker::LinkId>(link), around_.world.now());
  }
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
  for (auto& [link, messages] : std::exchange(outgoing_, {})) {
    around_.to_scheduler(index_, static_cast<int>(link), wire::EncodeFromWorker(messages));
  }
  const Duration next = session_->NextWake();
  if (next == worker::WorkerSession::kNever) return;
  around_.world.After(std::max(next - around_.world.now(), Duration(1)), [this, alive = alive_, wake = ++wake_] {
    if (!*alive || wake != wake_) return;
    Do([] {});
  });
}

void WorkerNode::OnFrame(int scheduler, const std::string& frame) {
  Do([this, scheduler, frame] {
    auto messages = wire::DecodeToWorker(frame);
    CHECK(messages.has_value());
    for (wire::ToWorker& message : *messages) {
      if (const auto* assign = std::get_if<wire::Assign>(&message)) assigned_ = {assign->key, assign->partition, assign->epoch};
      session_->OnMessage(static_cast<worker::LinkId>(scheduler), std::move(message), around_.world.now());
    }
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
  if (assigned_.key == key) {
    store::Epoch& highest = began_in_[assigned_.partition];
    if (assigned_.epoch < highest) around_.laws.Break("a worker begins nothing of an owner before the last", key.execution.str());
    highest = assigned_.epoch;
  }
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

#include "scheduler/shard.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/failpoint.h"
#include "scheduler/telemetry.h"

namespace headrace::scheduler {
namespace {

constexpr std::size_t kTimersPerTick = 4096;
constexpr std::size_t kExpiredPerTick = 1000;
constexpr std::size_t kAcceptedKept = 4096;
constexpr Duration kRequestKept = std::chrono::hours(24);
// What no worker was given when the last owner let go.
constexpr const char* kWaitingNote = "waiting";
constexpr std::size_t kWaitingMost = 50'000;  // the rest waits a lease

template <typename... F>
struct Overload : F... {
  using F::operator()...;
};

// An order that changed nothing.
std::string WhyNot(const std::string& event, const ExecutionId& id, const std::string& state) {
  const std::string name = "execution " + id.str();
  if (event == "RestartRequested" || event == "TaskRunMarked") {
    const auto parsed = model::ParseState(state);
    if (state == "PAUSED") return name + " is PAUSED: `headrace exec resume` goes on with it";
    if (parsed && model::IsTerminal(*parsed) && state != "KILLED") {
      return "No task found to restart execution from: " + name + " is " + state +
             "; `headrace exec replay` runs it again, as a new execution";
    }
    std::string why = "Execution must be terminated or paused and not killed to be restarted, current state is '" + state + "' !";
    why += state == "KILLED" ? " `headrace exec replay` runs it again, as a new execution"
                             : " It has not ended: wait for it, or end it with `headrace exec kill`";
    return why;
  }
  if (event == "StatusChanged") return name + " must have ended in another state, its state is " + state;
  if (event == "PauseRequested" || event == "ResumeRequested") {
    return name + " cannot be " + (event == "PauseRequested" ? "paused" : "resumed") + ", its state is " + state;
  }
  return name + " has ended already, its state is " + state;
}

}  // namespace

Shard::Shard(store::PartitionId id, const CoreOptions& options, const Around& around)
    : id_(id), options_(options), store_(around.store), flows_(around.flows), hub_(around.hub), port_(around.port),
      dispatcher_(around.dispatcher), waits_(around.waits), host_(around.host), admissions_(around.store, id),
      triggers_(options.triggers, around.flows, *this) {}

Status Shard::Recover(const Opening& opening, Moment now) {
  const store::PartitionSnapshot& snapshot = opening.snapshot;
  now_ = now;
  opened_ = now.wall;
  PartitionOptions limits = options_.partition_limits;
  limits.measured = options_.telemetry != nullptr;
  limits.id = id_;
  limits.epoch = opening.epoch;
  partition_ = std::make_unique<Partition>(
      limits, store_, flows_, timers_, [this](store::WriteBatch batch) { port_.Commit(std::move(batch)); },
      [this](const ExecutionId& id) { return hub_.HasWatchers(id); },
      options_.answerer);
  // Nothing leaves in this epoch before a commit in it is durable: a failover may forget a taking that nothing followed, and
  // workers would refuse the owner who has the partition again.
  if (options_.partitions > 1) partition_->After(ReplyOrder{[](const Status&) {}});
  for (const store::OutboxRow& row : snapshot.outbox) {
    if (const auto item = wire::DecodeOutbox(row.record)) owing_.emplace(row.id, item->from);
  }
  shared_.Load(snapshot.notes);
  const std::unordered_set<wire::TaskKey> waiting = TakeWaiting(snapshot.notes);
  ASSIGN_OR_RETURN(const std::vector<wire::TaskKey> in_flight, partition_->Recover(snapshot));
  for (const wire::TaskKey& key : in_flight) {
    if (waiting.contains(key)) {
      partition_->After(DispatchOrder{key});
    } else if (options_.workers_died_with_process) {
      Apply(key.execution, model::TaskLost{key.fence, "the process that ran it ended"});
    } else {
      dispatcher_.Adopt(key, now.monotonic);
    }
  }
  ASSIGN_OR_RETURN(const auto queued, admissions_.Recover());
  for (const auto& [ns, flow_id] : queued) LetQueuedRun(ns, flow_id);
  triggers_.Recover(snapshot.notes, opening.flows, now.wall);
  if (!in_flight.empty()) {
    spdlog::info("partition {}: {} deliveries in flight, {} of them given to nobody; {} timers", id_, in_flight.size(),
                 waiting.size(), timers_.size());
  }
  return {};
}

std::unordered_set<wire::TaskKey> Shard::TakeWaiting(const std::vector<store::NoteRow>& notes) {
  std::unordered_set<wire::TaskKey> waiting;
  for (const store::NoteRow& note : notes) {
    if (note.key != kWaitingNote) continue;
    partition_->PutNote(note.key, std::nullopt);
    const auto messages = wire::DecodeToWorker(note.record);
    const auto* keys = messages && messages->size() == 1 ? std::get_if<wire::HeartbeatAck>(&messages->front()) : nullptr;
    if (keys != nullptr) waiting.insert(keys->elsewhere.begin(), keys->elsewhere.end());
    else spdlog::error("partition {}: the note of what waited for a worker is damaged; that waits a lease now", id_);
  }
  return waiting;
}

void Shard::Close(const std::vector<wire::TaskKey>& waiting) {
  wire::HeartbeatAck left;
  for (const wire::TaskKey& key : waiting) {
    if (!IsLook(key) && left.elsewhere.size() < kWaitingMost) left.elsewhere.push_back(key);
  }
  if (!left.elsewhere.empty()) partition_->PutNote(kWaitingNote, wire::EncodeToWorker({std::move(left)}));
  closing_ = true;
}

bool Shard::Apply(const ExecutionId& id, model::EventBody body) {
  auto applied = partition_->Apply(id, model::Event{now_.wall, std::move(body)});
  if (!applied) {
    if (applied.error().code != Code::kNotFound) spdlog::error("{}", applied.error().ToString());
    return false;
  }
  return *applied;
}

void Shard::Submit(PreparedSubmission submission) {
  if (!failed_) return submission.done(Fail(failed_.error()));
  if (!submission.request_id.empty()) {
    std::optional<store::RequestRow> known = partition_->FindUncommittedRequest(submission.request_id);
    if (!known) {
      auto stored = store_.FindRequestIn(id_, submission.request_id);
      if (!stored) return submission.done(Fail(std::move(stored.error())));
      known = std::move(*stored);
    }
    if (known && known->expires > now_.wall) {
      if (known->body_digest != submission.body_digest) {
        return submission.done(Fail(Code::kAlreadyExists, "request id '" + submission.request_id +
                                                              "' was used for another submission: " +
                                                              known->execution.str()));
      }
      partition_->After(ReplyOrder{[done = std::move(submission.done), id = known->execution](Status status) {
        if (!status) return done(Fail(std::move(status.error())));
        done(SubmitReply{id, true, {}});
      }});
      return;
    }
  }
  if (const Status room = store_.HasRoom(); !room) return submission.done(Fail(room.error()));
  const ExecutionId id = submission.submitted.id;
  const Status created = Create(submission);
  if (!created) return submission.done(Fail(created.error()));
  if (!submission.request_id.empty()) {
    partition_->RememberRequest({submission.request_id, submission.body_digest, id, now_.wall + kRequestKept});
  }
  PassFailpoint(Failpoint::kSubmit);
  partition_->After(ReplyOrder{[done = std::move(submission.done), warnings = std::move(submission.warnings),
                                id](Status status) {
    if (!status) return done(Fail(std::move(status.error())));
    done(SubmitReply{id, false, warnings});
  }});
}

void Shard::Post(const ExecutionId& id, model::EventBody body, std::function<void(Status)> done) {
  if (!failed_) return done(Fail(failed_.error()));
  const std::string name(model::EventName(body));
  auto applied = partition_->Apply(id, {now_.wall, std::move(body)});
  if (!applied) return done(Fail(std::move(applied.error())));
  if (!*applied && name == "LabelsSet") return done({});  // it has them already
  if (!*applied) {
    const auto live = partition_->Find(id);
    const std::string state = live ? std::string(model::StateName((*live)->execution().state.current())) : "unknown";
    return done(Fail(Code::kFailedPrecondition, WhyNot(name, id, state)));
  }
  partition_->After(ReplyOrder{std::move(done)});
}

void Shard::Delete(const std::vector<ExecutionId>& ids, DeleteDone done) {
  if (!failed_) return done(Fail(failed_.error()));
  std::vector<ExecutionId> gone;
  for (const ExecutionId& id : ids) {
    // Whoever is not told yet would ask for it again.
    if (std::any_of(owing_.begin(), owing_.end(), [&](const auto& one) { return one.second == id; })) continue;
    const auto deleted = partition_->Delete(id);
    if (!deleted && deleted.error().code != Code::kNotFound) spdlog::error("{}", deleted.error().ToString());
    if (deleted && *deleted) gone.push_back(id);
  }
  partition_->After(ReplyOrder{[done = std::move(done), gone = std::move(gone)](Status status) {
    if (!status) return done(Fail(std::move(status.error())));
    done(gone);
  }});
}

void Shard::WhenSettled(std::function<void(Status)> done) {
  FlushLogs();
  if (!failed_) return done(Fail(failed_.error()));
  if (partition_->idle()) return done({});
  partition_->After(ReplyOrder{std::move(done)});
}

void Shard::OnCommitted(const Status& status) {
  Release release = partition_->OnCommitted();
  if (status && failed_) return Perform(std::move(release));
  if (failed_) Refuse(status);
  for (Order& order : release.orders) {
    if (auto* reply = std::get_if<ReplyOrder>(&order)) reply->reply(Fail(failed_.error()));
  }
}

void Shard::Refuse(const Status& why) {
  failed_ = Fail(why.error());
  partition_->Abandon(why.error());
}

void Shard::Accept(const std::string& name, const wire::OutboxItem& item, std::function<void(Status)> done) {
  if (!failed_) return done(Fail(failed_.error()));
  if (accepted_.insert(name).second) {
    accepted_order_.push_back(name);
    if (accepted_order_.size() > kAcceptedKept) {
      accepted_.erase(accepted_order_.front());
      accepted_order_.pop_front();
    }
    if (!Take(item)) {
      accepted_.erase(name);
      return done(Fail(Code::kUnavailable, "the store does not answer; try again"));
    }
  }
  if (partition_->idle()) return done({});
  partition_->After(ReplyOrder{std::move(done)});
}

void Shard::Perform(Release release) {
  Measure(release);
  // First, so that whoever learns of the end finds all that was logged before it.
  std::vector<ExecutionId> logged;
  for (const store::LogRow& row : release.logs) logged.push_back(row.execution);
  if (!release.logs.empty()) port_.AppendLogs(std::move(release.logs));
  std::set<ExecutionId> told;
  for (Order& order : release.orders) {
    std::visit(Overload{
                   [&](DispatchOrder& dispatch) { Perform(dispatch); },
                   [&](CancelOrder& cancel) { dispatcher_.Cancel(cancel.key, cancel.reason, now_.monotonic); },
                   [&](AckOrder& ack) {
                     PassFailpoint(Failpoint::kAck);
                     host_.Send(ack.peer, wire::ResultAck{ack.key, ack.verdict});
                   },
                   [&](OutboxOrder& owed) { Deliver(owed); },
                   [&](ReplyOrder& reply) {
                     PassFailpoint(Failpoint::kReply);
                     reply.reply({});
                   },
                   [&](EndOrder& end) {
                     if (options_.telemetry != nullptr) options_.telemetry->ExecutionEnded(end.ns, end.flow_id, end.state, end.took);
                     recursions_.erase(end.id);
                     admissions_.Ended(end.ns, end.flow_id, end.id);
                     LetQueuedRun(end.ns, end.flow_id);
                     if (!end.trigger_id.empty()) {
                       triggers_.OnEnded({end.ns, end.flow_id, end.trigger_id}, end.id, end.state, now_.wall);
                     }
                   },
                   [&](PublishOrder& publish) {
                     told.insert(publish.update.execution.id);
                     hub_.Publish(publish.update);
                   },
               },
               order);
  }
  for (const ExecutionId& id : logged) hub_.NoteLogs(id);
  // Whoever still watches learns that it is gone.
  for (const ExecutionId& id : release.deleted) hub_.Refresh(id);
  // Nobody watched it when this was written; who came since may have read what was before.
  for (const ExecutionId& id : release.touched) {
    if (!told.contains(id) && hub_.HasWatchers(id)) hub_.Refresh(id);
  }
  partition_->Park(release.touched);
}

void Shard::Perform(const DispatchOrder& order) {
  PassFailpoint(Failpoint::kDispatch);
  if (IsLook(order.key)) {
    if (triggers_.IsCurrentLook(order.key)) host_.Enqueue(order.key, triggers_.GroupOfLook(order.key));
    return;
  }
  const executor::LiveExecution* live = nullptr;
  const model::TaskRun* task_run = FindTaskRun(order.key, &live);
  if (task_run == nullptr || task_run->fence() != order.key.fence || model::IsTerminal(task_run->state.current())) return;
  host_.Enqueue(order.key, live->program().flow().task(task_run->task).worker_group);
}

void Shard::FireTimers() {
  if (now_.wall >= deliver_again_) DeliverAgain();
  ForgetWaits();
  for (const ArmedTimer& timer : timers_.TakeDue(now_.wall, kTimersPerTick)) {
    if (!MayFire(timer)) continue;
    auto fired = partition_->Fire(timer, now_.wall);
    PassFailpoint(Failpoint::kTimer);
    if (fired) continue;
    spdlog::error("timer of execution {}: {}", timer.execution.str(), fired.error().message);
    if (fired.error().code == Code::kUnavailable) timers_.Postpone(timer, now_.wall + kStoreAgain);
  }
  shared_.Sweep(now_.wall, kExpiredPerTick, StageNote());
}

// No more than the store takes, so that whoever else asks does not wait behind a storm.
void Shard::TickTriggers() {
  if (!closing_ && !partition_->pipeline_full()) triggers_.Tick(now_.wall);
}

std::optional<Timestamp> Shard::NextDue() const {
  std::optional<Timestamp> first;
  const bool triggers_wait = partition_->pipeline_full() || closing_;
  const auto again = undelivered_.empty() && later_.empty() ? std::nullopt : std::optional(deliver_again_);
  for (const std::optional<Timestamp>& due :
       {timers_.NextDue(), shared_.NextExpiry(), triggers_wait ? std::nullopt : triggers_.NextDue(), again}) {
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

void Shard::FlushLogs() {
  if (worker_logs_.empty()) return;
  std::vector<ExecutionId> logged;
  for (const store::LogRow& row : worker_logs_) {
    if (logged.empty() || logged.back() != row.execution) logged.push_back(row.execution);
  }
  port_.AppendLogs(std::exchange(worker_logs_, {}));
  for (const ExecutionId& id : logged) hub_.NoteLogs(id);
}

}  // namespace headrace::scheduler

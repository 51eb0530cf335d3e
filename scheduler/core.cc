#include "scheduler/core.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace headrace::scheduler {
namespace {

constexpr std::size_t kTimersPerTick = 4096;
constexpr std::size_t kMessagesPerFrame = 512;
constexpr std::size_t kFrameBytesGoal = 1024 * 1024;
constexpr Duration kRequestKept = std::chrono::hours(24);

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

Core::Core(CoreOptions options, store::Store& store, FlowRegistry& flows, WatchHub& hub, CorePort& port)
    : options_(std::move(options)), store_(store), flows_(flows), hub_(hub), port_(port),
      dispatcher_(options_.dispatcher, *this), admissions_(store),
      triggers_(options_.triggers, flows, *this) {}

Status Core::Recover(Moment now) {
  now_ = now;
  PartitionOptions limits = options_.partition_limits;
  limits.id = options_.partition;
  ASSIGN_OR_RETURN(limits.epoch, store_.Acquire(options_.partition));
  ASSIGN_OR_RETURN(const store::PartitionSnapshot snapshot, store_.Load(options_.partition));
  partition_ = std::make_unique<Partition>(
      limits, store_, flows_, timers_, [this](store::WriteBatch batch) { port_.Commit(std::move(batch)); },
      [this](const ExecutionId& id) { return hub_.HasWatchers(id); },
      options_.answerer);
  shared_.Load(snapshot.notes);
  ASSIGN_OR_RETURN(const std::vector<wire::TaskKey> in_flight, partition_->Recover(snapshot));
  for (const wire::TaskKey& key : in_flight) {
    if (options_.workers_died_with_process) {
      Apply(key.execution, model::TaskLost{key.fence, "the process that ran it ended"});
    } else {
      dispatcher_.Adopt(key, now.monotonic);
    }
  }
  ASSIGN_OR_RETURN(const auto waiting, admissions_.Recover());
  for (const auto& [ns, flow_id] : waiting) LetQueuedRun(ns, flow_id);
  RETURN_IF_ERROR(triggers_.Recover(snapshot.notes, now.wall));
  if (!in_flight.empty()) spdlog::info("recovered: {} deliveries in flight, {} timers", in_flight.size(), timers_.size());
  return {};
}

bool Core::Apply(const ExecutionId& id, model::EventBody body) {
  auto applied = partition_->Apply(id, model::Event{now_.wall, std::move(body)});
  if (!applied) {
    if (applied.error().code != Code::kNotFound) spdlog::error("{}", applied.error().ToString());
    return false;
  }
  return *applied;
}

void Core::OnFrame(const std::string& peer, std::string_view bytes, Moment now) {
  now_ = now;
  auto messages = wire::DecodeFromWorker(bytes);
  if (!messages) {
    spdlog::warn("a frame of {} bytes is dropped: {}", bytes.size(), messages.error().message);
    return;
  }
  for (wire::FromWorker& message : *messages) dispatcher_.OnMessage(peer, std::move(message), now.monotonic);
}

void Core::Submit(PreparedSubmission submission, Moment now) {
  now_ = now;
  if (!failed_) return submission.done(Fail(failed_.error()));
  if (!submission.request_id.empty()) {
    std::optional<store::RequestRow> known = partition_->FindUncommittedRequest(submission.request_id);
    if (!known) {
      auto stored = store_.FindRequest(submission.request_id);
      if (!stored) return submission.done(Fail(std::move(stored.error())));
      known = std::move(*stored);
    }
    if (known && known->expires > now.wall) {
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
    partition_->RememberRequest({submission.request_id, submission.body_digest, id, now.wall + kRequestKept});
  }
  partition_->After(ReplyOrder{[done = std::move(submission.done), warnings = std::move(submission.warnings),
                                id](Status status) {
    if (!status) return done(Fail(std::move(status.error())));
    done(SubmitReply{id, false, warnings});
  }});
}

void Core::Post(const ExecutionId& id, model::EventBody body, std::function<void(Status)> done, Moment now) {
  now_ = now;
  if (!failed_) return done(Fail(failed_.error()));
  const std::string name(model::EventName(body));
  auto applied = partition_->Apply(id, {now.wall, std::move(body)});
  if (!applied) return done(Fail(std::move(applied.error())));
  if (!*applied && name == "LabelsSet") return done({});  // it has them already
  if (!*applied) {
    const auto live = partition_->Find(id);
    const std::string state = live ? std::string(model::StateName((*live)->execution().state.current())) : "unknown";
    return done(Fail(Code::kFailedPrecondition, WhyNot(name, id, state)));
  }
  partition_->After(ReplyOrder{std::move(done)});
}

void Core::Delete(const std::vector<ExecutionId>& ids, DeleteDone done, Moment now) {
  now_ = now;
  if (!failed_) return done(Fail(failed_.error()));
  std::vector<ExecutionId> gone;
  for (const ExecutionId& id : ids) {
    const auto deleted = partition_->Delete(id);
    if (!deleted && deleted.error().code != Code::kNotFound) spdlog::error("{}", deleted.error().ToString());
    if (deleted && *deleted) gone.push_back(id);
  }
  partition_->After(ReplyOrder{[done = std::move(done), gone = std::move(gone)](Status status) {
    if (!status) return done(Fail(std::move(status.error())));
    done(gone);
  }});
}

void Core::WhenSettled(std::function<void(Status)> done, Moment now) {
  now_ = now;
  FlushLogs();
  if (!failed_) return done(Fail(failed_.error()));
  if (partition_->idle()) return done({});
  partition_->After(ReplyOrder{std::move(done)});
}

void Core::OnCommitted(const Status& status, Moment now) {
  now_ = now;
  Release release = partition_->OnCommitted();
  if (status && failed_) return Perform(std::move(release));
  if (failed_) {
    failed_ = Fail(status.error());
    spdlog::error("the store refused a commit; nothing is accepted any more until a restart: {}",
                  status.error().ToString());
    if (options_.on_failure) options_.on_failure(status.error());
  }
  for (Order& order : release.orders) {
    if (auto* reply = std::get_if<ReplyOrder>(&order)) reply->reply(Fail(failed_.error()));
  }
}

void Core::Perform(Release release) {
  // First, so that whoever learns of the end finds all that was logged before it.
  std::vector<ExecutionId> logged;
  for (const store::LogRow& row : release.logs) logged.push_back(row.execution);
  if (!release.logs.empty()) port_.AppendLogs(std::move(release.logs));
  bool published = false;
  for (Order& order : release.orders) {
    std::visit(Overload{
                   [&](DispatchOrder& dispatch) { Perform(dispatch); },
                   [&](CancelOrder& cancel) { dispatcher_.Cancel(cancel.key, cancel.reason, now_.monotonic); },
                   [&](AckOrder& ack) { Send(ack.peer, wire::ResultAck{ack.key, ack.verdict}); },
                   [&](OutboxOrder& owed) { Deliver(owed); },
                   [&](ReplyOrder& reply) { reply.reply({}); },
                   [&](EndOrder& end) {
                     recursions_.erase(end.id);
                     admissions_.Ended(end.ns, end.flow_id, end.id);
                     LetQueuedRun(end.ns, end.flow_id);
                     if (!end.trigger_id.empty()) {
                       triggers_.OnEnded({end.ns, end.flow_id, end.trigger_id}, end.id, end.state, now_.wall);
                     }
                   },
                   [&](PublishOrder& publish) {
                     published = true;
                     hub_.Publish(publish.update);
                   },
               },
               order);
  }
  for (const ExecutionId& id : logged) hub_.NoteLogs(id);
  // Whoever still watches learns that it is gone.
  for (const ExecutionId& id : release.deleted) hub_.Refresh(id);
  if (!published) {
    for (const ExecutionId& id : release.touched) {
      if (hub_.HasWatchers(id)) hub_.Refresh(id);
    }
  }
  partition_->Park(release.touched);
}

void Core::Perform(const DispatchOrder& order) {
  if (IsLook(order.key)) {
    if (triggers_.IsCurrentLook(order.key)) dispatcher_.Enqueue(order.key, triggers_.GroupOfLook(order.key));
    return;
  }
  const executor::LiveExecution* live = nullptr;
  const model::TaskRun* task_run = FindTaskRun(order.key, &live);
  if (task_run == nullptr || task_run->fence() != order.key.fence || model::IsTerminal(task_run->state.current())) return;
  dispatcher_.Enqueue(order.key, live->program().flow().task(task_run->task).worker_group);
}

void Core::Tick(Moment now) {
  now_ = now;
  if (failed_) {
    ForgetWaits();
    for (const ArmedTimer& timer : timers_.TakeDue(now.wall, kTimersPerTick)) {
      if (!MayFire(timer)) continue;
      auto fired = partition_->Fire(timer, now.wall);
      if (!fired) spdlog::error("timer of execution {}: {}", timer.execution.str(), fired.error().message);
    }
    SweepShared();
    dispatcher_.Tick(now.monotonic);
    // No more than the store takes, so that whoever else asks does not wait behind a storm.
    if (!partition_->pipeline_full()) triggers_.Tick(now.wall);
    TellTriggers();
    partition_->Flush();
    dispatcher_.Pump(now.monotonic);
    TellTriggers();
    partition_->Flush();  // what could not be given out has ended by that
  }
  SendOutbound();
  FlushLogs();
}

std::optional<Timestamp> Core::NextTimer() const {
  std::optional<Timestamp> first;
  const bool triggers_wait = partition_ != nullptr && partition_->pipeline_full();
  for (const std::optional<Timestamp>& due :
       {timers_.NextDue(), shared_.NextExpiry(), triggers_wait ? std::nullopt : triggers_.NextDue()}) {
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

void Core::FlushLogs() {
  if (worker_logs_.empty()) return;
  std::vector<ExecutionId> logged;
  for (const store::LogRow& row : worker_logs_) {
    if (logged.empty() || logged.back() != row.execution) logged.push_back(row.execution);
  }
  port_.AppendLogs(std::exchange(worker_logs_, {}));
  for (const ExecutionId& id : logged) hub_.NoteLogs(id);
}

void Core::Send(const std::string& peer, wire::ToWorker message) {
  if (!peer.empty()) outbound_[peer].push_back(std::move(message));
}

// A frame ends when it is large enough, for one that is too large would be lost with all that is in it.
void Core::SendOutbound() {
  for (auto& [peer, messages] : std::exchange(outbound_, {})) {
    std::vector<wire::ToWorker> frame;
    std::size_t bytes = 0;
    const auto send = [&, peer = peer] {
      if (!frame.empty()) port_.SendFrame(peer, wire::EncodeToWorker(frame));
      frame.clear();
      bytes = 0;
    };
    for (wire::ToWorker& message : messages) {
      const std::size_t more = EstimateBytes(message);
      if (bytes + more > kFrameBytesGoal || frame.size() == kMessagesPerFrame) send();
      bytes += more;
      frame.push_back(std::move(message));
    }
    send();
  }
}

}  // namespace headrace::scheduler

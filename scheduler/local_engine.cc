#include "scheduler/local_engine.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/expr/zone.h"
#include "common/model/search.h"
#include "scheduler/purge.h"
#include "scheduler/telemetry.h"
#include "scheduler/trigger_calls.h"

namespace headrace::scheduler {
namespace {

Result<ExecutionView> ReadView(store::Store& store, FlowRegistry& flows, const ExecutionId& id) {
  auto stored = store.Read(id);
  if (!stored) {
    if (stored.error().code == Code::kNotFound) return NotFound("there is no execution " + id.str());
    return Fail(std::move(stored.error()));
  }
  ExecutionView view;
  ASSIGN_OR_RETURN(view.execution, wire::DecodeExecution(stored->record));
  for (const std::string& record : stored->task_runs) {
    ASSIGN_OR_RETURN(model::TaskRun task_run, wire::DecodeTaskRun(record));
    view.execution.task_runs.push_back(std::move(task_run));
  }
  const model::Execution& execution = view.execution;
  if (auto flow = flows.Get(execution.ns, execution.flow_id, execution.flow_revision)) {
    view.flow = flow->program->flow_ptr();
  }
  return view;
}

Result<model::Execution> ReadHead(store::Store& store, const ExecutionId& id) {
  auto record = store.ReadRecord(id);
  if (record) return wire::DecodeExecution(*record);
  if (record.error().code == Code::kNotFound) return NotFound("there is no execution " + id.str());
  return Fail(std::move(record.error()));
}

FlowView ViewOf(const RegisteredFlow& registered) {
  return {registered.program->flow_ptr(), registered.created, registered.changed, registered.warnings};
}

bool WasGiven(const model::Execution& execution, std::string_view text) {
  return HoldsText(execution.inputs, text) || HoldsText(execution.trigger, text) ||
         std::any_of(execution.task_runs.begin(), execution.task_runs.end(),
                     [&](const model::TaskRun& run) { return !run.superseded && HoldsText(run.outputs, text); });
}

LoopOptions MakeOptions(const EngineOptions& options, Neighbours* neighbours, store::PartitionId partitions) {
  LoopOptions loop;
  loop.mailbox_capacity = options.mailbox_capacity;
  loop.core.workers_died_with_process = options.workers_died_with_process;
  loop.neighbours = neighbours;
  if (neighbours != nullptr) {
    loop.core.partitions = partitions;
    loop.core.on_lost = [neighbours](store::PartitionId id, store::Epoch epoch) { neighbours->Lost(id, epoch); };
  }
  loop.core.on_failure = options.on_failure;
  loop.core.telemetry = options.telemetry;
  if (options.telemetry != nullptr) loop.core.triggers.on_fired = [to = options.telemetry](Duration late) { to->TriggerFired(late); };
  loop.core.triggers.enabled = options.triggers;
  loop.core.triggers.zone = expr::MachineZoneName();
  if (options.answerer) {
    loop.core.triggers.answerer = [answerer = options.answerer](const std::string& ns, const std::string& flow_id,
                                                                const ExecutionId& id, const model::Lookup& lookup) {
      return answerer({ns, flow_id, id, {}, [](std::string_view) { return false; }}, lookup);
    };
    loop.core.answerer = [answerer = options.answerer](const executor::LiveExecution& live, const model::Event& event,
                                                         const model::Lookup& lookup) {
      // Before its first event is applied an execution has what that event brings.
      static const model::Submitted kNothing;
      const auto* const first = std::get_if<model::Submitted>(&event.body);
      const model::Submitted& submitted = first == nullptr ? kNothing : *first;
      const model::Execution& execution = live.execution();
      EngineOptions::Asker asker{execution.ns, execution.flow_id, execution.id, {}, {}};
      if (execution.parent) asker.parent = execution.parent->execution;
      if (submitted.parent) asker.parent = submitted.parent->execution;
      asker.holds = [&](std::string_view text) {
        return WasGiven(execution, text) || HoldsText(submitted.inputs, text) || HoldsText(submitted.trigger, text);
      };
      return answerer(asker, lookup);
    };
  }
  loop.core.dispatcher.scheduler_name = options.name;
  loop.core.dispatcher.ignores_groups = options.workers_died_with_process;
  loop.core.dispatcher.lease = options.lease;
  loop.core.dispatcher.heartbeat = options.heartbeat;
  return loop;
}

}  // namespace

tl::unexpected<Error> Overloaded() {
  return Fail(Code::kResourceExhausted, "the scheduler's mailbox is full: try again in a moment");
}

LocalEngine::LocalEngine(EngineOptions options, Neighbours* neighbours, store::PartitionId partitions)
    : clock_(*options.clock), store_(std::move(options.store)), flow_store_(std::move(options.flows)),
      logs_(std::move(options.logs)), workers_(std::move(options.workers)), name_(options.name),
      registry_(options.catalog, *flow_store_, std::move(options.surroundings), std::move(options.inputs),
                options.loop_history),
      hub_(std::make_shared<WatchHub>([this](const ExecutionId& id) { return ReadView(*store_, registry_, id); })),
      forget_files_(std::move(options.forget_files)),
      loop_(MakeOptions(options, neighbours, partitions), clock_, *store_, *logs_, registry_, *hub_, *workers_),
      subflows_([this](SubmitRequest request, const SubflowCall& subflow, SubmitDone done) {
                  SubmitAsking(std::move(request), subflow, std::move(done));
                },
                [this](const ExecutionId& id, std::function<void()> on_ready) { return Watch(id, 0, std::move(on_ready)); }),
      triggers_(MakeTriggerDoor({registry_,
                                 [this](Object call, auto done) { DoTriggerCallHere(std::move(call), std::move(done)); },
                                 [this](Place, Object call, auto done) { DoTriggerCallHere(std::move(call), std::move(done)); },
                                 [](const Object&) { return TriggerDoorParts::Answers(); }})),
      random_(Random::FromSystem()) {}

LocalEngine::~LocalEngine() { StopAll(); }

void LocalEngine::StopAll() {
  subflows_.Stop();
  loop_.Stop();
}

Result<FlowView> LocalEngine::ValidateFlow(const std::string& source, const std::string& file) {
  ASSIGN_OR_RETURN(RegisteredFlow checked, registry_.Check(source, file));
  std::move(checked.advice.begin(), checked.advice.end(), std::back_inserter(checked.warnings));
  return ViewOf(checked);
}

Result<FlowView> LocalEngine::ApplyFlow(const std::string& source, const std::string& file) {
  ASSIGN_OR_RETURN(const RegisteredFlow applied, registry_.Apply(source, file, clock_.Now()));
  const model::Flow& flow = applied.program->flow();
  RETURN_IF_ERROR(Await<bool>([ns = flow.ns, id = flow.id](Core& core, auto done, Moment now) {
    core.WithTriggers(PlaceOfFlow(ns, id),
                      [&](TriggerRunner& triggers) { triggers.FollowFlow(ns, id, now.wall); return Status(); },
                      [done](const Status& status) { done(status ? Result<bool>(true) : Fail(status.error())); }, now);
  }));
  return ViewOf(applied);
}

Result<FlowView> LocalEngine::GetFlow(const std::string& ns, const std::string& id, int revision) {
  ASSIGN_OR_RETURN(const RegisteredFlow found, registry_.Get(ns, id, revision));
  return ViewOf(found);
}

void LocalEngine::Submit(SubmitRequest request, SubmitDone done) {
  if (const auto flow = registry_.Get(request.ns, request.flow_id, request.revision); flow && flow->asks_subflow) {
    return subflows_.Begin(std::move(request), std::move(done));
  }
  auto prepared = [&] {
    std::lock_guard lock(random_mutex_);
    return PrepareSubmission(registry_, std::move(request), clock_.Now(), random_);
  }();
  PostPrepared(std::move(prepared), std::move(done));
}

void LocalEngine::SubmitAsking(SubmitRequest request, const SubflowCall& subflow, SubmitDone done) {
  Random random = Random::FromSystem();
  PostPrepared(PrepareSubmission(registry_, std::move(request), clock_.Now(), random, subflow), std::move(done));
}

void LocalEngine::PostPrepared(Result<PreparedSubmission> prepared, SubmitDone done) {
  if (!prepared) return done(Fail(std::move(prepared.error())));
  for (std::string& undeclared : prepared->warnings) {
    undeclared = "input " + undeclared + " is not declared by the flow and is left out";
  }
  prepared->done = done;
  // std::function must be copyable, PreparedSubmission is.
  const bool posted = loop_.Post([submission = std::move(*prepared)](Core& core, Moment now) mutable {
    core.Submit(std::move(submission), now);
  });
  if (!posted) done(Overloaded());
}

Result<ExecutionView> LocalEngine::GetExecution(const ExecutionId& id) { return ReadView(*store_, registry_, id); }

Result<model::Execution> LocalEngine::GetExecutionHead(const ExecutionId& id) { return ReadHead(*store_, id); }

Result<ExecutionList> LocalEngine::ListExecutions(const store::ExecutionQuery& query) {
  ASSIGN_OR_RETURN(store::ExecutionPage page, store_->List(query));
  ExecutionList list;
  list.next_page_token = std::move(page.next_page_token);
  for (const std::string& record : page.records) {
    ASSIGN_OR_RETURN(model::Execution execution, wire::DecodeExecution(record));
    list.executions.push_back(std::move(execution));
  }
  return list;
}

Result<PurgeReply> LocalEngine::PurgeExecutions(const std::vector<ExecutionId>& ids, bool files) {
  return Purge({*store_, *logs_, forget_files_, [this](const std::vector<ExecutionId>& some) { return DeleteRows(some); }}, ids,
               files);
}

Result<std::vector<ExecutionId>> LocalEngine::DeleteRows(const std::vector<ExecutionId>& ids) {
  return Await<std::vector<ExecutionId>>([ids](Core& core, auto done, Moment now) { core.Delete(ids, std::move(done), now); });
}

void LocalEngine::PostEvent(const ExecutionId& id, model::EventBody body, std::function<void(Status)> done) {
  const bool posted = loop_.Post([id, body = std::move(body), done](Core& core, Moment now) mutable {
    core.Post(id, std::move(body), std::move(done), now);
  });
  if (!posted) done(Overloaded());
}

void LocalEngine::Kill(const ExecutionId& id, std::string reason, std::function<void(Status)> done) {
  PostEvent(id, model::KillRequested{std::move(reason)}, std::move(done));
}

void LocalEngine::Restart(const ExecutionId& id, std::function<void(Status)> done) {
  PostCall(std::move(done), [id](Core& core, auto then, Moment now) { core.Restart(id, std::move(then), now); });
}

void LocalEngine::Pause(const ExecutionId& id, std::function<void(Status)> done) {
  PostEvent(id, model::PauseRequested{}, std::move(done));
}

void LocalEngine::Resume(const ExecutionId& id, ResumeRequest request, std::function<void(Status)> done) {
  PostCall(std::move(done), [id, request = std::move(request)](Core& core, auto then, Moment now) {
    core.Resume(id, request, std::move(then), now);
  });
}

void LocalEngine::Replay(const ExecutionId& id, ReplayRequest request, SubmitDone done) {
  PostCall(std::move(done), [id, request = std::move(request)](Core& core, auto then, Moment now) {
    core.Replay(id, request, std::move(then), now);
  });
}

void LocalEngine::MarkTaskRun(const ExecutionId& id, const TaskRunId& task_run, model::State state,
                              std::function<void(Status)> done) {
  PostCall(std::move(done), [id, task_run, state](Core& core, auto then, Moment now) {
    core.Mark(id, task_run, state, std::move(then), now);
  });
}

void LocalEngine::ChangeStatus(const ExecutionId& id, model::State state, std::function<void(Status)> done) {
  PostEvent(id, model::StatusChanged{state}, std::move(done));
}

void LocalEngine::SetLabels(const ExecutionId& id, std::vector<model::Label> labels, std::function<void(Status)> done) {
  PostEvent(id, model::LabelsSet{std::move(labels)}, std::move(done));
}

void LocalEngine::Unqueue(const ExecutionId& id, model::Admission admission, std::function<void(Status)> done) {
  PostCall(std::move(done), [id, admission](Core& core, auto then, Moment now) {
    core.Unqueue(id, admission, std::move(then), now);
  });
}

void LocalEngine::DoTriggerCallHere(Object call, std::function<void(Result<Value>)> done) {
  PostCall(std::move(done), [call = std::move(call)](Core& core, auto then, Moment now) { DoTriggerCall(core, call, now, std::move(then)); });
}

void LocalEngine::Share(model::ShareRequest request, std::function<void(Result<model::ShareReply>)> done) {
  PostCall(std::move(done), [request = std::move(request)](Core& core, auto then, Moment now) {
    core.Share(request, std::move(then), now);
  });
}

Status LocalEngine::Settle() {
  RETURN_IF_ERROR(Await<bool>([](Core& core, auto done, Moment now) {
    core.WhenSettled([done](const Status& status) { done(status ? Result<bool>(true) : Fail(status.error())); }, now);
  }));
  return {};
}

Result<store::LogPage> LocalEngine::ReadLogs(const store::LogQuery& query) {
  logs_->Flush();
  return logs_->Read(query);
}

Result<std::uint64_t> LocalEngine::PurgeLogs(const store::LogPurge& purge) {
  logs_->Flush();
  return logs_->Purge(purge);
}

Result<std::vector<WorkerView>> LocalEngine::ListWorkers() {
  return OnLoop<std::vector<WorkerView>>([](Core& core, Moment now) { return core.dispatcher().Workers(now.monotonic); });
}

Result<EngineSample> LocalEngine::Sample() {
  return OnLoop<EngineSample>([](Core& core, Moment now) { return core.Sample(now); });
}

Result<std::vector<QueueView>> LocalEngine::ListQueues() {
  ASSIGN_OR_RETURN(EngineSample sample, Sample());
  return std::move(sample.queues);
}

Status LocalEngine::DrainWorker(const WorkerId& id) {
  auto drained = OnLoop<Status>([id](Core& core, Moment) { return core.dispatcher().Drain(id); });
  return drained ? *drained : Fail(std::move(drained.error()));
}

Result<std::vector<SchedulerView>> LocalEngine::ListSchedulers() {
  return std::vector<SchedulerView>{{.id = name_, .worker_endpoint = worker_endpoint(), .partitions = 1, .self = true}};
}

void LocalEngine::OnPeerCall(std::string, PeerDone done) {
  done(Fail(Code::kFailedPrecondition, "this scheduler has its store alone: there is nothing to hand to it"));
}

void LocalEngine::HandOver() {
  static_cast<void>(Await<bool>([](Core& core, auto done, Moment now) { core.Close(0, [done] { done(true); }, now); }));
}

}  // namespace headrace::scheduler

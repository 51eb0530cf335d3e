#include "scheduler/engine.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <mutex>
#include <utility>

#include "common/expr/zone.h"
#include "common/model/search.h"
#include "scheduler/local_trigger_door.h"
#include "scheduler/loop.h"
#include "scheduler/purge.h"

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

tl::unexpected<Error> Overloaded() {
  return Fail(Code::kResourceExhausted, "the scheduler's mailbox is full: try again in a moment");
}

bool WasGiven(const model::Execution& execution, std::string_view text) {
  return HoldsText(execution.inputs, text) || HoldsText(execution.trigger, text) ||
         std::any_of(execution.task_runs.begin(), execution.task_runs.end(),
                     [&](const model::TaskRun& run) { return !run.superseded && HoldsText(run.outputs, text); });
}

class LocalEngine final : public Engine {
 public:
  explicit LocalEngine(EngineOptions options)
      : clock_(*options.clock), store_(std::move(options.store)), flow_store_(std::move(options.flows)),
        logs_(std::move(options.logs)), workers_(std::move(options.workers)),
        forget_files_(std::move(options.forget_files)),
        registry_(options.catalog, *flow_store_, std::move(options.surroundings), std::move(options.inputs),
                  options.loop_history),
        hub_(std::make_shared<WatchHub>([this](const ExecutionId& id) { return ReadView(*store_, registry_, id); })),
        loop_(MakeOptions(options), clock_, *store_, *logs_, registry_, *hub_, *workers_),
        subflows_([this](SubmitRequest request, const SubflowCall& subflow, SubmitDone done) {
                    Random random = Random::FromSystem();
                    Post(PrepareSubmission(registry_, std::move(request), clock_.Now(), random, subflow), std::move(done));
                  },
                  [this](const ExecutionId& id, std::function<void()> on_ready) { return Watch(id, 0, std::move(on_ready)); }),
        triggers_(MakeTriggerDoor([this](std::function<void(Core&, Moment)> work) { return loop_.Post(std::move(work)); },
                                  registry_, [this] { return clock_.Now(); })),
        random_(Random::FromSystem()) {}
  ~LocalEngine() override {
    subflows_.Stop();
    loop_.Stop();
  }

  Status Begin() { return loop_.Start(); }

  Result<FlowView> ValidateFlow(const std::string& source, const std::string& file) override {
    ASSIGN_OR_RETURN(RegisteredFlow checked, registry_.Check(source, file));
    std::move(checked.advice.begin(), checked.advice.end(), std::back_inserter(checked.warnings));
    return ViewOf(checked);
  }
  Result<FlowView> ApplyFlow(const std::string& source, const std::string& file) override {
    ASSIGN_OR_RETURN(const RegisteredFlow applied, registry_.Apply(source, file, clock_.Now()));
    const model::Flow& flow = applied.program->flow();
    RETURN_IF_ERROR(Await<bool>([ns = flow.ns, id = flow.id](Core& core, auto done, Moment now) {
      core.WithTriggers([&](TriggerRunner& triggers) { triggers.FollowFlow(ns, id, now.wall); return Status(); },
                        [done](const Status& status) { done(status ? Result<bool>(true) : Fail(status.error())); }, now);
    }));
    return ViewOf(applied);
  }
  Result<FlowView> GetFlow(const std::string& ns, const std::string& id, int revision) override {
    ASSIGN_OR_RETURN(const RegisteredFlow found, registry_.Get(ns, id, revision));
    return ViewOf(found);
  }
  Result<std::vector<store::FlowRow>> ListFlows(const std::string& ns_prefix) override {
    return registry_.ListLatest(ns_prefix);
  }
  Result<std::vector<store::FlowRow>> ListRevisions(const std::string& ns, const std::string& id) override {
    return registry_.Revisions(ns, id);
  }

  void Submit(SubmitRequest request, SubmitDone done) override {
    if (const auto flow = registry_.Get(request.ns, request.flow_id, request.revision); flow && flow->asks_subflow) {
      return subflows_.Begin(std::move(request), std::move(done));
    }
    auto prepared = [&] {
      std::lock_guard lock(random_mutex_);
      return PrepareSubmission(registry_, std::move(request), clock_.Now(), random_);
    }();
    Post(std::move(prepared), std::move(done));
  }

  Result<ExecutionView> GetExecution(const ExecutionId& id) override { return ReadView(*store_, registry_, id); }

  Result<model::Execution> GetExecutionHead(const ExecutionId& id) override { return ReadHead(*store_, id); }

  Result<ExecutionList> ListExecutions(const store::ExecutionQuery& query) override {
    ASSIGN_OR_RETURN(store::ExecutionPage page, store_->List(query));
    ExecutionList list;
    list.next_page_token = std::move(page.next_page_token);
    for (const std::string& record : page.records) {
      ASSIGN_OR_RETURN(model::Execution execution, wire::DecodeExecution(record));
      list.executions.push_back(std::move(execution));
    }
    return list;
  }

  Result<std::vector<store::FlowCount>> CountExecutions(const store::ExecutionQuery& query) override {
    return store_->Count(query);
  }

  Result<PurgeReply> PurgeExecutions(const std::vector<ExecutionId>& ids, bool files) override {
    return Purge({*store_, *logs_, forget_files_, [this](const std::vector<ExecutionId>& some) {
                    return Await<std::vector<ExecutionId>>([some](Core& core, auto done, Moment now) {
                      core.Delete(some, std::move(done), now);
                    });
                  }},
                 ids, files);
  }

  void Kill(const ExecutionId& id, std::string reason, std::function<void(Status)> done) override {
    PostEvent(id, model::KillRequested{std::move(reason)}, std::move(done));
  }
  void Restart(const ExecutionId& id, std::function<void(Status)> done) override {
    PostCall(std::move(done), [id](Core& core, auto then, Moment now) { core.Restart(id, std::move(then), now); });
  }
  void Pause(const ExecutionId& id, std::function<void(Status)> done) override {
    PostEvent(id, model::PauseRequested{}, std::move(done));
  }
  void Resume(const ExecutionId& id, ResumeRequest request, std::function<void(Status)> done) override {
    PostCall(std::move(done), [id, request = std::move(request)](Core& core, auto then, Moment now) {
      core.Resume(id, request, std::move(then), now);
    });
  }
  void Replay(const ExecutionId& id, ReplayRequest request, SubmitDone done) override {
    PostCall(std::move(done), [id, request = std::move(request)](Core& core, auto then, Moment now) {
      core.Replay(id, request, std::move(then), now);
    });
  }
  void MarkTaskRun(const ExecutionId& id, const TaskRunId& task_run, model::State state,
                   std::function<void(Status)> done) override {
    PostCall(std::move(done), [id, task_run, state](Core& core, auto then, Moment now) {
      core.Mark(id, task_run, state, std::move(then), now);
    });
  }
  void ChangeStatus(const ExecutionId& id, model::State state, std::function<void(Status)> done) override {
    PostEvent(id, model::StatusChanged{state}, std::move(done));
  }
  void SetLabels(const ExecutionId& id, std::vector<model::Label> labels, std::function<void(Status)> done) override {
    PostEvent(id, model::LabelsSet{std::move(labels)}, std::move(done));
  }
  void Unqueue(const ExecutionId& id, model::Admission admission, std::function<void(Status)> done) override {
    PostCall(std::move(done), [id, admission](Core& core, auto then, Moment now) {
      core.Unqueue(id, admission, std::move(then), now);
    });
  }
  Result<std::shared_ptr<Subscription>> Watch(const ExecutionId& id, std::uint64_t after,
                                              std::function<void()> on_ready) override {
    return hub_->Watch(id, after, std::move(on_ready));
  }

  TriggerDoor& triggers() override { return *triggers_; }

  void Share(model::ShareRequest request, std::function<void(Result<model::ShareReply>)> done) override {
    PostCall(std::move(done), [request = std::move(request)](Core& core, auto then, Moment now) {
      core.Share(request, std::move(then), now);
    });
  }

  Status Settle() override {
    RETURN_IF_ERROR(Await<bool>([](Core& core, auto done, Moment now) {
      core.WhenSettled([done](const Status& status) { done(status ? Result<bool>(true) : Fail(status.error())); }, now);
    }));
    return {};
  }
  Result<store::LogPage> ReadLogs(const store::LogQuery& query) override {
    logs_->Flush();
    return logs_->Read(query);
  }
  Result<std::uint64_t> PurgeLogs(const store::LogPurge& purge) override {
    logs_->Flush();
    return logs_->Purge(purge);
  }
  std::shared_ptr<void> WatchLogs(const ExecutionId& id, std::function<void()> on_ready) override {
    return hub_->WatchLogs(id, std::move(on_ready));
  }

  Result<std::vector<WorkerView>> ListWorkers() override {
    return OnLoop<std::vector<WorkerView>>(
        [](Core& core, Moment now) { return core.dispatcher().Workers(now.monotonic); });
  }
  Status DrainWorker(const WorkerId& id) override {
    auto drained = OnLoop<Status>([id](Core& core, Moment) { return core.dispatcher().Drain(id); });
    return drained ? *drained : Fail(std::move(drained.error()));
  }
  std::string worker_endpoint() const override { return workers_->endpoint(); }

 private:
  static LoopOptions MakeOptions(const EngineOptions& options) {
    LoopOptions loop;
    loop.mailbox_capacity = options.mailbox_capacity;
    loop.core.workers_died_with_process = options.workers_died_with_process;
    loop.core.on_failure = options.on_failure;
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

  void Post(Result<PreparedSubmission> prepared, SubmitDone done) {
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

  void PostEvent(const ExecutionId& id, model::EventBody body, std::function<void(Status)> done) {
    const bool posted = loop_.Post([id, body = std::move(body), done](Core& core, Moment now) mutable {
      core.Post(id, std::move(body), std::move(done), now);
    });
    if (!posted) done(Overloaded());
  }

  template <typename Done, typename Call>
  void PostCall(Done done, Call call) {
    const bool posted = loop_.Post(
        [call = std::move(call), done](Core& core, Moment now) mutable { call(core, std::move(done), now); });
    if (!posted) done(Overloaded());
  }

  // Runs `work` on the loop thread and waits until it calls what it was given.
  template <typename T, typename Work>
  Result<T> Await(Work work) {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    std::future<Result<T>> answer = promise->get_future();
    if (!loop_.Post([promise, work = std::move(work)](Core& core, Moment now) {
          work(core, [promise](Result<T> result) { promise->set_value(std::move(result)); }, now);
        })) {
      return Overloaded();
    }
    if (answer.wait_for(std::chrono::seconds(10)) != std::future_status::ready) {
      return Fail(Code::kDeadlineExceeded, "the scheduler did not answer within 10 s");
    }
    return answer.get();
  }

  // Runs `work` on the loop thread and waits for its answer.
  template <typename T>
  Result<T> OnLoop(std::function<T(Core&, Moment)> work) {
    return Await<T>([work = std::move(work)](Core& core, auto done, Moment now) { done(Result<T>(tl::in_place, work(core, now))); });
  }

  const Clock& clock_;
  const std::unique_ptr<store::Store> store_;
  const std::unique_ptr<store::FlowStore> flow_store_;
  const std::unique_ptr<store::LogStore> logs_;
  const std::unique_ptr<queue::ServerQueue> workers_;
  const ForgetFiles forget_files_;
  FlowRegistry registry_;
  const std::shared_ptr<WatchHub> hub_;
  Loop loop_;
  InputSubflows subflows_;
  const std::unique_ptr<TriggerDoor> triggers_;
  std::mutex random_mutex_;
  Random random_;
};

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Start(EngineOptions options) {
  auto engine = std::make_unique<LocalEngine>(std::move(options));
  RETURN_IF_ERROR(engine->Begin());
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace headrace::scheduler
